"""How much of its depth BlazePose's 3D keeps of each bone, and how far it errs besides.

:mod:`backend.training.detector_depth` says what bones are meant.
"""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import TorchBody, limber_body
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.training.detector import turned_to_axis
from backend.training.detector_depth import ARM, LEG, MIDDLE, OF_THE_TRUNK, ROOT, Bone, depths_of_points, sided

from .simulated import Sequence

Floats = NDArray[np.floating[Any]]
#: A true and a seen depth of a bone's end beyond its beginning, (T,) metres each, NaN where not seen.
Depths = tuple[Floats, Floats]

#: Fewer frames with 3D tell nothing of a clip.
LEAST_FRAMES = 10


@dataclass(frozen=True)
class BoneErrors:
    """Of all clips and both sides together.

    Attributes:
        kept: part of the true depth.
        ahead_m: what is added on average.
        leaning_m: deviation, from clip to clip, of what is added besides and stays.
        swaying_m: median clip's deviation of what is added and changes.
    """

    kept: float
    ahead_m: float
    leaning_m: float
    swaying_m: float


def bones() -> dict[str, list[Bone]]:
    """The bones that are told apart, by where they end: one or, of both sides, two."""
    paired = {bone.ends[-1]: bone for part in (OF_THE_TRUNK, ARM, LEG) for bone in part}
    both = {name: [of for side in ("left_", "right_") for of in sided((bone,), side)] for name, bone in paired.items()}
    return {bone.ends[0]: [bone] for bone in MIDDLE} | both


def true_landmarks(sequence: Sequence, skin: LandmarkSkin) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the body has its landmarks, (T, 33, 3) metres, camera axes, and how its joints turn, (T, 24, 3, 3)."""
    body = TorchBody(limber_body())
    betas = torch.tensor(sequence.betas, dtype=torch.float32)[None]
    rest = body.rest_joints(betas)
    transl = torch.tensor(sequence.joints[:, 0], dtype=torch.float32) - rest[:, 0]
    turned, places = body.forward_kinematics(torch.tensor(sequence.rotations, dtype=torch.float32), rest, transl)
    return skin(turned, places, rest, betas), turned


def depths(landmarks: Floats, seen: Floats) -> dict[str, list[Depths]]:
    """Of each bone, and each side of it, the depths.

    Args:
        landmarks: (T, 33, 3) metres, camera axes, the truth.
        seen: (T, 33, 3) metres, BlazePose's 3D, NaN where there is none.
    """
    places = torch.tensor(landmarks, dtype=torch.float32)
    middle = torch.stack([depths_of_points(axis)[ROOT] for axis in places.unbind(-1)], dim=-1)[:, None]
    about = turned_to_axis(places - middle, middle)[..., 2]
    true, told = (depths_of_points(depth) for depth in (about, torch.tensor(seen[..., 2])))

    def beyond(points: dict[str, torch.Tensor], bone: Bone) -> Floats:
        return np.asarray((points[bone.ends[-1]] - points[bone.start]).numpy())

    return {name: [(beyond(true, bone), beyond(told, bone)) for bone in each] for name, each in bones().items()}


def bone_errors(clips: ListOf[Depths]) -> BoneErrors:
    """From a bone's depths in many clips."""
    seen = [(true[known], told[known]) for true, told in clips if (known := np.isfinite(told)).sum() >= LEAST_FRAMES]
    if not seen:
        return BoneErrors(np.nan, np.nan, np.nan, np.nan)
    true, told = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    kept, ahead = np.polyfit(true, told, 1)
    besides = [told - kept * true - ahead for true, told in seen]
    leaning = np.std([error.mean() for error in besides])
    return BoneErrors(float(kept), float(ahead), float(leaning), float(np.median([error.std() for error in besides])))


def errors_of(sequences: ListOf[Sequence]) -> dict[str, BoneErrors]:
    """Of each bone, over all sequences."""
    found: dict[str, list[Depths]] = {name: [] for name in bones()}
    skin = LandmarkSkin(landmark_points(limber_body()))
    for sequence in sequences:
        landmarks, _ = true_landmarks(sequence, skin)
        for name, of_sides in depths(landmarks.numpy(), sequence.track.landmarks3d).items():
            found[name] += of_sides
    return {name: bone_errors(clips) for name, clips in found.items()}
