"""Rotated square regions of the picture, in which a person stands upright."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: The square is this much larger than twice the distance from the hips to the circle about the body (mediapipe).
ENLARGEMENT = 1.25


@dataclass(frozen=True)
class Region:
    """A square in the picture: centre and side in pixels, turned clockwise by ``angle`` radians."""

    x: float
    y: float
    side: float
    angle: float

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x, y, width, height of the upright square of the same centre and side."""
        return np.array([self.x - self.side / 2, self.y - self.side / 2, self.side, self.side])

    def to_picture(self, points: NDArray[Any]) -> NDArray[Any]:
        """(..., 2) points in the square, each axis 0 to 1, to pixels."""
        centred = (points - 0.5) * self.side
        return turn(centred, self.angle) + np.array([self.x, self.y])

    def crop(self, image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
        """(size, size, 3); outside the picture its edge goes on, as the landmark model's own pipeline has it.

        A perspective warp, though three corners would do: ``warpAffine`` rounds the places it reads from differently,
        which moves the landmarks ten times as far from mediapipe's.
        """
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float64)
        source = self.to_picture(corners).astype(np.float32)
        warp = cv2.getPerspectiveTransform(source, (corners * size).astype(np.float32))
        cropped = cv2.warpPerspective(
            image, warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(cropped, dtype=np.uint8)


def turn(vectors: NDArray[Any], angle: float) -> NDArray[Any]:
    """(..., 2) turned clockwise as one sees them, y pointing down."""
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack((cosine * x - sine * y, sine * x + cosine * y), axis=-1)


def region_about(hips: NDArray[Any], rim: NDArray[Any]) -> Region:
    """The region of a body from the middle of its hips and a point above it on the circle about it (both pixels)."""
    dx, dy = float(rim[0] - hips[0]), float(rim[1] - hips[1])
    side = 2 * np.hypot(dx, dy) * ENLARGEMENT
    angle = np.pi / 2 - np.arctan2(-dy, dx)
    wrapped = (angle + np.pi) % (2 * np.pi) - np.pi
    return Region(float(hips[0]), float(hips[1]), float(side), float(wrapped))
