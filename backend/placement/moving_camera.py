"""Where a camera goes that does not only turn, as far as the feet of the people whom it films tell.

Nearly always somebody who stands or walks has one foot on the floor, and there it stays. Whatever it seems to do is
the camera's doing. Which foot it is, is not known: one that is low may stand, or swing past the other. But a camera
goes smoothly, so that the smooth path under which most of the low feet stay is taken for its own. While nobody touches
the floor, it goes on as it went.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig.contacts import velocity

from .footing import bending, solve_steps, still_steps

Floats = NDArray[np.floating[Any]]

#: A sole is low this far, as a deviation, above the lowest there is so long before and after.
LOW_M, LOW_S = 0.04, 0.4
#: Deviation of the camera's acceleration.
ACCELERATION_M_S2 = 2.0
#: A low sole counts a quarter if it seems to go so fast beside the camera: at first, and at last, and so much less from
#: round to round.
FIRST_SPEED_M_S, LAST_SPEED_M_S, SLOWER = 2.0, 0.25, 0.6
ROUNDS = 8
#: Hold what nothing tells, and the camera's height, which feet tell badly.
_FAINT, _FIRM = 1e-4, 1e6


def moving_camera_path(points: Floats, times_s: Floats, observed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(T, 3) metres, world: where the camera is, beginning at the origin. Its height stays the same.

    Args:
        points: (T, 4, 3) metres: heels and toes from the camera, in the world's axes.
        times_s: (T,) increasing.
        observed: (T,) bool.
    """
    count = len(points)
    if count < 2:
        return np.zeros((count, 3))
    low = np.exp(-0.5 * (_heights(points, times_s) / LOW_M) ** 2) * observed[:, None]
    still, path = np.ones_like(low), np.zeros((count, 3))
    held, bent = np.tile(np.diag([_FAINT, _FAINT, _FIRM]), (count, 1, 1)), bending(times_s, ACCELERATION_M_S2)
    for number in range(ROUNDS):
        between, pull = still_steps(points, low * still, times_s)
        path = solve_steps(held, between + bent, pull)
        speed = np.linalg.norm(velocity(points + path[:, None], times_s)[..., :2], axis=-1)
        slow = max(FIRST_SPEED_M_S * SLOWER**number, LAST_SPEED_M_S)
        still = 1 / (1 + (speed / slow) ** 2) ** 2
    return path - path[0]


def _heights(points: Floats, times_s: Floats) -> Floats:
    """(T, 4) above the lowest of all soles about that time."""
    lowest = points[..., 2].min(axis=1)
    first = np.searchsorted(times_s, times_s - LOW_S)
    last = np.searchsorted(times_s, times_s + LOW_S, side="right")
    floor = np.array([lowest[start:end].min() for start, end in zip(first, last, strict=True)])
    return np.asarray(points[..., 2] - floor[:, None])
