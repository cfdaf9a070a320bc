"""Heels and toes: where the floor is, and when they rest on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

#: A point rests with probability one half at this height or this speed. On films with exact truth, captured soles that
#: hardly move stand still as often at a height of a decimetre, where a camera's pitch errs, as on the floor.
CONTACT_HEIGHT_M = 0.09
CONTACT_SPEED_M_S = 0.35
#: Speed is measured over this long before and after, whatever the frame rate.
SPEED_REACH_S = 0.06
#: One camera sees depth several times less well than the picture's plane, so speed along the line of sight counts for
#: less.
DEPTH_TRUST = 0.1
#: The floor is where the lowest of the feet is in this part of the frames.
FLOOR_QUANTILE = 0.2
#: Feet rest on a level if the lower one keeps within this height for this long; nobody hangs in the air for so long, as
#: they would fall by 0.6 m from the top of a leap in half that time.
LEVEL_REACH_M = 0.35
LEVEL_S = 0.7
#: Levels that are less apart are one: a wrong pitch of the camera alone lets a floor rise and fall a little.
LEVELS_APART_M = 0.5
#: Somebody stands on a level; a hand- or shoulderstand, with the feet above the pelvis or beside it, is none.
PELVIS_ABOVE_FEET_M = 0.25


def floor_height(points: Floats, observed: NDArray[np.bool_]) -> float:
    """Height (metres, world) on which the lower foot mostly stands."""
    lowest = points[:, :, 2].min(axis=1)
    return float(np.quantile(lowest[observed] if observed.any() else lowest, FLOOR_QUANTILE))


def level_heights(
    points: Floats, pelvis_heights: Floats, times_s: Floats, observed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(T,) metres, world: the height of the floor, roof or wall on which they stand, or last stood, in each frame.

    Mostly there is one level, :func:`floor_height`. Somebody who jumps down from a roof has two.

    Args:
        points: (T, 4, 3) metres, world: heels and toes.
        pelvis_heights: (T,) metres, world.
        times_s: (T,) increasing.
        observed: (T,) bool.
    """
    lowest = points[:, :, 2].min(axis=1)
    standing = observed & (pelvis_heights - lowest > PELVIS_ABOVE_FEET_M) & _keeps_height(lowest, times_s)
    frames = np.flatnonzero(standing)
    order = frames[np.argsort(lowest[frames], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(lowest[order]) > LEVELS_APART_M) + 1)
    if len(groups) < 2:
        return np.full(len(lowest), floor_height(points, observed))
    heights = np.empty(len(lowest))
    for group in groups:
        heights[group] = np.quantile(lowest[group], FLOOR_QUANTILE)
    between = (times_s[frames][1:] + times_s[frames][:-1]) / 2
    nearest: NDArray[np.float64] = heights[frames[np.searchsorted(between, times_s)]]
    return nearest


def _keeps_height(heights: Floats, times_s: Floats) -> NDArray[np.bool_]:
    """(T,) whether the heights about a frame, for a whole :data:`LEVEL_S`, are alike."""
    first = np.searchsorted(times_s, times_s - LEVEL_S / 2)
    last = np.searchsorted(times_s, times_s + LEVEL_S / 2, side="right")
    inside = (times_s - LEVEL_S / 2 >= times_s[0]) & (times_s + LEVEL_S / 2 <= times_s[-1])
    spans = np.array([np.ptp(heights[start:end]) for start, end in zip(first, last, strict=True)])
    return np.asarray(inside & (spans < LEVEL_REACH_M))


def contact_probabilities(points: Floats, times_s: Floats, observed: NDArray[np.bool_], sight: Floats) -> Floats:
    """(T, 4): near the floor at z = 0, and slow. 0 where nobody was observed.

    Args:
        points: (T, 4, 3) metres, world.
        times_s: (T,) increasing.
        observed: (T,) bool.
        sight: (T, 4, 3) or (3,) unit directions in which the camera sees them, world, as of :func:`lines_of_sight`.
    """
    height = np.maximum(points[..., 2], 0)
    speed = speed_across(points, times_s, sight)
    low = 1 / (1 + np.exp(np.clip((height - CONTACT_HEIGHT_M) / (CONTACT_HEIGHT_M / 4), -50, 50)))
    slow = 1 / (1 + np.exp(np.clip((speed - CONTACT_SPEED_M_S) / (CONTACT_SPEED_M_S / 4), -50, 50)))
    return np.asarray(low * slow * observed[:, None])


def lines_of_sight(points: Floats, camera: Floats) -> Floats:
    """(T, 4, 3) unit directions from a camera (T, 3) to points (T, 4, 3), metres, world."""
    away = points - camera[:, None]
    return np.asarray(away / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9))


def speed_across(points: Floats, times_s: Floats, sight: Floats) -> Floats:
    """(T, 4) metres per second, in which what moves along the line of sight counts for little.

    Arguments as of :func:`contact_probabilities`.
    """
    moving = velocity(points, times_s)
    along = (moving * sight).sum(axis=-1)  # (T, 4)
    # the part across the line of sight, and what is trusted of the part along it
    return np.asarray(np.sqrt(np.maximum((moving**2).sum(axis=-1) - (1 - DEPTH_TRUST**2) * along**2, 0)))


def velocity(points: Floats, times_s: Floats) -> Floats:
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
