"""Fingers, of which SMPL's pose says nothing: a rig's keep the pose they have, or hang as those of a hand at ease.

A hand at ease has fingers that are bent the more the further they are from the thumb, as they lie when no muscle holds
them. Where a rig's fingers point at rest makes no difference: they are bent from the plane of its own palm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from .retargeting import Retargeting
from .rig import Rig
from .rig_map import FINGERS, SIDES

Floats = NDArray[np.floating[Any]]

#: How each finger's bones are bent towards the palm, one after the other, degrees.
BENT_DEG: Mapping[str, tuple[float, float, float]] = {
    "index": (22.0, 28.0, 14.0),
    "middle": (28.0, 32.0, 17.0),
    "ring": (32.0, 34.0, 18.0),
    "pinky": (34.0, 32.0, 18.0),
}
#: Where the thumb's bones point: along the palm, to the thumb's side, out of the palm's inner face.
THUMB: tuple[tuple[float, float, float], ...] = ((0.62, 0.62, 0.48), (0.82, 0.36, 0.44), (0.90, 0.20, 0.38))
#: Fingers are as far apart as at rest, times this.
SPREAD = 0.5
#: A bone that points away from the one before by more is no finger's end: files do not say how long the last bone is.
_END_WITHIN_RAD = np.deg2rad(75)
#: A finger's first bone is one of the palm, and not bent, where it begins nearer to the wrist by this part.
_OF_PALM = 0.5
#: What has fewer bones is no finger.
_DIGIT_BONES = 2


def relaxed_fingers(retargeting: Retargeting) -> dict[str, Floats]:
    """By bone, (4,) quaternions in the bone's own axes at rest: the fingers of hands at ease.

    Fingers that the rig's map does not name are found by what hangs on the hand; a rig that has none gets none.
    """
    relaxed: dict[str, Floats] = {}
    for side in SIDES:
        wrist = retargeting.rig.index(retargeting.limb_bone(f"{side}_wrist"))
        fingers = _fingers_of(retargeting, side, wrist)
        if fingers:
            relaxed |= _relaxed(retargeting, side, wrist, fingers)
    return relaxed


def fingers_below(rig: Rig, wrist: int) -> dict[str, list[int]]:
    """By finger, the bones that hang on a hand in four or five chains; none where there are other numbers of them.

    The thumb begins nearest to the wrist, and the others lie in a row from it. What else hangs on a hand, such as a
    bone to hold things by, is a single bone.
    """
    chains = [_chain(rig, child) for child in _children(rig, wrist)]
    digits = [chain for chain in chains if len(chain) >= _DIGIT_BONES]
    if not len(FINGERS) - 1 <= len(digits) <= len(FINGERS):
        return {}
    thumb = rig.heads[min(digits, key=lambda chain: float(np.linalg.norm(rig.heads[chain[0]] - rig.heads[wrist])))[0]]
    digits.sort(key=lambda chain: float(np.linalg.norm(rig.heads[chain[0]] - thumb)))
    return dict(zip(FINGERS, digits, strict=False))


def _children(rig: Rig, bone: int) -> list[int]:
    return [child for child, parent in enumerate(rig.parents) if parent == bone]


def _chain(rig: Rig, bone: int) -> list[int]:
    chain = [bone]
    while len(below := _children(rig, chain[-1])) == 1:
        chain += below
    return chain


def _fingers_of(retargeting: Retargeting, side: str, wrist: int) -> dict[str, list[int]]:
    rig = retargeting.rig
    named = {finger: retargeting.bones.chains.get(f"{side}_{finger}", ()) for finger in FINGERS}
    known = {
        finger: [rig.index(bone) for bone in bones if bone in rig.names] for finger, bones in named.items() if bones
    }
    return known or fingers_below(rig, wrist)


def _relaxed(
    retargeting: Retargeting, side: str, wrist: int, fingers: Mapping[str, Sequence[int]]
) -> dict[str, Floats]:
    rig = retargeting.rig
    bones = {finger: _phalanges(rig, wrist, chain, finger) for finger, chain in fingers.items()}
    palm = _palm_axes(retargeting, side, wrist, bones)
    turned: dict[int, Floats] = {}
    for finger, chain in bones.items():
        pointing = _directions(rig, chain)
        wanted = _wanted(finger, palm @ pointing[0], len(chain)) @ palm
        turned |= dict(zip(chain, rotations.between(pointing, wanted), strict=True))
    return {rig.names[bone]: _in_bone(rig, bone, turned) for bone in sorted(turned)}


def _phalanges(rig: Rig, wrist: int, chain: Sequence[int], finger: str) -> list[int]:
    """Up to three bones of a finger, without one that lies in the palm and what marks the finger's end."""
    begins = [float(np.linalg.norm(rig.heads[bone] - rig.heads[wrist])) for bone in chain]
    in_palm = finger != "thumb" and len(chain) > len(THUMB) and begins[0] < _OF_PALM * begins[1]
    return list(chain[in_palm : in_palm + len(THUMB)])


