"""Heels and toes: where the floor is, and when they rest on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

#: A point rests with probability one half at this height or this speed.
CONTACT_HEIGHT_M = 0.06
CONTACT_SPEED_M_S = 0.35
#: Speed is measured over this long before and after, whatever the frame rate.
SPEED_REACH_S = 0.06
#: One camera sees depth several times less well than the picture's plane, so speed along the view counts for less.
DEPTH_TRUST = 0.25
#: The floor is where the lowest of the feet is in this part of the frames.
FLOOR_QUANTILE = 0.2


def floor_height(points: Floats, observed: NDArray[np.bool_]) -> float:
    """Height (metres, world) on which the lower foot mostly stands."""
    lowest = points[:, :, 2].min(axis=1)
    return float(np.quantile(lowest[observed] if observed.any() else lowest, FLOOR_QUANTILE))


def contact_probabilities(
    points: Floats, times_s: Floats, observed: NDArray[np.bool_], view: tuple[float, float, float] | Floats
) -> Floats:
    """(T, 4): near the floor at z = 0, and slow. 0 where nobody was observed.

    Args:
        points: (T, 4, 3) metres, world.
        times_s: (T,) increasing.
        observed: (T,) bool.
        view: (3,) unit direction in which the camera looks, world.
    """
    height = np.maximum(points[..., 2], 0)
    velocity = _velocity(points, times_s)
    along = velocity @ np.asarray(view)  # (T, 4)
    # the part across the view, and what is trusted of the part along it
    speed = np.sqrt(np.maximum((velocity**2).sum(axis=-1) - (1 - DEPTH_TRUST**2) * along**2, 0))
    low = 1 / (1 + np.exp(np.clip((height - CONTACT_HEIGHT_M) / (CONTACT_HEIGHT_M / 4), -50, 50)))
    slow = 1 / (1 + np.exp(np.clip((speed - CONTACT_SPEED_M_S) / (CONTACT_SPEED_M_S / 4), -50, 50)))
    return np.asarray(low * slow * observed[:, None])


def _velocity(points: Floats, times_s: Floats) -> Floats:
    """(T, 4, 3) metres per second, from places a fixed time before and after each frame."""
    if len(points) < 2:
        return np.zeros_like(points)
    before = np.clip(times_s - SPEED_REACH_S, times_s[0], times_s[-1])
    after = np.clip(times_s + SPEED_REACH_S, times_s[0], times_s[-1])
    moved = _at(after, points, times_s) - _at(before, points, times_s)
    return np.asarray(moved / (after - before)[:, None, None])


def _at(wanted_s: Floats, points: Floats, times_s: Floats) -> Floats:
    """Linear interpolation of (T, 4, 3) at other times."""
    right = np.clip(np.searchsorted(times_s, wanted_s), 1, len(times_s) - 1)
    part = (wanted_s - times_s[right - 1]) / (times_s[right] - times_s[right - 1])
    return np.asarray(points[right - 1] + part[:, None, None] * (points[right] - points[right - 1]))
