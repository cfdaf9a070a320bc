"""From SMPL's pose to a rig's, frame by frame in the world's axes.

Every bone's rotation from rest is that of its joint on the body, taken between rest poses that are laid on each other
by where limbs point (:func:`smpl_rig.alignment.limb_turns`); so neither the bones' own axes and roll, nor arms that
hang at rest, nor an object that is turned or scaled matter. Limbs then point as the body's do, exactly.

The middle of the hips follows the body's, on a path that begins at the same place and is scaled by the length of the
legs. A standing figure's ankles are at rest height, whatever the thickness of its soles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import kinematics, rotations
from ..alignment import SQUARE_WITHIN_RAD, UPRIGHT_WITHIN_RAD, along, leg_length, limb_turns
from ..arm_roll import roll_about
from ..motion import Motion
from ..skeleton import INDEX
from ..soles import SOLE_BELOW_BALL_M
from .rig import Rig, RigError
from .rig_map import LIMBS, SIDES, RigBones

Floats = NDArray[np.floating[Any]]

#: Joints of limbs, each with the next.
_NEXT = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist"}
#: Bones nearer to each other than this part of the leg's length have no direction between them.
_NOWHERE = 1e-3


@dataclass(frozen=True, eq=False)
class Performance:
    """What a person does, in the world.

    Attributes:
        turned: (T, 24, 4) how SMPL's joints are turned from the body's axes.
        joints: (T, 24, 3) metres, where they are.
        rest_joints: (24, 3) metres, the body's T-pose.
        contacts: (T, 4) how surely left heel, left toe, right heel, right toe rest on the floor.
        times_s: (T,) seconds.
    """

    turned: Floats
    joints: Floats
    rest_joints: Floats
    contacts: Floats
    times_s: Floats

    @classmethod
    def of(cls, motion: Motion) -> Performance:
        """That of a Motion."""
        rest = motion.rest_joints.astype(np.float64)
        turned, joints = kinematics.forward_kinematics(motion.local_rotations, rest, motion.trans.astype(np.float64))
        return cls(turned, joints, rest, motion.contacts.astype(np.float64), motion.timestamps_s)

    def grown(self, factor: float) -> Performance:
        """The same of a person so many times as large."""
        return replace(self, joints=factor * self.joints, rest_joints=factor * self.rest_joints)

    def moved(self, rotation: Floats, translation: Floats) -> Performance:
        """The same somewhere else: turned by (4,), then moved by (3,) metres."""
        return replace(
            self,
            turned=rotations.multiply(np.broadcast_to(rotation, self.turned.shape), self.turned),
            joints=rotations.rotate(np.broadcast_to(rotation, self.turned.shape), self.joints) + translation,
        )


@dataclass(frozen=True, eq=False)
class WorldPose:
    """A rig's pose over T frames, in the world.

    Attributes:
        turned: by bone, (T, 4) from rest; of the bones that are animated.
        place: (T, 3) metres, the head of the bone that carries the body.
    """

    turned: Mapping[str, Floats]
    place: Floats


@dataclass(frozen=True, eq=False)
class RigKeys:
    """What the bones are keyed with.

    Attributes:
        turns: by bone, (T, 4) quaternions in the bone's own axes at rest, signs continuous in time.
        carrier: the bone that carries the body.
        locations: (T, 3) of that bone, in the rig's unit and that bone's axes of location.
    """

    turns: Mapping[str, Floats]
    carrier: str
    locations: Floats


class Retargeting:
    """How one rig's rest pose lies on one body's.

    Args:
        rig: at rest.
        bones: which of its bones are which.
        rest_joints: (24, 3) metres, the body's T-pose.

    Raises:
        RigError: if a bone is missing or named twice, or the rest pose is no standing figure's.
    """

    def __init__(self, rig: Rig, bones: RigBones, rest_joints: Floats) -> None:
        lacking = bones.lacking()
        if lacking:
            raise RigError(f"No bone is chosen for {', '.join(lacking[:6])}. Choose them, or another map.")
        self.rig, self.bones = rig, _with_whole_limbs(rig, bones)
        self.places = rest_places(rig, self.bones)
        self.axes = _figure_axes(self.places, rig.object_rotation)
        in_body = {joint: self.axes @ place for joint, place in self.places.items()}
        body = {joint: rest_joints[index] for joint, index in INDEX.items()}
        _check_lengths(in_body, self.bones)
        self._facing = rotations.from_matrix(self.axes)
        self._turns = limb_turns(in_body, body)
        self.scale = leg_length(in_body) / leg_length(body)
        self._body_ankle = float(np.mean([body[f"{side}_ankle"][1] - body[f"{side}_foot"][1] for side in SIDES]))
        self._body_ankle += SOLE_BELOW_BALL_M
        self._ankle = float(np.mean([self.places[f"{side}_ankle"][2] for side in SIDES]))
        #: By bone, the chain of SMPL's joints that it follows, and how far along it, from 0 to 1.
        self.followed = _followed(rig, self.bones)
        self._check_tree()

    @property
    def carrier(self) -> str:
        return self.bones.joints["pelvis"]

    def match(self, joint: str) -> Floats:
        """(4,): from the rig at rest in the world to the body's axes, where the bone lies as the joint's at rest."""
        match: Floats = rotations.multiply(rotations.conjugate(self._turns[INDEX[joint]]), self._facing)
        return match

    @property
    def lift(self) -> float:
        """Metres that hips lie higher than on a path that is scaled: soles and ankles differ."""
        return self._ankle - self.scale * self._body_ankle

    def follow(self, performance: Performance) -> WorldPose:
        """The pose whose limbs point as the person's do."""
        turned = {}
        for bone, (chain, part) in self.followed.items():
            joints = [INDEX[joint] for joint in chain]
            on_body = (
                performance.turned[:, joints[0]] if len(joints) == 1 else along(performance.turned[:, joints], part)
            )
            match = rotations.multiply(rotations.conjugate(self._turns[joints[-1]]), self._facing)
            turned[bone] = rotations.multiply(on_body, np.broadcast_to(match, on_body.shape))
        hips = [INDEX["left_hip"], INDEX["right_hip"]]
        middle = self.brought(performance.joints[:, hips].mean(axis=1), performance)
        middle[:, 2] += self.lift
        own = (self.places["left_hip"] + self.places["right_hip"]) / 2
        to_carrier = rotations.rotate(turned[self.carrier], self.places["pelvis"] - own)
        return WorldPose(turned, middle + to_carrier)

    def brought(self, points: Floats, performance: Performance) -> Floats:
        """Places of the person (T, ..., 3) -> of the rig: a path scaled by the legs, from where the person begins."""
        begin = performance.joints[0, 0] * np.array([1.0, 1.0, 0.0])
        brought: Floats = begin + self.scale * (points - begin)
        return brought

    def heads(self, pose: WorldPose) -> dict[str, Floats]:
        """By bone, (T, 3) metres: where the heads of the animated bones are."""
        rig, count = self.rig, len(pose.place)
        turned: dict[int, Floats] = {}
        heads: dict[int, Floats] = {}
        for bone in self._tree:
            name, parent, above = rig.names[bone], rig.parents[bone], rig.turns_with[bone]
            still = np.broadcast_to(rotations.IDENTITY, (count, 4))
            turned[bone] = pose.turned[name] if name in pose.turned else turned.get(above, still)
            if name == self.carrier:
                heads[bone] = pose.place
            elif parent < 0:
                heads[bone] = np.broadcast_to(rig.heads[bone], (count, 3))
            else:
                heads[bone] = heads[parent] + rotations.rotate(turned[parent], rig.heads[bone] - rig.heads[parent])
        return {rig.names[bone]: heads[bone] for bone in self._tree if rig.names[bone] in pose.turned}

    def keys(self, pose: WorldPose) -> RigKeys:
        """What the bones are keyed with for a pose, twist bones among them."""
        turned, rig = self.with_twists(pose.turned), self.rig
        turns = {}
        for name in sorted(turned, key=rig.names.index):
            bone = rig.index(name)
            above = self._followed_by(bone, turned)
            own = (
                turned[name] if above is None else rotations.multiply(rotations.conjugate(turned[above]), turned[name])
            )
            rest = np.broadcast_to(rig.rest[bone], own.shape)
            in_bone = rotations.multiply(rotations.conjugate(rest), rotations.multiply(own, rest))
            turns[name] = rotations.make_continuous(rotations.normalize(in_bone))
        carrier = rig.index(self.carrier)
        back = rotations.conjugate(rig.location_axes[carrier])
        moved = pose.place - rig.heads[carrier]
        return RigKeys(
            turns, self.carrier, rotations.rotate(np.broadcast_to(back, (len(moved), 4)), moved) / rig.unit_m
        )

    def with_twists(self, turned: Mapping[str, Floats]) -> dict[str, Floats]:
        """By bone, (T, 4) from rest: the same bones, and those that share their limbs' roll."""
        twisted = dict(turned)
        for side in SIDES:
            for limb in LIMBS:
                twisted |= self._twisted(f"{side}_{limb}", twisted)
        return twisted

    def limb_bone(self, joint: str) -> str:
        """The bone of a joint."""
        return self.bones.joints[joint]

    @cached_property
    def _tree(self) -> list[int]:
        """The animated bones and what they hang on, parents first."""
        animated = [self.rig.index(name) for name in self.followed]
        return sorted({*animated, *(above for bone in animated for above in self.rig.ancestors(bone))})

    def _followed_by(self, bone: int, turned: Mapping[str, Floats]) -> str | None:
        """The nearest of the animated bones that a bone turns with."""
        while (bone := self.rig.turns_with[bone]) >= 0:
            if self.rig.names[bone] in turned:
                return self.rig.names[bone]
        return None

    def _twisted(self, limb: str, turned: Mapping[str, Floats]) -> dict[str, Floats]:
        """The bones that share a limb's roll, turned; the limb's own bone too where they lie between it and the next.

        An upper arm's or thigh's skin does not turn at the body and turns wholly at the far end, a forearm's or shin's
        turns with the hand or foot at its far end; in between it turns by how far along the limb a bone lies.
        """
        twists = [bone for bone in self.bones.twists.get(limb, ()) if bone in self.rig.names]
        if not twists:
            return {}
        side, _, joint = limb.partition("_")
        own, following = self.bones.joints[limb], self.bones.joints[f"{side}_{_NEXT[joint]}"]
        length = self.places[f"{side}_{_NEXT[joint]}"] - self.places[limb]
        axis = length / np.linalg.norm(length)
        is_upper = joint in ("shoulder", "hip")
        above = self._followed_by(self.rig.index(own), turned)
        still = np.broadcast_to(rotations.IDENTITY, turned[own].shape)
        start = (turned[above] if above else still) if is_upper else turned[own]
        end = turned[own] if is_upper else turned[following]
        roll = roll_about(rotations.multiply(rotations.conjugate(start), end), axis)  # (T,)
        between = {self.rig.names[bone] for bone in self.rig.ancestors(self.rig.index(following))}
        in_line = sorted((bone for bone in twists if bone in between), key=self.rig.index)
        parts = {bone: self._part_of(limb, bone, axis, length) for bone in twists if bone not in in_line}
        if in_line:
            parts |= {bone: (number + is_upper) / (len(in_line) + 1) for number, bone in enumerate([own, *in_line])}
        rolled = {bone: part - is_upper for bone, part in parts.items()}
        return {
            bone: rotations.multiply(turned[own], rotations.exp((part * roll)[:, None] * axis))
            for bone, part in rolled.items()
        }

    def _part_of(self, limb: str, bone: str, axis: Floats, length: Floats) -> float:
        """How far along the limb a bone's head lies, 0 to 1."""
        along_limb = (self.rig.heads[self.rig.index(bone)] - self.places[limb]) @ axis
        return float(np.clip(along_limb / np.linalg.norm(length), 0, 1))

    def _check_tree(self) -> None:
        carrier = self.rig.index(self.carrier)
        for name in self.followed:
            bone = self.rig.index(name)
            if bone != carrier and carrier not in self.rig.ancestors(bone):
                raise RigError(
                    f"Bone '{name}' does not hang on '{self.carrier}', which is to carry the body. Choose as pelvis "
                    "the bone that carries both the legs and the spine."
                )


