"""Hands and feet on a rig's controls of inverse kinematics, in place of its limbs' own bones.

The pose is the same: a goal lies where the wrist or ankle is and is turned as the hand or foot, and a pole lies in the
plane in which the limb is bent, where elbow or knee point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from .retargeting import Retargeting, WorldPose
from .rig import RigError
from .rig_map import SIDES, IkControls

Floats = NDArray[np.floating[Any]]

#: Joints of a limb that a goal leads, by what it leads.
_LIMBS = {"wrist": ("shoulder", "elbow", "wrist"), "ankle": ("hip", "knee", "ankle")}
#: Where a limb is straighter than this, a pole lies more and more to the side to which such limbs bend.
STRAIGHT_RAD = 0.06


@dataclass(frozen=True, eq=False)
class ControlKeys:
    """What controls are keyed with.

    Attributes:
        turns: by control, (T, 4) quaternions in its own axes at rest, signs continuous in time.
        locations: by control, (T, 3) in the rig's unit and its axes of location.
        replaced: bones of limbs that are led now, and need no keys.
    """

    turns: Mapping[str, Floats]
    locations: Mapping[str, Floats]
    replaced: frozenset[str]


def ik_keys(retargeting: Retargeting, pose: WorldPose) -> ControlKeys:
    """What the rig's controls are keyed with for a pose of its limbs' own bones.

    Args:
        retargeting: of a rig among whose bones the controls are.
        pose: of the limbs' own bones.

    Raises:
        RigError: if the rig's map knows no such controls.
    """
    ik = retargeting.bones.ik
    if ik is None:
        raise RigError(
            "This rig's map knows no IK controls. Key its bones instead, or choose a map that has a part 'ik'."
        )
    heads = retargeting.heads(pose)
    turned: dict[str, Floats] = {}
    placed: dict[str, Floats] = {}
    for joint, control in ik.goals.items():
        bone = retargeting.bones.joints.get(joint)
        if bone is None:
            continue
        turned[control] = pose.turned[bone]
        if not joint.endswith("_foot"):
            placed[control] = heads[bone] + rotations.rotate(turned[control], _between(retargeting, bone, control))
    for joint, control in ik.poles.items():
        placed[control] = _pole(retargeting, pose, heads, joint, control)
    replaced = _replaced(retargeting, ik)
    kept = {bone: turn for bone, turn in pose.turned.items() if bone not in replaced}
    return ControlKeys(
        {control: _own_turn(retargeting, control, kept | turned) for control in turned},
        {
            control: _own_location(retargeting, control, place, kept | turned, heads | placed)
            for control, place in placed.items()
        },
        replaced,
    )


def _between(retargeting: Retargeting, bone: str, control: str) -> Floats:
    """(3,) metres at rest from a bone's head to a control's."""
    rig = retargeting.rig
    offset: Floats = rig.heads[rig.index(control)] - rig.heads[rig.index(bone)]
    return offset


def _replaced(retargeting: Retargeting, ik: IkControls) -> frozenset[str]:
    joints = retargeting.bones.joints
    led = [
        f"{side}_{joint}"
        for side in SIDES
        for end, limb in _LIMBS.items()
        if f"{side}_{end}" in ik.goals
        for joint in limb
    ]
    return frozenset(joints[joint] for joint in (*led, *ik.goals) if joint in joints)


def _pole(retargeting: Retargeting, pose: WorldPose, heads: Mapping[str, Floats], joint: str, control: str) -> Floats:
    """(T, 3) metres: as far from the elbow or knee as at rest, in the plane in which the limb is bent."""
    side, _, middle = joint.partition("_")
    start, _, end = next(limb for limb in _LIMBS.values() if limb[1] == middle)
    root, bend, tip = (retargeting.limb_bone(f"{side}_{each}") for each in (start, middle, end))
    upper, lower = heads[bend] - heads[root], heads[tip] - heads[bend]
    rest = _between(retargeting, bend, control)
    # the side to which the limb bends at rest: away from its pole
    straight = retargeting.places[f"{side}_{end}"] - retargeting.places[f"{side}_{start}"]
    hinge = rotations.rotate(pose.turned[root], np.cross(rest, straight))
    hinge = hinge - _along(hinge, upper)
    hinge /= np.linalg.norm(hinge, axis=-1, keepdims=True)
    across = np.cross(upper, lower) / (_length(upper) * _length(lower))  # as long as the sine of the bend
    axis = across + np.maximum(STRAIGHT_RAD - _length(across), 0) * hinge
    outwards = np.cross(upper + lower, axis)
    place: Floats = heads[bend] + np.linalg.norm(rest) * outwards / _length(outwards)
    return place


def _length(vectors: Floats) -> Floats:
    length: Floats = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return length


def _along(vectors: Floats, axis: Floats) -> Floats:
    part: Floats = np.sum(vectors * axis, axis=-1, keepdims=True) / np.sum(axis * axis, axis=-1, keepdims=True) * axis
    return part


def _own_turn(retargeting: Retargeting, control: str, turned: Mapping[str, Floats]) -> Floats:
    """(T, 4) in the control's own axes, from how it is turned in the world."""
    rig = retargeting.rig
    bone = above = rig.index(control)
    own = turned[control]
    while (above := rig.turns_with[above]) >= 0:
        if rig.names[above] in turned:
            own = rotations.multiply(rotations.conjugate(turned[rig.names[above]]), own)
            break
    rest = np.broadcast_to(rig.rest[bone], own.shape)
    in_bone = rotations.multiply(rotations.conjugate(rest), rotations.multiply(own, rest))
    return rotations.make_continuous(rotations.normalize(in_bone))


def _own_location(
    retargeting: Retargeting,
    control: str,
    place: Floats,
    turned: Mapping[str, Floats],
    heads: Mapping[str, Floats],
) -> Floats:
    """(T, 3) in the control's own axes of location and the rig's unit, from where its head is in the world."""
    rig = retargeting.rig
    bone = above = rig.index(control)
    moved = place - rig.heads[bone]
    while (above := rig.parents[above]) >= 0:
        name = rig.names[above]
        if name in turned and name in heads:
            back = rotations.rotate(rotations.conjugate(turned[name]), place - heads[name])
            moved = back - (rig.heads[bone] - rig.heads[above])
            break
    axes = np.broadcast_to(rotations.conjugate(rig.location_axes[bone]), (len(moved), 4))
    location: Floats = rotations.rotate(axes, moved) / rig.unit_m
    return location
