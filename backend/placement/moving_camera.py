"""Where a camera goes that does not only turn, as far as the feet of the people whom it films tell.

Nearly always somebody who stands or walks has one foot on the floor, and there it stays. Whatever it seems to do is
the camera's doing. Which foot it is, is not known: one that is low may stand, or swing past the other. But a camera
goes smoothly, so that the smooth path under which most of the low feet stay is taken for its own. While nobody touches
the floor, it goes on as it went, or with the person if that takes them nowhere: most people who are filmed stay near.

What lies behind the people does not always show that a camera goes somewhere, if all of it is far away. It then seems
to turn only, and people whom it goes around to fly in a bow. Feet that rest much more often if it is taken to go are
believed before the background.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig.contacts import velocity

from .footing import DRIFT_M_PER_ROOT_S, bending, solve_steps, still_steps

Floats = NDArray[np.floating[Any]]

#: A sole is low this far, as a deviation, above the lowest there is so long before and after.
LOW_M, LOW_S = 0.04, 0.4
#: Deviation of the camera's acceleration.
ACCELERATION_M_S2 = 2.0
#: A low sole counts a quarter if it seems to go so fast beside the camera: at first, and at last, and so much less from
#: round to round.
FIRST_SPEED_M_S, LAST_SPEED_M_S, SLOWER = 2.0, 0.25, 0.6
ROUNDS = 8
#: People go so fast, as a deviation, and for so long: little beside a single foot that rests.
BODY_M_S, BODY_S = 0.4, 0.5
#: A camera that seems to turn only goes somewhere if so much more of the time a foot then rests, as a part of all the
#: time and times as much. Cameras that did only turn gained less than 0.1 in films with exact truth.
RESTS_MORE, RESTS_TIMES = 0.1, 1.5
#: Hold what nothing tells, and the camera's height, which feet tell badly.
_FAINT, _FIRM = 1e-4, 1e6


def moving_camera_path(
    points: Floats, pelvis: Floats, times_s: Floats, observed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(T, 3) metres, world: where the camera is, beginning at the origin. Its height stays the same.

    Args:
        points: (T, 4, 3) metres: heels and toes from the camera, in the world's axes.
        pelvis: (T, 3) metres, from the camera, too.
        times_s: (T,) increasing.
        observed: (T,) bool.
    """
    if len(points) < 2:
        return np.zeros((len(points), 3))
    return _path_under(_lowness(points, times_s, observed), points, pelvis, times_s, observed)


def turning_camera_path(
    points: Floats, pelvis: Floats, times_s: Floats, observed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The same of a camera that seems to turn only: it stays in its place unless feet rest much more if it does not."""
    stays = np.zeros((len(points), 3))
    if len(points) < 2:
        return stays
    low = _lowness(points, times_s, observed)
    path = _path_under(low, points, pelvis, times_s, observed)
    staying, going = (
        float((low * _stillness(points + way[:, None], times_s, LAST_SPEED_M_S)).max(axis=1).mean())
        for way in (stays, path)
    )
    return path if going > max(staying + RESTS_MORE, RESTS_TIMES * staying) else stays


def _path_under(
    low: Floats, points: Floats, pelvis: Floats, times_s: Floats, observed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(T, 3) the smooth path under which most of the soles that are low, (T, 4) from 0 to 1, stay where they are."""
    count = len(points)
    still, path = np.ones_like(low), np.zeros((count, 3))
    held, bent = np.tile(np.diag([_FAINT, _FAINT, _FIRM]), (count, 1, 1)), bending(times_s, ACCELERATION_M_S2)
    stays, stay_pull = still_steps(pelvis[:, None], observed[:, None].astype(float), times_s)
    little = DRIFT_M_PER_ROOT_S**2 / (BODY_M_S**2 * BODY_S)
    for number in range(ROUNDS):
        between, pull = still_steps(points, low * still, times_s)
        path = solve_steps(held, between + bent + little * stays, pull + little * stay_pull)
        slow = max(FIRST_SPEED_M_S * SLOWER**number, LAST_SPEED_M_S)
        still = _stillness(points + path[:, None], times_s, slow)
    return path - path[0]


def _lowness(points: Floats, times_s: Floats, observed: NDArray[np.bool_]) -> Floats:
    """(T, 4) from 1 for soles as low as any to 0."""
    return np.asarray(np.exp(-0.5 * (_heights(points, times_s) / LOW_M) ** 2) * observed[:, None])


def _stillness(points: Floats, times_s: Floats, slow_m_s: float) -> Floats:
    """(T, 4) from 1 for soles that rest over a quarter at this speed to 0."""
    speed = np.linalg.norm(velocity(points, times_s)[..., :2], axis=-1)
    return np.asarray(1 / (1 + (speed / slow_m_s) ** 2) ** 2)


def _heights(points: Floats, times_s: Floats) -> Floats:
    """(T, 4) above the lowest of all soles about that time."""
    lowest = points[..., 2].min(axis=1)
    first = np.searchsorted(times_s, times_s - LOW_S)
    last = np.searchsorted(times_s, times_s + LOW_S, side="right")
    floor = np.array([lowest[start:end].min() for start, end in zip(first, last, strict=True)])
    return np.asarray(points[..., 2] - floor[:, None])