def rest_places(rig: Rig, bones: RigBones) -> dict[str, Floats]:
    """By SMPL's names, (3,) metres: where a rig's joints are at rest; hands and thumbs by their knuckles."""
    places = {joint: rig.heads[rig.index(bone)] for joint, bone in bones.joints.items()}
    for side in SIDES:
        knuckles = bones.chains.get(f"{side}_middle") or bones.chains.get(f"{side}_index")
        if knuckles and f"{side}_hand" not in places:
            places[f"{side}_hand"] = rig.heads[rig.index(knuckles[-3] if len(knuckles) > 3 else knuckles[0])]
        thumb = bones.chains.get(f"{side}_thumb")
        if thumb and f"{side}_hand" in places:
            places[f"{side}_thumb"] = rig.heads[rig.index(thumb[min(1, len(thumb) - 1)])]
    return places


def _with_whole_limbs(rig: Rig, bones: RigBones) -> RigBones:
    """The same with limbs that begin at their first bone: some rigs put one that shares the roll before the limb's own.

    In Auto-Rig Pro's exports ``thigh_twist`` begins at the hip, and ``thigh_stretch`` hangs on it half way to the knee.
    """
    joints, twists = dict(bones.joints), dict(bones.twists)
    for limb, shared in bones.twists.items():
        above = rig.ancestors(rig.index(joints[limb]))
        before = [bone for bone in shared if bone in rig.names and rig.index(bone) in above]
        if before:
            first = min(before, key=rig.index)
            twists[limb] = (*(bone for bone in shared if bone != first), joints[limb])
            joints[limb] = first
    return replace(bones, joints=joints, twists=twists)


