"""Cameras that leave their place: what is near passes what is far, and tells turning from going.

The corners of two pictures that a camera took from two places lie on each other's epipolar lines, however far away they
are; that is what the essential matrix says (Longuet-Higgins 1981), which five of them give (Nister 2004).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

#: Corners agree if they are this near to their epipolar line.
AGREED_PX = 0.7
_CONFIDENCE = 0.999
_FEWEST_CORNERS = 20


def turn_between_places(there: Floats, here: Floats, K: Floats) -> tuple[Floats, float] | None:
    """How a camera turned on its way from one place to another.

    Args:
        there: (P, 2) pixels in the picture from the first place, near and far.
        here: (P, 2) pixels of the same corners from the second.
        K: (3, 3) pixels.

    Returns:
        (3, 3) from the camera's axes in the second place to those in the first, and the part of the corners that agree;
        None where there are too few.
    """
    if len(there) < _FEWEST_CORNERS:
        return None
    pixels = np.asarray(there, dtype=np.float64), np.asarray(here, dtype=np.float64)
    essential, agree = cv2.findEssentialMat(*pixels, K, method=cv2.RANSAC, prob=_CONFIDENCE, threshold=AGREED_PX)
    if essential is None or essential.shape != (3, 3):
        return None
    one, other, _ = cv2.decomposeEssentialMat(essential)
    # they differ by half a turn, which no camera makes from one picture to one that shares its corners
    second_from_first = max(one, other, key=np.trace)
    return np.asarray(second_from_first.T), float(agree.mean())
