"""Two bones and a goal: the inverse kinematics of legs and arms, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations

Floats = NDArray[np.floating[Any]]

#: A limb is never stretched further than this part of its length: there, a knee would jerk.
LONGEST = 0.9995
#: Where a limb is straighter than about this, in radians, its hinge says which way it bends.
_STRAIGHT_RAD = 0.02


@dataclass(frozen=True, eq=False)
class Limb:
    """A limb of two bones at rest, in any axes and unit.

    Attributes:
        upper: (3,) from the first joint to the second.
        lower: (3,) from the second joint to the third.
        hinge: (3,) unit; about it the second joint bends, right-handed, out of the straight limb.
    """

    upper: Floats
    lower: Floats
    hinge: Floats


def reach(limb: Limb, upper: Floats, lower: Floats, goal: Floats) -> tuple[Floats, Floats]:
    """Turns a limb by the least so that its end lies at the goal, in the plane in which it was bent.

    Args:
        limb: at rest.
        upper: (T, 4) how the first bone is turned from rest.
        lower: (T, 4) likewise the second.
        goal: (T, 3) from the first joint. What is out of reach is reached for.

    Returns:
        How the two bones are turned from rest (T, 4).
    """
    first, second = rotations.rotate(upper, limb.upper), rotations.rotate(lower, limb.lower)  # (T, 3)
    a, b = np.linalg.norm(limb.upper), np.linalg.norm(limb.lower)
    across = np.cross(first, second) + _STRAIGHT_RAD * a * b * rotations.rotate(upper, limb.hinge)
    axis = across / np.linalg.norm(across, axis=-1, keepdims=True)
    bent = np.arctan2(np.sum(np.cross(first, second) * axis, axis=-1), np.sum(first * second, axis=-1))
    distance = np.clip(np.linalg.norm(goal, axis=-1), abs(a - b) + 1e-6 * (a + b), LONGEST * (a + b))
    wanted = np.arccos(np.clip((distance**2 - a**2 - b**2) / (2 * a * b), -1, 1))  # law of cosines
    bend = rotations.exp((wanted - bent)[:, None] * axis)
    whole = rotations.between(first + rotations.rotate(bend, second), goal)
    return rotations.multiply(whole, upper), rotations.multiply(whole, rotations.multiply(bend, lower))
