"""Frames that no body can have moved through: single-frame pops, and flips of a limb or of the whole body.

A flaw is a short run of frames between two jumps, each of which would need an impossible angular acceleration, with the
frames before and after it close together. Averaging over it would bend the good frames around it, so it is taken out
before anything is smoothed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: A jump from one frame to the next is at least this large, radians,
LEAST_JUMP_RAD = 0.35
#: and needs this angular acceleration or more. Library motion, at 30 frames per second, stays below with 99 of 100
#: clips in every joint but a few of the arm, which then do not come back as a pop does.
IMPOSSIBLE_RAD_S2 = 400.0
#: A pop lasts no longer.
LONGEST_POP_S = 0.1
#: Jumps of this size are flips, left taken for right or front for back; they may last longer.
LEAST_FLIP_RAD = 1.5
LONGEST_FLIP_S = 0.4
#: After a flaw the body is back where it was: nearer than this part of the jump.
RETURN = 0.5
#: The root's jumps likewise: metres, and metres per second squared.
LEAST_LEAP_M = 0.15
IMPOSSIBLE_M_S2 = 200.0


def flawed_rotations(local_rotations: Floats, times_s: Floats) -> Mask:
    """(T, J, 4) quaternions, the first joint the root -> (T, J) where they are not to be believed.

    Where the root pops or flips, what hangs on it was found on that wrong body, so that nothing of the frame is kept.
    """

    def angle(joints: NDArray[np.intp], start: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
        dots = np.abs(np.sum(local_rotations[start, joints] * local_rotations[end, joints], axis=-1))
        return np.asarray(2 * np.arccos(np.minimum(dots, 1)))

    # cheap, and enough to leave out nearly all
    dots = np.sum(local_rotations[1:] * local_rotations[:-1], axis=-1)
    step = np.diff(times_s)[:, None]
    needed = np.clip(IMPOSSIBLE_RAD_S2 * step**2, LEAST_JUMP_RAD, np.pi)
    jumps = np.abs(dots) < np.cos(needed / 2)  # (T-1, J)
    flawed = _short_runs(jumps, times_s, LEAST_FLIP_RAD, angle)
    return np.asarray(flawed | flawed[:, :1])


def flawed_positions(positions: Floats, times_s: Floats) -> Mask:
    """(T, 3) metres -> (T,)."""

    def distance(_: NDArray[np.intp], start: NDArray[np.intp], end: NDArray[np.intp]) -> Floats:
        return np.asarray(np.linalg.norm(positions[end] - positions[start], axis=-1))

    needed = np.maximum(IMPOSSIBLE_M_S2 * np.diff(times_s) ** 2, LEAST_LEAP_M)
    jumps = np.linalg.norm(np.diff(positions, axis=0), axis=-1) > needed
    return _short_runs(jumps[:, None], times_s, np.inf, distance)[:, 0]


def _short_runs(
    jumps: Mask,
    times_s: Floats,
    flip: float,
    apart: Callable[[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], Floats],
) -> Mask:
    """Frames (T, J) between two jumps after which everything is back where it was.

    Args:
        jumps: (T-1, J) whether frame t + 1 lies a jump away from frame t.
        times_s: (T,).
        flip: runs whose two jumps are at least so large may last longer.
        apart: how far apart the frames ``start`` and ``end`` of ``joints`` are.
    """
    frames, joints = len(times_s), jumps.shape[1]
    flawed = np.zeros((frames, joints), dtype=bool)
    if not jumps.any():
        return flawed
    longest = max(int((LONGEST_FLIP_S if np.isfinite(flip) else LONGEST_POP_S) / np.diff(times_s).min()), 1)
    for length in range(1, min(longest, frames - 2) + 1):
        before, joint = np.nonzero(jumps[:-length] & jumps[length:])
        after = before + length + 1
        lasting = times_s[after] - times_s[before + 1]
        there, back = apart(joint, before, before + 1), apart(joint, after - 1, after)
        jump = np.minimum(there, back)
        found = lasting <= np.where(jump >= flip, LONGEST_FLIP_S, LONGEST_POP_S)
        found &= apart(joint, before, after) < RETURN * jump
        for start, column in zip(before[found], joint[found], strict=True):
            # between two flaws lie good frames, which a longer run must not take for the flaw
            if not flawed[start : start + length + 2, column].any():
                flawed[start + 1 : start + 1 + length, column] = True
    return flawed
