"""Two bones and a goal: the inverse kinematics of legs and arms, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations

Floats = NDArray[np.floating[Any]]

#: A limb is never stretched further than this part of its length: there, a knee would jerk.
LONGEST = 0.9999
#: A straight limb gives way a little when its end is moved towards its beginning; metres for a metre and a radian.
_GIVES_WAY = 0.07
#: Where a limb is straighter than this, its hinge says which way it bends.
_STRAIGHT_RAD = 0.05


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

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.upper) + np.linalg.norm(self.lower))


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
    distance = np.clip(np.linalg.norm(goal, axis=-1), abs(a - b) + 1e-6 * (a + b), LONGEST * (a + b))
    bend = np.arccos(np.clip((distance**2 - a**2 - b**2) / (2 * a * b), -1, 1))[:, None]  # law of cosines
    straight_on = first / a
    aside = np.cross(_bending_axis(limb, upper, first / a, second / b), straight_on)
    bent = b * (np.cos(bend) * straight_on + np.sin(bend) * aside)
    whole = rotations.between(first + bent, goal)
    lower = rotations.multiply(rotations.between(second, bent), lower)
    return rotations.multiply(whole, upper), rotations.multiply(whole, lower)


def nearer_goal(limb: Limb, upper: Floats, lower: Floats, goal: Floats, most_rad: float) -> Floats:
    """A goal that bends the limb by no more than so much; it is raised or lowered (T, 3) and not moved sideways.

    A limb that is nearly straight has to bend far for millimetres.

    Args:
        limb: at rest.
        upper: (T, 4) how the first bone is turned from rest.
        lower: (T, 4) likewise the second.
        goal: (T, 3) from the first joint; the third axis is up.
        most_rad: by which the limb may be bent or straightened.
    """
    first, second = rotations.rotate(upper, limb.upper), rotations.rotate(lower, limb.lower)
    bend = np.arctan2(np.linalg.norm(np.cross(first, second), axis=-1), np.sum(first * second, axis=-1))
    longest, shortest = _distance(limb, np.maximum(bend - most_rad, 0)), _distance(limb, bend + most_rad)
    distance = np.clip(np.linalg.norm(goal, axis=-1), shortest, longest)
    sideways = np.sum(goal[..., :2] ** 2, axis=-1)
    height = np.sqrt(np.maximum(distance**2 - sideways, 0))
    return np.concatenate((goal[..., :2], np.where(goal[..., 2] < 0, -height, height)[..., None]), axis=-1)


def stiffness(limb: Limb, upper: Floats, lower: Floats) -> Floats:
    """How far bones turn when the limb's end is moved: for a move e it is the angle whose square is e' C e.

    Moved aside the limb turns as a whole; moved to or from its beginning, its bones turn against each other.

    Args:
        limb: at rest.
        upper: (T, 4) how the first bone is turned from rest.
        lower: (T, 4) likewise the second.

    Returns:
        C (T, 3, 3), radians squared for a square metre, in the axes of the turns.
    """
    first, second = rotations.rotate(upper, limb.upper), rotations.rotate(lower, limb.lower)
    distance = np.linalg.norm(first + second, axis=-1)
    along = (first + second) / distance[:, None]
    shortening = 2 * np.linalg.norm(np.cross(first, second), axis=-1) / distance + _GIVES_WAY * limb.length
    lengthwise = along[:, :, None] * along[:, None, :]
    stiff: Floats = (
        lengthwise / shortening[:, None, None] ** 2 + (np.eye(3) - lengthwise) / distance[:, None, None] ** 2
    )
    return stiff


def _distance(limb: Limb, bend: Floats) -> Floats:
    """(T,) radians -> (T,) from the first joint to the third."""
    a, b = np.linalg.norm(limb.upper), np.linalg.norm(limb.lower)
    distance: Floats = np.sqrt(a**2 + b**2 + 2 * a * b * np.cos(np.minimum(bend, np.pi)))
    return distance


def _bending_axis(limb: Limb, upper: Floats, first: Floats, second: Floats) -> Floats:
    """(T, 3) unit vectors at right angles to the first bone: across the limb, or its hinge where that is straight."""
    across = np.cross(first, second)
    hinge = rotations.rotate(upper, limb.hinge)
    hinge -= np.sum(hinge * first, axis=-1, keepdims=True) * first
    straightness = np.clip(_STRAIGHT_RAD - np.linalg.norm(across, axis=-1, keepdims=True), 0, None)
    axis = across + straightness * hinge
    unit: Floats = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    return unit