def _followed(rig: Rig, bones: RigBones) -> dict[str, tuple[tuple[str, ...], float]]:
    """By bone, the chain of SMPL's joints that it follows, and how far along it, from 0 to 1.

    Where legs hang on the spine (3ds Max Biped's thighs do on its first bone), what carries them goes with the pelvis.
    """
    spine, neck = bones.chains.get("spine", ()), bones.chains.get("neck", ())
    found: dict[str, tuple[tuple[str, ...], float]] = {bones.joints["pelvis"]: (("pelvis",), 0.0)}
    carries = {above for side in SIDES for above in rig.ancestors(rig.index(bones.joints[f"{side}_hip"]))}
    bending = [bone for bone in spine if rig.index(bone) not in carries]
    found |= {bone: (("pelvis",), 0.0) for bone in spine if bone not in bending}
    for number, bone in enumerate(bending, 1):
        found[bone] = (("pelvis", "spine1", "spine2", "spine3"), number / len(bending))
    for number, bone in enumerate(neck, 1):
        found[bone] = (("spine3", "neck", "head"), number / (len(neck) + 1))
    found[bones.joints["head"]] = (("head",), 0.0)
    for side in SIDES:
        collars = bones.chains.get(f"{side}_collar", ())
        for number, bone in enumerate(collars, 1):
            found[bone] = (("spine3", f"{side}_collar"), number / len(collars))
        for joint in ("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist"):
            if f"{side}_{joint}" in bones.joints:
                found[bones.joints[f"{side}_{joint}"]] = ((f"{side}_{joint}",), 0.0)
    expected = 2 + len(spine) + len(neck)
    for side in SIDES:
        expected += len(bones.chains.get(f"{side}_collar", ())) + 6 + (f"{side}_foot" in bones.joints)
    if len(found) < expected:
        raise RigError("One bone is chosen for two joints. Choose a bone of its own for each.")
    return found


