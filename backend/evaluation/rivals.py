"""BlazePose's own 3D, which every answer has to beat: as it is, and as well as it can be made without a body."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.features.swaps import repair_swaps
from backend.people.tracks import LANDMARK_INDEX, Track

from .comparison import SHARED_JOINTS

Floats = NDArray[np.floating[Any]]

RAW = "BlazePose's 3D"
FAIR = "BlazePose's 3D, repaired, smoothed"
#: Deviation of the Gaussian that smooths the fair rival.
SMOOTHING_S = 0.08

_SHARED = [LANDMARK_INDEX[name] for name in SHARED_JOINTS]


def raw(track: Track) -> Floats:
    """(T, 33, 3) BlazePose's own 3D, bridged over gaps; NaN where a track has none."""
    return _bridged(track.timestamps_s, track.landmarks3d)


def fair(track: Track) -> Floats:
    """(T, 33, 3) the same with swaps repaired, bridged where it is not to be trusted, and smoothed."""
    repaired, trusted = repair_swaps(track)
    landmarks = _bridged(track.timestamps_s, np.where(trusted[:, None, None], repaired.landmarks3d, np.nan))
    times = track.timestamps_s
    weights = np.exp(-0.5 * ((times[:, None] - times[None]) / SMOOTHING_S) ** 2)
    return np.einsum("ts,slc->tlc", weights / weights.sum(axis=1, keepdims=True), landmarks)


def shared_landmarks(landmarks: Floats) -> Floats:
    """(T, 33, 3) -> (T, 12, 3), the joints that SMPL and BlazePose share."""
    return landmarks[:, _SHARED]


def _bridged(times_s: Floats, landmarks: Floats) -> Floats:
    landmarks = landmarks.astype(np.float64)
    known = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
    if not len(known):
        return landmarks
    flat = landmarks.reshape(len(landmarks), -1)
    filled = [np.interp(times_s, times_s[known], flat[known, column]) for column in range(flat.shape[1])]
    return np.stack(filled, axis=-1).reshape(landmarks.shape)
