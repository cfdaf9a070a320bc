"""How believable a motion is where nobody knows the truth: what can be measured on real footage.

None of these alone says that a motion is right. Somebody who never moves has no jitter, and a cloud of points that
follows the picture has no reprojection error. Together they show what an answer pays for what it is good at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import MILLIMETRES, mean

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: A foot whose place in the picture moves by less of the person's height in a second stands still: 8 cm/s of an adult.
#: A foot that swings is twenty times as fast; the detector's own unrest seldom stays below half of it.
STILL_HEIGHTS_PER_S = 0.05
#: Over this long before and after a frame.
STILL_REACH_S = 0.1
#: Landmarks that are less surely seen say nothing.
LEAST_VISIBILITY = 0.5


def reprojection_error(points: Floats, landmarks2d: Floats, K: Floats, heights: Floats, observed: Mask) -> float:
    """Mean distance between landmarks as they were seen and as the answer has them, percent of the person's height.

    Args:
        points: (T, P, 3) metres, camera axes.
        landmarks2d: (T, P, 3) pixel x, pixel y, visibility.
        K: (3, 3) pixels.
        heights: (T,) pixels, of the person in the picture.
        observed: (T,) frames that count.
    """
    projected = points @ K.T
    # what lies behind the camera is far off, not mirrored into the picture
    pixels = projected[..., :2] / np.maximum(projected[..., 2:], 1e-3)
    counted = observed[:, None] & (landmarks2d[..., 2] >= LEAST_VISIBILITY)
    apart = np.linalg.norm(pixels - landmarks2d[..., :2], axis=-1) / heights[:, None]
    return mean(100.0 * apart[counted])


def bone_length_change(joints: Floats, bones: Sequence[tuple[int, int]], observed: Mask) -> float:
    """Deviation of each bone's length over time, percent of its mean, averaged over the bones.

    Args:
        joints: (T, J, 3) metres.
        bones: pairs of joints.
        observed: (T,) frames that count.
    """
    first, second = np.array(bones).T
    lengths = np.linalg.norm(joints[observed][:, first] - joints[observed][:, second], axis=-1)  # (N, bones)
    return mean(100.0 * lengths.std(axis=0) / lengths.mean(axis=0)) if len(lengths) else float("nan")


def still_in_picture(landmarks2d: Floats, heights: Floats, times_s: Floats, observed: Mask) -> Mask:
    """(T, P) landmarks that stay where they are in the picture of a camera that does not move.

    It is told from what the detector saw, so that every answer is judged by the same frames.

    Args:
        landmarks2d: (T, P, 3) pixel x, pixel y, visibility.
        heights: (T,) pixels, of the person in the picture.
        times_s: (T,) increasing.
        observed: (T,) frames that count.
    """
    seen = observed[:, None] & (landmarks2d[..., 2] >= LEAST_VISIBILITY)
    still = seen.copy()
    for frame, time in enumerate(times_s):
        near = slice(*np.searchsorted(times_s, (time - STILL_REACH_S - 1e-6, time + STILL_REACH_S + 1e-6)))
        span_s = times_s[near][-1] - times_s[near][0]
        wandered = np.ptp(landmarks2d[near, :, :2], axis=0)  # (P, 2)
        speed = np.linalg.norm(wandered, axis=-1) / heights[frame] / max(span_s, 1e-6)
        still[frame] &= seen[near].all(axis=0) & (speed < STILL_HEIGHTS_PER_S) & (span_s > 0)
    return still


def skate(points: Floats, still: Mask, times_s: Floats) -> float:
    """Mean speed of points that should rest, cm/s. A step counts if the point rests before and after it.

    Args:
        points: (T, P, 3) metres.
        still: (T, P).
        times_s: (T,) increasing.
    """
    speed = np.linalg.norm(np.diff(points, axis=0), axis=-1) / np.diff(times_s)[:, None]
    return mean(100.0 * speed[still[1:] & still[:-1]])


def penetration(lowest_m: Floats, observed: Mask) -> float:
    """Mean depth of the body's lowest point below the floor, mm; 0 in frames in which it is above.

    Args:
        lowest_m: (T,) its height above the floor.
        observed: (T,) frames that count.
    """
    return mean(MILLIMETRES * np.maximum(-lowest_m[observed], 0.0))