def _palm_axes(retargeting: Retargeting, side: str, wrist: int, bones: Mapping[str, Sequence[int]]) -> Floats:
    """(3, 3), rows along the palm, to the thumb's side, out of its inner face; in the world, at rest."""
    rig = retargeting.rig
    row = [rig.heads[chain[0]] for finger, chain in bones.items() if finger != "thumb"]
    sign = 1.0 if side == "left" else -1.0
    to_rig = rotations.conjugate(retargeting.match(f"{side}_wrist"))
    along = np.mean(row, axis=0) - rig.heads[wrist] if row else rotations.rotate(to_rig, np.array([sign, 0.0, 0.0]))
    # the body's palms look down at rest, with thumbs forward
    aside = row[0] - row[-1] if len(row) > 1 else rotations.rotate(to_rig, np.array([0.0, 0.0, 1.0]))
    along = along / np.linalg.norm(along)
    aside = aside - (aside @ along) * along
    aside = aside / np.linalg.norm(aside)
    return np.stack((along, aside, sign * np.cross(along, aside)))


def _directions(rig: Rig, chain: Sequence[int]) -> Floats:
    """(N, 3) unit vectors along a finger's bones, in the world, at rest."""
    ends = [rig.heads[bone] for bone in chain[1:]] + [rig.tails[chain[-1]]]
    pointing = np.array(ends) - rig.heads[list(chain)]
    pointing /= np.maximum(np.linalg.norm(pointing, axis=-1, keepdims=True), 1e-9)
    if len(chain) > 1 and not pointing[-1] @ pointing[-2] > np.cos(_END_WITHIN_RAD):
        pointing[-1] = pointing[-2]
    return pointing


def _wanted(finger: str, first: Floats, count: int) -> Floats:
    """(N, 3) unit vectors along a finger's bones at ease, in the palm's axes.

    Args:
        finger: one of :data:`FINGERS`.
        first: (3,) where its first bone points at rest.
        count: of its bones.
    """
    if finger == "thumb":
        wanted = np.array(THUMB[:count])
        unit: Floats = wanted / np.linalg.norm(wanted, axis=-1, keepdims=True)
        return unit
    spread = SPREAD * np.arctan2(first[1], first[0])
    straight, inwards = np.array([np.cos(spread), np.sin(spread), 0.0]), np.array([0.0, 0.0, 1.0])
    bent = np.deg2rad(np.cumsum(BENT_DEG[finger][:count]))[:, None]
    pointing: Floats = np.cos(bent) * straight + np.sin(bent) * inwards
    return pointing


def _in_bone(rig: Rig, bone: int, turned: Mapping[int, Floats]) -> Floats:
    """(4,) from how bones are turned in the hand, from rest, to a bone's own turn in its own axes."""
    above = bone
    while (above := rig.turns_with[above]) >= 0 and above not in turned:
        pass
    own = rotations.multiply(rotations.conjugate(turned[above]), turned[bone]) if above >= 0 else turned[bone]
    in_bone: Floats = rotations.multiply(rotations.conjugate(rig.rest[bone]), rotations.multiply(own, rig.rest[bone]))
    return in_bone
