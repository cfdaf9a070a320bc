"""From matched corners to how the camera turned, and how it did not only turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parallax import turn_between_places
from .turns import angles, bridged, common_turns

Floats = NDArray[np.floating[Any]]

#: A camera that never turns further than this from where it looked first stands still, on a tripod.
STILL_RAD = np.radians(0.12)
#: Pictures that lie further apart, in small pixels, tell of the focal length and of a camera that moves.
APART_PX = 10.0
#: How far the focal length may be from its guess (deviation of its logarithm), and factors that are tried.
FOCAL_DEVIATION = 0.3
_FACTORS = np.exp(np.linspace(np.log(0.5), np.log(2.0), 57))
#: Corners of one picture err together: so many count as independent, of at most so many pictures.
_INDEPENDENT_CORNERS, _INDEPENDENT_PICTURES = 4.0, 10
_LEAST_DEVIATION_PX = 0.4
_MOST_PICTURES, _FEW_PICTURES = 120, 12
#: Corners that stay further from where a turn takes them count as if they were this far.
_MOST_MISSED_PX = 5.0
#: Pictures that are blurred or covered are bridged for so long; after that, the camera is lost.
LONGEST_GAP_S = 0.5
#: Pictures whose corners are worked on together.
_AT_ONCE = 500
#: The camera does not only turn if between pictures that lie apart, as a rule, corners stay so far from where a turn
#: takes them, in pixels and as a part of the way that they went; or if fewer of them move alike, but so many more fit
#: a camera that goes somewhere. Where neither holds, something else moves.
MISSED_PX = 0.8
MISSED_PART = 0.06
AGREED_PART = 0.75
MORE_AGREED_PART = 0.15
#: Pictures from two places are believed if so many corners agree; so often is it asked what they say.
PLACES_AGREED_PART = 0.65
ASKED_EVERY_S = 0.2


@dataclass(frozen=True, eq=False)
class Link:
    """Corners of a frame and of an earlier one, its key frame.

    Attributes:
        frame: index of the frame.
        key: index of the key frame.
        corners: (P,) numbers of the key frame's corners that were found again.
        here: (P, 2) pixels in the frame, of the small picture.
        agree: (P,) which of them move as most do.
        key_corners: (N, 2) pixels of all the key frame's corners; many links share them.
    """

    frame: int
    key: int
    corners: NDArray[np.integer[Any]]
    here: Floats
    agree: NDArray[np.bool_]
    key_corners: Floats

    @property
    def there(self) -> Floats:
        """(P, 2) pixels in the key frame."""
        return self.key_corners[self.corners]


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """How a camera turned.

    Attributes:
        frames: that it took.
        turns: (T, 3, 3) from the camera's axes in each frame to those of the first; None if it stands still.
        focal_factor: of the focal length to its guess.
        moves: whether it also moves through space, or zooms, so that turning does not explain what was seen.
        lost_s: for how long the background told nothing.
    """

    frames: int
    turns: Floats | None = None
    focal_factor: float = 1.0
    moves: bool = False
    lost_s: float = 0.0

    def of(self, frames: NDArray[np.integer[Any]]) -> Floats | None:
        """Turns of some frames, by their indices (N,): (N, 3, 3), or None if the camera stands still."""
        return None if self.turns is None else self.turns[frames]

    def intrinsics(self, K: Floats) -> NDArray[np.float64]:
        """(3, 3) pixels: the guessed camera with the focal length that its turning shows."""
        return with_focal(K, self.focal_factor)

    @property
    def widest_deg(self) -> float:
        """The angle by which the camera left where it looked first, at most."""
        return 0.0 if self.turns is None else float(np.degrees(angles(self.turns).max()))

    @property
    def warnings(self) -> list[str]:
        """What a user should know."""
        warnings = []
        if self.moves:
            warnings.append(
                "The camera does not only turn, it moves or zooms: where it goes is told from feet that seem to rest, "
                "so that the path through the world may be off."
            )
        if self.lost_s > 0:
            warnings.append(
                f"For {self.lost_s:.1f} s too little is seen behind the people to tell whether the camera turns: it "
                "is taken to stand still there."
            )
        return warnings


def camera_motion(links: Sequence[Link], times_s: Floats, K: Floats, focal_known: bool) -> CameraMotion:
    """Turns from links.

    Args:
        links: one for a frame at most, in the order of their frames.
        times_s: (T,).
        K: (3, 3) of the small pictures.
        focal_known: whether its focal length is more than a guess.
    """
    still = CameraMotion(len(times_s), lost_s=_lost_s(links, times_s))
    if not links:
        return still
    wide = [link for link in links if _way(link) > APART_PX]
    some = wide[:: -(-len(wide) // _MOST_PICTURES) or 1]
    factor = 1.0 if focal_known or not some else focal_factor(some, K)
    moves = _moves(some, with_focal(K, factor))
    if moves:
        turns, factor = _turns_on_the_way(links, times_s, K), 1.0
    else:
        steps, _ = _turns(links, with_focal(K, factor))
        turns = bridged(_chained(links, steps, len(times_s)), times_s)
    if angles(turns).max() < STILL_RAD:
        return still
    return replace(still, turns=turns, focal_factor=factor, moves=moves)


def focal_factor(links: Sequence[Link], K: Floats) -> float:
    """By how much the guessed focal length has to be multiplied for turns to explain what was seen.

    A camera that turns shows its focal length by how much faster corners move at the edge of its picture than in the
    middle (Hartley 1994). What little it shows in small turns is weighed against the guess.

    Args:
        links: of pictures that lie apart.
        K: (3, 3) of the small pictures.
    """
    squares = np.array([np.mean(_turns(links, with_focal(K, factor))[1] ** 2) for factor in _FACTORS])
    variance = max(squares.min(), _LEAST_DEVIATION_PX**2)
    independent = _INDEPENDENT_CORNERS * min(len(links), _INDEPENDENT_PICTURES)
    costs = independent * squares / variance + (np.log(_FACTORS) / FOCAL_DEVIATION) ** 2
    return float(_FACTORS[costs.argmin()])


def _moves(links: Sequence[Link], K: Floats) -> bool:
    """Whether turns leave unexplained how corners moved between pictures that lie apart."""
    if not links:
        return False
    _, missed = _turns(links, K)
    part = missed / [_way(link) for link in links]
    agreed = np.median([link.agree.mean() for link in links])
    if agreed < AGREED_PART:
        found = [turn_between_places(link.there, link.here, K) for link in links[:: -(-len(links) // _FEW_PICTURES)]]
        return bool(np.median([part for _, part in filter(None, found)] or [0]) > agreed + MORE_AGREED_PART)
    return bool(np.median(missed) > MISSED_PX and np.median(part) > MISSED_PART)


def _way(link: Link) -> float:
    """Pixels that its corners went, as a rule."""
    return float(np.median(np.linalg.norm(link.here - link.there, axis=-1)[link.agree]))


def _turns(links: Sequence[Link], K: Floats) -> tuple[Floats, Floats]:
    """(L, 3, 3) turns, and (L,) how far corners stay from where they take them: root mean square, pixels."""
    turns, missed = np.empty((len(links), 3, 3)), np.empty(len(links))
    for start in range(0, len(links), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        there, here, counted = _padded(links[part])
        turns[part], left = common_turns(there, here, counted, K)
        missed[part] = np.sqrt((np.minimum(left, _MOST_MISSED_PX) ** 2).sum(axis=1) / counted.sum(axis=1))
    return turns, missed


def _turns_on_the_way(links: Sequence[Link], times_s: Floats, K: Floats) -> Floats:
    """(T, 3, 3) turns of a camera that goes somewhere.

    What lies near and far parts with every step, so that only small steps tell the same from frame to frame; but what
    they take for turning is partly going. Pictures that lie further apart tell one from the other. What they say to be
    amiss is taken back, shared out over time.
    """
    stepwise = _stepwise(links)
    steps, _ = _turns(stepwise, K)
    turns = bridged(_chained(stepwise, steps, len(times_s)), times_s)
    keys, asked_s = {link.key for link in links}, -np.inf
    amiss, last = np.full_like(turns, np.nan), np.eye(3)
    for link in links:
        if np.isnan(amiss[link.key, 0, 0]):
            amiss[link.key] = last
        if times_s[link.frame] - asked_s >= ASKED_EVERY_S and _way(link) > APART_PX:
            asked_s = times_s[link.frame]
            found = turn_between_places(link.there, link.here, K)
            if found is not None and found[1] > PLACES_AGREED_PART:
                last = amiss[link.key] @ turns[link.key] @ found[0] @ turns[link.frame].T
                amiss[link.frame] = last
        if link.frame in keys:
            amiss[link.frame] = last
    return bridged(amiss, times_s) @ turns


def _stepwise(links: Sequence[Link]) -> list[Link]:
    """The same corners, but linked to the frame before where that one was linked to the same key frame."""
    stepwise = list(links[:1])
    for before, link in pairwise(links):
        _, first, second = np.intersect1d(before.corners, link.corners, assume_unique=True, return_indices=True)
        if before.key == link.key and len(first):
            places, agree = np.arange(len(first)), before.agree[first] & link.agree[second]
            stepwise.append(Link(link.frame, before.frame, places, link.here[second], agree, before.here[first]))
        else:
            stepwise.append(link)
    return stepwise


def with_focal(K: Floats, factor: float) -> Floats:
    """(3, 3) the same camera with a longer or shorter lens."""
    longer = np.array(K, dtype=np.float64)
    longer[[0, 1], [0, 1]] *= factor
    return longer


def _padded(links: Sequence[Link]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """(L, P, 2) pixels in key frames and (L, P, 2) in frames, and (L, P) which of them move as most do."""
    most = max(len(link.here) for link in links)
    padded, counted = np.zeros((2, len(links), most, 2)), np.zeros((len(links), most), dtype=bool)
    for row, link in enumerate(links):
        count = len(link.here)
        padded[0, row, :count], padded[1, row, :count], counted[row, :count] = link.there, link.here, link.agree
    return padded[0], padded[1], counted


def _chained(links: Sequence[Link], steps: Floats, frames: int) -> Floats:
    """(T, 3, 3), NaN where nothing tells. A key frame without a link is taken to be where the last one known was."""
    turns, last = np.full((frames, 3, 3), np.nan), 0
    turns[:1] = np.eye(3)
    for link, step in zip(links, steps, strict=True):
        if np.isnan(turns[link.key, 0, 0]):
            turns[link.key] = turns[last]
        turns[link.frame], last = turns[link.key] @ step, link.frame
    return turns


def _lost_s(links: Sequence[Link], times_s: Floats) -> float:
    """Seconds in gaps between frames that are linked to another, or another to them; short ones are bridged."""
    known = np.array(sorted({index for link in links for index in (link.frame, link.key)}), dtype=np.intp)
    ends = np.concatenate((times_s[:1], times_s[known], times_s[-1:]))
    gaps = np.diff(ends)
    return float(gaps[gaps > LONGEST_GAP_S].sum())
