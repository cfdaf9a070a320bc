"""How joints usually turn, and which way they do not bend."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from smpl_rig.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES

Floats = NDArray[np.floating[Any]]

#: How far each joint usually turns from the T-pose, radians about its x, y and z axes (body frame). The middle of the
#: range comes first, then the deviation. Left side; the right side mirrors y and z.
_USUAL: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "hip": ((-0.3, 0.0, 0.0), (0.9, 0.5, 0.4)),
    "knee": ((0.4, 0.0, 0.0), (0.9, 0.12, 0.12)),
    "ankle": ((0.0, 0.0, 0.0), (0.4, 0.25, 0.25)),
    "foot": ((0.0, 0.0, 0.0), (0.15, 0.05, 0.05)),
    "spine1": ((0.05, 0.0, 0.0), (0.25, 0.15, 0.15)),
    "spine2": ((0.05, 0.0, 0.0), (0.25, 0.15, 0.15)),
    "spine3": ((0.0, 0.0, 0.0), (0.15, 0.15, 0.15)),
    "neck": ((0.0, 0.0, 0.0), (0.35, 0.4, 0.25)),
    "head": ((0.0, 0.0, 0.0), (0.3, 0.4, 0.2)),
    "collar": ((0.0, 0.0, -0.05), (0.1, 0.2, 0.2)),
    "shoulder": ((0.0, -0.2, -0.8), (0.7, 0.7, 0.8)),
    "elbow": ((0.0, -0.6, 0.0), (0.4, 0.9, 0.2)),
    "wrist": ((0.0, 0.0, 0.0), (0.2, 0.3, 0.3)),
    "hand": ((0.0, 0.0, 0.0), (0.05, 0.05, 0.05)),
}
#: Hinges do not bend backwards: joint, axis, and the sign in which the left and the right one bend.
_HINGES = (("knee", 0, 1.0, 1.0), ("elbow", 1, -1.0, 1.0))
_HINGE_DEVIATION = 0.05


def usual_pose() -> tuple[Floats, Floats]:
    """(24, 3) middle and deviation of each joint's rotation vector, radians."""
    middle, deviation = np.zeros((JOINT_COUNT, 3)), np.ones((JOINT_COUNT, 3))
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        side, _, part = name.rpartition("_")
        middle[joint], deviation[joint] = _USUAL[part]
        if side == "right":
            middle[joint] *= (1, -1, -1)
    return middle, deviation


def bent_backwards(bend: Tensor) -> Tensor:
    """What hinges that bend backwards cost, from rotation vectors (T, 24, 3): (T, 4)."""
    penalties = []
    for name, axis, *signs in _HINGES:
        for side, sign in zip(("left", "right"), signs, strict=True):
            wrong_way = (-sign * bend[:, INDEX[f"{side}_{name}"], axis]).clamp(min=0)
            penalties.append(0.5 * (wrong_way / _HINGE_DEVIATION).square())
    return torch.stack(penalties, dim=1)
