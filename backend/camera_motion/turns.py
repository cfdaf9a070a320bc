"""Turns of a pinhole camera, and what they do to its picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import rotations

Floats = NDArray[np.floating[Any]]

#: A pair of corners counts half if it is this far, in pixels, from where the turn would take it.
_DOUBT_PX = 0.7
_ROUNDS = 4


def homography_of_turn(turn: Floats, K: Floats) -> Floats:
    """(3, 3) where pixels go when the camera's axes turn.

    Args:
        turn: (3, 3) takes directions from the axes before to those after.
        K: (3, 3) pixels.
    """
    homography: Floats = K @ turn @ np.linalg.inv(K)
    return homography


def common_turns(there: Floats, here: Floats, counted: NDArray[np.bool_], K: Floats) -> tuple[Floats, Floats]:
    """The turns that bring pixels of one picture nearest to their partners in another, for L pairs of pictures.

    Directions are brought onto each other by least squares (Wahba 1965, solved as by Kabsch 1976), again and again with
    less weight for those that stay away.

    Args:
        there: (L, P, 2) pixels.
        here: (L, P, 2) pixels.
        counted: (L, P) which of them are pairs.
        K: (3, 3) pixels.

    Returns:
        (L, 3, 3) from the axes in which ``here`` was seen to those of ``there``, and (L, P) pixels that are left.
    """
    source, target = rays(here, K), rays(there, K)
    weight = counted.astype(np.float64)
    for _ in range(_ROUNDS):
        u, _, vt = np.linalg.svd(np.einsum("lp,lpi,lpj->lij", weight, target, source))
        signs = np.ones((len(u), 3))
        signs[:, 2] = np.linalg.det(u @ vt)
        turns = (u * signs[:, None]) @ vt
        left = np.where(counted, np.linalg.norm(_pixels(source @ turns.swapaxes(1, 2), K) - there, axis=-1), 0)
        weight = counted / (1 + (left / _DOUBT_PX) ** 2)
    return turns, left


def rays(pixels: Floats, K: Floats) -> Floats:
    """(..., 2) pixels -> (..., 3) unit vectors, camera axes."""
    ends = np.concatenate((pixels, np.ones((*pixels.shape[:-1], 1))), axis=-1) @ np.linalg.inv(K).T
    return np.asarray(ends / np.linalg.norm(ends, axis=-1, keepdims=True))


def steady_pixels(pixels: Floats, K: Floats, turns: Floats) -> Floats:
    """Where pixels would lie in the picture of a camera that stands still and sees all around.

    The picture is unrolled, so that it holds any turn: across and down are angles, in pixels of the middle.

    Args:
        pixels: (T, P, 2 or more) x, y and what else goes with them.
        K: (3, 3) pixels.
        turns: (T, 3, 3) from the camera's axes in each frame to axes that stand still.
    """
    x, y, z = np.moveaxis(rays(pixels[..., :2], K) @ turns.swapaxes(1, 2), -1, 0)
    heading = np.arctan2(turns[:, 0, 2], turns[:, 2, 2])[:, None]
    beside = (np.arctan2(x, z) - heading + np.pi) % (2 * np.pi) - np.pi
    steady = np.stack((np.unwrap(heading, axis=0) + beside, np.arctan2(y, np.hypot(x, z))), axis=-1) * K[0, 0]
    return np.concatenate((steady, pixels[..., 2:]), axis=-1)


def _pixels(directions: Floats, K: Floats) -> Floats:
    projected = directions @ K.T
    return np.asarray(projected[..., :2] / np.maximum(projected[..., 2:], 1e-6))


def angles(turns: Floats) -> Floats:
    """(..., 3, 3) -> (...) radians."""
    return np.asarray(np.linalg.norm(rotations.log(rotations.from_matrix(turns)), axis=-1))


def bridged(turns: Floats, times_s: Floats) -> Floats:
    """(T, 3, 3) whose unknown ones (NaN) are filled by the shortest way between known ones, and held at the ends."""
    filled, frames = turns.copy(), np.flatnonzero(~np.isnan(turns[:, 0, 0]))
    for frame in np.flatnonzero(np.isnan(turns[:, 0, 0])):
        after = int(np.searchsorted(frames, frame))
        first, last = frames[max(after - 1, 0)], frames[min(after, len(frames) - 1)]
        part = (times_s[frame] - times_s[first]) / max(times_s[last] - times_s[first], 1e-9)
        way = rotations.log(rotations.from_matrix(turns[first].T @ turns[last]))
        filled[frame] = turns[first] @ rotations.to_matrix(rotations.exp(np.clip(part, 0, 1) * way))
    return filled
