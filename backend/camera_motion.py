"""Whether a camera turns while it films: a pan that follows somebody, say.

Corners of what is behind the people are followed from frame to frame (Shi and Tomasi 1994; Lucas and Kanade 1981), and
the turn that most of them agree on is the camera's. Where a good part of them stands still, so does the camera. A
camera that travels is seen as one that turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .footage import Frame

Floats = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]

#: Longer side of the pictures in which corners are followed, pixels.
LONGER_SIDE = 480
#: Pictures are compared that are this far apart.
STEP_S = 0.1
CORNERS = 200
#: Corners that moved less, in those pixels, stand still; and this part of them says that the camera does.
STILL_PX = 0.3
STILL_PART = 0.3
#: Corners agree on a turn if they are this near to where it would take them, and so many have to.
AGREED_PX = 1.0
AGREED_PART = 0.4
FEWEST_CORNERS = 12
#: A camera whose axis stays within this angle is one that stands still: held by hand, or misjudged by as much.
STEADY_RAD = np.radians(4)
#: Left out about people, parts of their boxes' longer sides: hair, hands and what they hold.
PEOPLE_MARGIN = 0.15
_DRAWS = 60


class CameraWatch:
    """Is given the frames in order, and says at the end how far the camera was turned.

    Args:
        K: (3, 3) pixels, of the footage.
    """

    def __init__(self, K: Floats) -> None:
        self._K = np.asarray(K, dtype=np.float64)
        self._before: tuple[Image, Image] | None = None
        self._before_s = -np.inf
        self._turn = np.eye(3)
        self._widest_rad = 0.0
        self._chance = np.random.default_rng(0)

    def add(self, frame: Frame, people: Sequence[Floats]) -> None:
        """Takes in a frame.

        Args:
            frame: whose picture is looked at.
            people: boxes (4,) x, y, width, height in pixels, about those whose motion is not the camera's.
        """
        if frame.timestamp_s - self._before_s < STEP_S:
            return
        self._before_s = frame.timestamp_s
        height, width = frame.image.shape[:2]
        scale = min(1.0, LONGER_SIDE / max(height, width))
        size = (round(width * scale), round(height * scale))
        small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        if self._before is not None:
            self._turn = self._turn @ self._turn_since(*self._before, grey, scale)
            self._widest_rad = max(self._widest_rad, float(np.arccos(np.clip(self._turn[2, 2], -1, 1))))
        self._before = grey, _background(people, scale, grey.shape)

    def _turn_since(self, before: Image, background: Image, now: Image, scale: float) -> Floats:
        """(3, 3) from the camera's axes now to those of the picture before; the identity where nothing tells."""
        found = cv2.goodFeaturesToTrack(before, CORNERS, 0.01, 8, mask=background)
        if found is None:
            return np.eye(3)
        there, seen, _ = cv2.calcOpticalFlowPyrLK(before, now, found, np.empty_like(found))
        good = seen[:, 0] > 0
        start, end = found[good, 0].astype(np.float64), there[good, 0].astype(np.float64)
        still = np.linalg.norm(end - start, axis=-1) < STILL_PX
        if len(start) < FEWEST_CORNERS or still.mean() > STILL_PART:
            return np.eye(3)
        K = np.diag([scale, scale, 1.0]) @ self._K
        return common_turn(_rays(end, K), _rays(start, K), AGREED_PX / K[0, 0], self._chance)

    @property
    def widest_rad(self) -> float:
        """The angle by which the camera's axis left where it looked first, at most."""
        return self._widest_rad

    def warnings(self) -> list[str]:
        """What a user should know."""
        if self._widest_rad < STEADY_RAD:
            return []
        degrees = np.degrees(self._widest_rad)
        return [
            f"The camera turns by {degrees:.0f} degrees, but is taken to stand still: the poses do not mind, "
            "the path through the world is as wrong as that."
        ]


def _background(people: Sequence[Floats], scale: float, shape: tuple[int, ...]) -> Image:
    """(H, W) 255 where nobody is."""
    mask = np.full(shape, 255, dtype=np.uint8)
    for box in people:
        margin = PEOPLE_MARGIN * box[2:].max()
        left, top = np.maximum(scale * (box[:2] - margin), 0).astype(int)
        right, bottom = np.maximum(scale * (box[:2] + box[2:] + margin), 0).astype(int)
        mask[top:bottom, left:right] = 0
    return mask


def common_turn(rays: Floats, wanted: Floats, nearness: float, chance: np.random.Generator) -> Floats:
    """The rotation that brings the most rays to where they are wanted (RANSAC, Fischler and Bolles 1981).

    Args:
        rays: (N, 3) unit vectors.
        wanted: (N, 3) unit vectors.
        nearness: radians within which a ray has arrived.
        chance: for the draws.

    Returns:
        (3, 3); the identity if too few agree.
    """
    best = np.zeros(len(rays), dtype=bool)
    for _ in range(_DRAWS):
        pair = chance.choice(len(rays), 2, replace=False)
        agreed = _arrived(_nearest_turn(rays[pair], wanted[pair]), rays, wanted, nearness)
        if agreed.sum() > best.sum():
            best = agreed
    if best.sum() < max(FEWEST_CORNERS, AGREED_PART * len(rays)):
        return np.eye(3)
    return _nearest_turn(rays[best], wanted[best])


def _arrived(turn: Floats, rays: Floats, wanted: Floats, nearness: float) -> NDArray[np.bool_]:
    return np.asarray(np.linalg.norm(rays @ turn.T - wanted, axis=-1) < nearness)


def _nearest_turn(rays: Floats, wanted: Floats) -> Floats:
    """Of unit vectors (N, 3), without moving them to their middle (Wahba 1965, solved as by Kabsch 1976)."""
    u, _, vt = np.linalg.svd(wanted.T @ rays)
    turn: Floats = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return turn


def _rays(pixels: Floats, K: Floats) -> Floats:
    """(N, 2) pixels -> (N, 3) unit vectors, camera axes."""
    rays = np.column_stack((pixels, np.ones(len(pixels)))) @ np.linalg.inv(K).T
    return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True))
