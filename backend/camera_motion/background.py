"""What lies behind the people: where its corners are, and where they have gone in another picture.

Corners (Shi and Tomasi 1994) of a key picture are looked for in a later one, into whose view the key picture was warped
as far as is known already, so that what is left to find is small (Lucas and Kanade 1981, in pyramids). Nothing here
knows of the lens: pictures are related by homographies, which hold for any camera that turns about one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]

#: Longer side of the pictures in which corners are followed, pixels.
LONGER_SIDE = 480
#: Corners of a key view: the best so many of every square of so many pixels, so that no part of a picture outweighs it.
CORNERS_IN_SQUARE, SQUARE_PX = 5, 60
#: Corners agree on a homography if they are this near to where it takes them, and so many have to.
AGREED_PX = 1.0
AGREED_PART = 0.4
FEWEST_CORNERS = 12
#: Where most corners move together, but this part of them lies within so much of where it was, most of what is seen
#: moves (a train, a crowd) and the camera does not.
STILL_PART = 0.2
STILL_PX = 0.3
#: Left out about people, parts of their boxes' longer sides: hair, hands and what they hold.
PEOPLE_MARGIN = 0.15
#: As near to the edge of a picture nothing is looked for.
_EDGE_PX = 8
_MOST_CORNERS, _CORNER_QUALITY, _CORNERS_APART_PX = 1000, 0.003, 8
_WINDOW_PX, _PYRAMID = (21, 21), 4


@dataclass(frozen=True, eq=False)
class View:
    """A small picture.

    Attributes:
        grey: (H, W).
        behind: (H, W) 255 where nobody is.
        scale: of its pixels to the footage's.
    """

    grey: Image
    behind: Image
    scale: float


@dataclass(frozen=True, eq=False)
class KeyView:
    """A view whose corners are looked for in others.

    Attributes:
        view: the picture.
        corners: (N, 2) pixels of it, behind the people.
    """

    view: View
    corners: Floats


@dataclass(frozen=True, eq=False)
class Match:
    """How a view lies to a key view.

    Attributes:
        homography: (3, 3) takes pixels of the key view to pixels of the other; scaled to a last entry of 1.
        corners: (N,) which of the key view's corners were found again.
        here: (N, 2) where they are in the other.
        agree: (N,) which of them the homography takes there.
    """

    homography: Floats
    corners: NDArray[np.intp]
    here: Floats
    agree: NDArray[np.bool_]


def small_view(image: Image, people: Sequence[Floats]) -> View:
    """Of the footage's picture (H, W, 3), and boxes (4,) x, y, width, height in its pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, LONGER_SIDE / max(height, width))
    size = round(width * scale), round(height * scale)
    grey: Any = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return View(grey, _behind(people, scale, grey.shape), scale)


def key_view(view: View) -> KeyView:
    """Finds its corners; there may be none."""
    found = cv2.goodFeaturesToTrack(view.grey, _MOST_CORNERS, _CORNER_QUALITY, _CORNERS_APART_PX, mask=view.behind)
    return KeyView(view, np.zeros((0, 2)) if found is None else _spread(found[:, 0].astype(np.float64)))


def _spread(corners: Floats) -> Floats:
    """The first of (N, 2) in every square."""
    _, squares = np.unique(corners // SQUARE_PX, axis=0, return_inverse=True)
    order = np.argsort(squares, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(squares[order], squares[order])
    return corners[np.sort(order[place < CORNERS_IN_SQUARE])]


def match(key: KeyView, view: View, guess: Floats) -> Match | None:
    """Looks for the key view's corners in another view.

    Args:
        key: from which.
        view: in which.
        guess: (3, 3) about how pixels go from the key view to the other.

    Returns:
        None where too few are found, or too few agree.
    """
    expected = mapped(guess, key.corners)
    inside = np.flatnonzero(_are_free(expected, view))
    if len(inside) < FEWEST_CORNERS:
        return None
    start = expected[inside].astype(np.float32)
    size = view.grey.shape[1], view.grey.shape[0]
    warped = cv2.warpPerspective(key.view.grey, guess, size, borderMode=cv2.BORDER_REPLICATE)
    ends, seen, _ = cv2.calcOpticalFlowPyrLK(
        warped, view.grey, start, np.empty_like(start), winSize=_WINDOW_PX, maxLevel=_PYRAMID
    )
    good = (seen[:, 0] > 0) & _are_free(ends, view)
    if good.sum() < FEWEST_CORNERS:
        return None
    return _agreed(key.corners, inside[good], ends[good].astype(np.float64))


def _agreed(corners: Floats, found: NDArray[np.intp], here: Floats) -> Match | None:
    """What most have in common (RANSAC, Fischler and Bolles 1981) of the corners found again at pixels (N, 2)."""
    there = corners[found]
    homography, inliers = cv2.findHomography(there, here, cv2.RANSAC, AGREED_PX)
    if homography is None:
        return None
    agree = inliers[:, 0] > 0
    moved = np.linalg.norm(here - there, axis=-1)
    still = moved < STILL_PX
    if still.mean() > STILL_PART and np.median(moved[agree]) > AGREED_PX:
        homography, agree = np.eye(3), still
    elif agree.mean() < AGREED_PART:
        return None
    if agree.sum() < FEWEST_CORNERS:
        return None
    return Match(homography / homography[2, 2], found, here, agree)


def mapped(homography: Floats, pixels: Floats) -> Floats:
    """(N, 2) -> (N, 2)."""
    if not len(pixels):
        return pixels
    moved = np.column_stack((pixels, np.ones(len(pixels)))) @ homography.T
    return np.asarray(moved[:, :2] / moved[:, 2:])


def _are_free(pixels: Floats, view: View) -> NDArray[np.bool_]:
    """(N,) which lie in the view, not at its edge and behind the people."""
    height, width = view.grey.shape
    inside = ((pixels >= _EDGE_PX) & (pixels < (width - _EDGE_PX, height - _EDGE_PX))).all(axis=-1)
    at = np.where(inside[:, None], pixels, 0).astype(int)
    return np.asarray(inside & (view.behind[at[:, 1], at[:, 0]] > 0))


def _behind(people: Sequence[Floats], scale: float, shape: tuple[int, ...]) -> Image:
    mask = np.full(shape, 255, dtype=np.uint8)
    for box in people:
        margin = PEOPLE_MARGIN * box[2:].max()
        left, top = np.maximum(scale * (box[:2] - margin), 0).astype(int)
        right, bottom = np.maximum(scale * (box[:2] + box[2:] + margin), 0).astype(int)
        mask[top:bottom, left:right] = 0
    return mask
