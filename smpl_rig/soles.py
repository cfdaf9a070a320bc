"""Heels and toes: the points of a body that rest on the floor."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .skeleton import INDEX

Floats = NDArray[np.floating[Any]]

#: The sole lies below the ball of the foot, the heel behind the ankle, the toes before the ball (body frame, metres).
SOLE_BELOW_BALL_M = 0.025
HEEL_BEHIND_ANKLE_M = 0.05
TOE_BEFORE_BALL_M = 0.06


def sole_points(turned: Floats, positions: Floats, rest_joints: Floats) -> Floats:
    """World positions (T, 4, 3) of left heel, left toe, right heel, right toe.

    Args:
        turned: (T, 24, 4) quaternions of the joints in the world.
        positions: (T, 24, 3) metres, world.
        rest_joints: (24, 3) metres, body frame.
    """
    points = []
    for side in ("left", "right"):
        ankle, ball = INDEX[f"{side}_ankle"], INDEX[f"{side}_foot"]
        sole = rest_joints[ball, 1] - SOLE_BELOW_BALL_M
        heel = np.array([0, sole - rest_joints[ankle, 1], -HEEL_BEHIND_ANKLE_M])
        toe = np.array([0, -SOLE_BELOW_BALL_M, TOE_BEFORE_BALL_M])
        points.append(positions[:, ankle] + rotations.rotate(turned[:, ankle], heel))
        points.append(positions[:, ball] + rotations.rotate(turned[:, ball], toe))
    return np.stack(points, axis=1)
