"""How deep BlazePose's 3D has landmarks, beside how deep they truly lie.

Along the line of sight it errs bone by bone: each is compressed by an amount of its own, and leans by an error that
stays with the clip and one that wanders, of which an arm's bones, or a leg's, share a part. Hips and shoulders are
hardly compressed, faces even stretched, feet all but flat. What hangs on a bone errs with it, so that errors grow
outwards.

Sizes are those of the real detector on films with exact truth (``python -m backend.evaluation.detector_errors``). Of a
person who was really there, seen by four cameras, legs were compressed less and arms leaned twice as far, for which the
ranges of :class:`backend.training.detector.DetectorErrors` allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from backend.people.tracks import LANDMARK_INDEX, LANDMARK_NAMES

from .chance import ClipChance

#: Points that are no landmarks: the middles of hips, shoulders and ears.
ROOT, NECK, HEAD = "root", "neck", "head"
_MIDDLES = {ROOT: "hip", NECK: "shoulder", HEAD: "ear"}


@dataclass(frozen=True)
class Bone:
    """From one point to others that err alike. Of limbs, the names of the left side without ``left_``.

    Attributes:
        start: where it begins.
        ends: where it leads.
        power: of the compression of its part of the body; less compressed than that below 1, stretched below 0.
        leaning_m: usual size of the error that stays.
        swaying_m: usual size of the error that wanders.
    """

    start: str
    ends: tuple[str, ...]
    power: float
    leaning_m: float
    swaying_m: float


#: The bones in the middle of the body, those of both sides that belong to the trunk, and those of the limbs.
MIDDLE = (
    Bone(ROOT, (NECK,), 1.0, 0.035, 0.033),
    Bone(NECK, (HEAD,), 1.0, 0.020, 0.018),
    Bone(HEAD, ("nose", *(name for name in LANDMARK_NAMES if "eye" in name or "mouth" in name)), -0.6, 0.018, 0.020),
)
OF_THE_TRUNK = (
    Bone(ROOT, ("hip",), 0.0, 0.010, 0.010),
    Bone(NECK, ("shoulder",), 0.2, 0.015, 0.015),
    Bone(HEAD, ("ear",), -0.4, 0.008, 0.009),
)
ARM = (
    Bone("shoulder", ("elbow",), 0.9, 0.040, 0.038),
    Bone("elbow", ("wrist",), 1.2, 0.045, 0.052),
    Bone("wrist", ("pinky", "index", "thumb"), 1.8, 0.012, 0.012),
)
LEG = (
    Bone("hip", ("knee",), 1.0, 0.020, 0.033),
    Bone("knee", ("ankle",), 1.0, 0.032, 0.041),
    Bone("ankle", ("heel",), 3.0, 0.005, 0.005),
    Bone("heel", ("foot_index",), 1.5, 0.020, 0.020),
)


@dataclass(frozen=True, eq=False)
class DepthErrors:
    """Of B clips, each (B, 1).

    Attributes:
        trunk_slope: what part of its depth the trunk keeps.
        arms_slope: and the arms.
        legs_slope: and the legs.
        leaning: how many times larger than usual errors are that stay.
        swaying: and those that wander.
        coherence: part of their variance that the bones of a limb share.
    """

    trunk_slope: Tensor
    arms_slope: Tensor
    legs_slope: Tensor
    leaning: Tensor
    swaying: Tensor
    coherence: Tensor


def depth_as_seen(depth: Tensor, hidden: Tensor, errors: DepthErrors, chance: ClipChance) -> Tensor:
    """BlazePose's depths of true ones, both (B, T, 33) metres from the middle of the hips.

    Args:
        depth: the true ones.
        hidden: (B, T, 33) in [0, 1]; there, bones sway up to half as much again.
        errors: of each clip.
        chance: where the errors come from.
    """
    true = depths_of_points(depth)
    seen = {ROOT: torch.zeros_like(true[ROOT])}
    apart = torch.zeros_like(errors.coherence)
    parts = (
        (OF_THE_TRUNK, errors.trunk_slope, apart),
        (ARM, errors.arms_slope, errors.coherence),
        (LEG, errors.legs_slope, errors.coherence),
    )
    both = [(sided(bones, side), slope, alike) for (bones, slope, alike), side in product(parts, ("left_", "right_"))]
    for bones, slope, coherence in [(MIDDLE, errors.trunk_slope, apart), *both]:
        stays, wanders = _alike(chance, len(depth), len(bones), coherence)
        for bone, staying, wandering in zip(bones, stays.unbind(-1), wanders.unbind(-1), strict=True):
            sway = 1 + 0.5 * hidden[..., LANDMARK_INDEX[bone.ends[0]]] if bone.ends[0] in LANDMARK_INDEX else 1.0
            error = errors.leaning * bone.leaning_m * staying + errors.swaying * bone.swaying_m * sway * wandering
            for end in bone.ends:
                seen[end] = seen[bone.start] + slope.pow(bone.power) * (true[end] - true[bone.start]) + error
    return torch.stack([seen[name] for name in LANDMARK_NAMES], dim=-1)


def depths_of_points(depth: Tensor) -> dict[str, Tensor]:
    """(..., 33) depths of landmarks -> (...) of each, and of the points in the middle."""
    points = {name: depth[..., index] for name, index in LANDMARK_INDEX.items()}
    return points | {
        middle: (points[f"left_{name}"] + points[f"right_{name}"]) / 2 for middle, name in _MIDDLES.items()
    }


def _alike(chance: ClipChance, clips: int, bones: int, coherence: Tensor) -> tuple[Tensor, Tensor]:
    """Unit errors that stay, (B, 1, bones), and that wander, (B, T, bones), of which a limb's bones share a part."""
    stays, wanders = chance.normal(clips, 1, bones), chance.wander(bones)
    shared, own = coherence.sqrt().unsqueeze(-1), (1 - coherence).sqrt().unsqueeze(-1)
    return (
        shared * chance.normal(clips, 1, 1) + own * stays,
        shared * chance.wander(1) + own * wanders,
    )


def sided(bones: tuple[Bone, ...], side: str) -> tuple[Bone, ...]:
    """The bones of one side; what is in the middle of the body has none."""

    def point(name: str) -> str:
        return name if name in _MIDDLES else side + name

    return tuple(
        Bone(point(bone.start), tuple(map(point, bone.ends)), bone.power, bone.leaning_m, bone.swaying_m)
        for bone in bones
    )
