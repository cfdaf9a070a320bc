"""A posed person before a camera, and how sure their joints are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import LANDMARK_INDEX, Track
from smpl_rig.skeleton import JOINT_COUNT, JOINT_NAMES

from .settings import FitSettings

Floats = NDArray[np.floating[Any]]

#: Landmarks by whose visibility each joint is judged; joints left out follow others.
_SEEN_BY: dict[str, tuple[str, ...]] = {
    "pelvis": ("left_hip", "right_hip"),
    "spine1": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "neck": ("nose", "left_ear", "right_ear"),
    "left_collar": ("left_shoulder",),
    "right_collar": ("right_shoulder",),
    **{
        f"{side}_{joint}": tuple(f"{side}_{landmark}" for landmark in landmarks)
        for side in ("left", "right")
        for joint, landmarks in {
            "hip": ("hip", "knee"),
            "knee": ("knee", "ankle"),
            "ankle": ("ankle", "heel", "foot_index"),
            "shoulder": ("shoulder", "elbow"),
            "elbow": ("elbow", "wrist"),
            "wrist": ("wrist", "index", "pinky"),
        }.items()
    },
}
#: Joints without landmarks of their own follow the nearest joint above that has them.
_FOLLOWS = {"spine2": "spine1", "spine3": "spine1", "head": "neck"}


@dataclass(frozen=True, eq=False)
class BodyInCamera:
    """A person in the camera's axes (OpenCV).

    Attributes:
        rotations: (T, 24, 3, 3) local rotations; the pelvis's is its orientation in camera axes.
        betas: (10,) shape, the same in every frame.
        transl: (T, 3) metres; the pelvis lies at ``rest_joints[0] + transl``.
        confidence: (T, 24) in [0, 1].
    """

    rotations: Floats
    betas: Floats
    transl: Floats
    confidence: Floats


def confidence(track: Track, residual: Floats, settings: FitSettings) -> Floats:
    """(T, 24): visibility of a joint's landmarks, less where the body lies far from them; 0 where not observed.

    Args:
        track: the landmarks.
        residual: (T, 33) distance of the body's landmarks from them, parts of the person's height.
        settings: for the deviation of landmarks.
    """
    agreement = np.exp(-0.5 * (residual / (3 * settings.image)) ** 2)
    seen = track.landmarks2d[..., 2] * np.nan_to_num(agreement) * track.observed[:, None]  # (T, 33)
    result = np.zeros((len(track), JOINT_COUNT))
    for joint, name in enumerate(JOINT_NAMES):
        source = _FOLLOWS.get(name, name.replace("foot", "ankle").replace("hand", "wrist"))
        result[:, joint] = seen[:, [LANDMARK_INDEX[landmark] for landmark in _SEEN_BY[source]]].mean(axis=1)
    return np.clip(result, 0, 1)