def _figure_axes(at: Mapping[str, Floats], object_rotation: Floats) -> Floats:
    """(3, 3), rows left, up and forward of a standing figure in the world.

    Skeletons measured on people are a little lopsided: one that nearly faces along an axis of its object does face so.

    Raises:
        RigError: if it does not stand.
    """
    up = np.array([0.0, 0.0, 1.0])
    ankles = (at["left_ankle"] + at["right_ankle"]) / 2
    across = at["left_hip"] - at["right_hip"]
    leans = {"trunk": _angle(at["head"] - at["pelvis"], up), "legs": _angle(at["pelvis"] - ankles, up)}
    leans["line of hips"] = abs(_angle(across, up) - np.pi / 2)
    for part, lean in leans.items():
        if not lean < UPRIGHT_WITHIN_RAD:
            raise RigError(
                f"The rig's rest pose does not stand upright in the world: its {part} leans by {np.degrees(lean):.0f} "
                "degrees. Turn the rig's object, or choose other bones for pelvis, head, hips and ankles."
            )
    left = across * np.array([1.0, 1.0, 0.0])
    for axis in rotations.to_matrix(object_rotation).T:
        for level in (axis * [1, 1, 0], -axis * [1, 1, 0]):
            if np.linalg.norm(level) > np.cos(UPRIGHT_WITHIN_RAD) and _angle(level, left) < SQUARE_WITHIN_RAD:
                left = level
    left = left / np.linalg.norm(left)
    return np.stack((left, up, np.cross(left, up)))


def _angle(a: Floats, b: Floats) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))


def _check_lengths(places: Mapping[str, Floats], bones: RigBones) -> None:
    nowhere = _NOWHERE * leg_length(places)
    for side in SIDES:
        for joint, following in _NEXT.items():
            here, there = f"{side}_{joint}", f"{side}_{following}"
            if not np.linalg.norm(places[there] - places[here]) > nowhere:
                raise RigError(
                    f"Bones '{bones.joints[here]}' and '{bones.joints[there]}' begin at the same place, so nothing "
                    f"tells where the {side} {joint} points. Choose other bones."
                )
