"""A path under which planted feet stay where they are.

The picture tells well where a body is across the line of sight and badly how far away it is, so that the captured path
wanders along the view and takes planted feet with it. Feet on the floor tell what the picture does not: they stand
still, and they stand at z = 0, which from a camera above the floor is a distance. The path is moved as little as that
takes: hardly across the view, and along it not so far that the body is no longer as large as the person; and smoothly
in time. What feet slide because legs are wrong is left to the legs (:mod:`smpl_rig.resting_feet`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Floats = NDArray[np.floating[Any]]

#: Deviations of the captured path, for each thirtieth of a second: across the line of sight in metres, and along it as
#: a part of the distance, which is how much larger or smaller the body becomes in the picture.
ACROSS_M = 0.002
ALONG_PART = 0.0075
#: A planted foot drifts so far in a second, as a random walk, and stands so far off the floor.
DRIFT_M_PER_ROOT_S = 0.03
HEIGHT_M = 0.02
#: Feet that rest farther from the floor than this rest on something else.
FLOOR_REACH_M = 0.1
#: Deviation of the acceleration by which the path is corrected.
ACCELERATION_M_S2 = 6.0
_NOMINAL_RATE = 30.0


def footing_offsets(points: Floats, contacts: Floats, seen_at: Floats, times_s: Floats) -> NDArray[np.float64]:
    """(T, 3) metres, world: how to move the body in each frame.

    The offsets d minimise, over all frames at once (a banded linear system, solved exactly in O(T)),

        d' P d + sum_i c_i |step of foot i + step of d|^2 / drift^2 + c_i (z_i + d_z)^2 / height^2 + |d''|^2 / a^2

    where P has little room across the view and much along it, and c are contact probabilities.

    Args:
        points: (T, 4, 3) metres, world, the floor at z = 0: heels and toes.
        contacts: (T, 4) probabilities that they rest on the floor.
        seen_at: (T, 3) metres, from the camera to the body, world axes.
        times_s: (T,) increasing.
    """
    count = len(points)
    if count < 2:
        return np.zeros((count, 3))
    share = np.gradient(times_s) * _NOMINAL_RATE  # of a thirtieth of a second, for each frame
    identity = np.eye(3)
    distance = np.linalg.norm(seen_at, axis=-1)[:, None, None]
    along = seen_at[:, :, None] * seen_at[:, None, :] / distance**2
    diagonal = (identity - along) / ACROSS_M**2 + along / (ALONG_PART * distance) ** 2  # (T, 3, 3)
    diagonal *= share[:, None, None]
    target = np.zeros((count, 3))

    near = np.exp(-0.5 * (points[..., 2] / FLOOR_REACH_M) ** 2)
    standing = share[:, None] * contacts * near / HEIGHT_M**2
    diagonal[:, 2, 2] += standing.sum(axis=1)
    target[:, 2] -= (standing * points[..., 2]).sum(axis=1)

    between, pull = still_steps(points, contacts, times_s)
    between += bending(times_s, ACCELERATION_M_S2)
    return solve_steps(diagonal, between, target + pull)


def still_steps(points: Floats, contacts: Floats, times_s: Floats) -> tuple[Floats, Floats]:
    """Of the minimum above, that planted feet stay where they are.

    Returns:
        (3, T) coefficients that are alike on all axes, of frames 0, 1 and 2 apart, and (T, 3) the right side.
    """
    between, target = np.zeros((3, len(points))), np.zeros((len(points), 3))
    still = np.minimum(contacts[1:], contacts[:-1]) / (DRIFT_M_PER_ROOT_S**2 * np.diff(times_s)[:, None])  # (T - 1, 4)
    pull = (still[..., None] * np.diff(points, axis=0)).sum(axis=1)
    target[:-1] += pull
    target[1:] -= pull
    total = still.sum(axis=1)
    between[0, :-1] += total
    between[0, 1:] += total
    between[1, :-1] -= total
    return between, target


def bending(times_s: Floats, acceleration_m_s2: float) -> Floats:
    """(3, T), as those of :func:`still_steps`, that the path has accelerations of this deviation."""
    count, step_s = len(times_s), np.diff(times_s)
    if count < 3:
        return np.zeros((3, count))
    before, after = step_s[:-1], step_s[1:]
    middle = (before + after) / 2
    weights = np.stack((1 / before, -1 / before - 1 / after, 1 / after)) / middle  # (3, T - 2)
    strength = middle * _NOMINAL_RATE / acceleration_m_s2**2
    band = np.zeros((3, count))
    for first in range(3):
        for second in range(first, 3):
            band[second - first, first : count - 2 + first] += strength * weights[first] * weights[second]
    return band


def solve_steps(diagonal: Floats, between: Floats, target: Floats) -> NDArray[np.float64]:
    """(T, 3): solves a symmetric system, of blocks (T, 3, 3) on the diagonal, and (3, T) as those of still_steps."""
    count = len(diagonal)
    diagonal = diagonal + between[0][:, None, None] * np.eye(3)
    band = np.zeros((7, 3 * count))
    for row in range(3):
        for column in range(row + 1):
            band[row - column, column::3] = diagonal[:, row, column]
    for apart in (1, 2):
        for axis in range(3):
            band[3 * apart, axis::3] = between[apart]
    solved: NDArray[np.float64] = solveh_banded(band, target.ravel(), lower=True, check_finite=False)
    return solved.reshape(count, 3)
