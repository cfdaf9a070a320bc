"""A track with given boxes, for tests that look at pictures and not at landmarks."""

import numpy as np

from backend.people.tracks import LANDMARK_COUNT, Track


def seen_track(times_s: np.ndarray, boxes: np.ndarray, observed: np.ndarray | None = None) -> Track:
    """Landmarks in the middle of the boxes.

    Args:
        times_s: (T,).
        boxes: (4,) or (T, 4).
        observed: (T,) bool; all by default.
    """
    count = len(times_s)
    observed = np.ones(count, dtype=bool) if observed is None else observed
    boxes = np.where(observed[:, None], np.broadcast_to(boxes, (count, 4)), np.nan)
    middles = boxes[:, None, :2] + boxes[:, None, 2:] / 2
    landmarks2d = np.zeros((count, LANDMARK_COUNT, 3))
    landmarks2d[..., :2], landmarks2d[..., 2] = middles, observed[:, None]
    landmarks3d = np.where(observed[:, None, None], np.zeros((count, LANDMARK_COUNT, 3)), np.nan)
    return Track(0, np.arange(count), np.asarray(times_s), landmarks2d, landmarks3d, boxes, observed)
