"""Follows the footage's background from frame to frame, while the frames are read once and in order.

Every view is matched with a key view, not with the one just before it, so that errors do not add up: a camera held by
hand is seen against one key view all the time, and one that comes back to where it looked before is seen against what
was there then. A view that shares too little with all key views becomes another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.footage import Frame

from .background import FEWEST_CORNERS, KeyView, Match, View, key_view, mapped, match, small_view
from .turning import LONGEST_GAP_S, CameraMotion, Link, camera_motion
from .turns import common_turns, homography_of_turn

Floats = NDArray[np.floating[Any]]

#: A view becomes a key view when what it shares with the one in use falls below this part of what that shared first.
SHARED_PART = 0.55
#: An older key view is asked again if its middle is seen nearer to the picture's than this part of its width, and not
#: oftener than this. Only the newest of so many are kept.
NEAR_PART = 0.25
ASKED_EVERY_S = 0.2
MOST_KEYS = 100
#: While no corner moves further than this from look to look, a camera is looked at no more often than this.
RESTING_PX, RESTING_S = 0.3, 0.09


@dataclass(eq=False)
class _Key:
    """A key view.

    Attributes:
        view: with its corners.
        frame: index.
        turn: (3, 3) its axes to those of the first frame, by the guessed lens.
        shared: corners that agreed in the first view matched with it; None before.
    """

    view: KeyView
    frame: int
    turn: Floats
    shared: int | None = None


class CameraWatch:
    """Is given the frames in order, and says at the end how the camera turned.

    Args:
        K: (3, 3) pixels, of the footage; a guess does.
        focal_known: whether the focal length is more than a guess.
    """

    def __init__(self, K: Floats, focal_known: bool = False) -> None:
        self._focal_known = focal_known
        self._footage_K = np.asarray(K, dtype=np.float64)
        self._K = self._footage_K  # of the small pictures
        self._times_s: list[float] = []
        self._links: list[Link] = []
        self._keys: list[_Key] = []  # the oldest first
        self._active: _Key | None = None
        # of the last view that was matched: from the active key's pixels, to the first's axes, from the view before it
        self._homography, self._turn, self._step = np.eye(3), np.eye(3), np.eye(3)
        self._ahead = np.eye(3)  # from the active key's pixels to where they are if the camera goes on as it did
        self._rests = False
        self._matched_s = self._asked_s = -np.inf

    def add(self, frame: Frame, people: Sequence[Floats]) -> None:
        """Takes in a frame.

        Args:
            frame: whose picture is looked at.
            people: boxes (4,) x, y, width, height in pixels, about those whose motion is not the camera's.
        """
        index, now_s = len(self._times_s), frame.timestamp_s
        self._times_s.append(now_s)
        if self._rests and now_s - self._matched_s < RESTING_S:
            return
        view = small_view(frame.image, people)
        self._K = np.diag([view.scale, view.scale, 1.0]) @ self._footage_K
        lost = now_s - self._matched_s > LONGEST_GAP_S
        if self._follow(view, index, now_s) or (lost and self._begin_key(view, index)):
            self._matched_s = now_s

    def finish(self) -> CameraMotion:
        """How the camera turned in every frame that was added."""
        return camera_motion(self._links, np.array(self._times_s), self._K, self._focal_known)

    def _follow(self, view: View, index: int, now_s: float) -> bool:
        for key, guess in self._candidates(view, now_s):
            found = match(key.view, view, guess)
            if found is None or (key is not self._active and _shares_little(key, found)):
                continue
            self._note(key, found, index)
            if _shares_little(key, found):
                self._begin_key(view, index)
            return True
        self._ahead, self._rests = self._step @ self._ahead, False
        return False

    def _candidates(self, view: View, now_s: float) -> Iterator[tuple[_Key, Floats]]:
        """Key views, and where their pixels are now about: the oldest that is near, if it is time; the one in use."""
        if now_s - self._asked_s >= ASKED_EVERY_S:
            self._asked_s = now_s
            for key in self._keys:
                guess = homography_of_turn(self._turn.T @ key.turn, self._K)
                if key is not self._active and _is_near(guess, view):
                    yield key, guess
                    break
        if self._active is not None:
            yield self._active, self._ahead
            yield self._active, self._homography

    def _note(self, key: _Key, found: Match, index: int) -> None:
        self._active, self._homography = key, found.homography
        corners, here = found.corners.astype(np.int16), found.here.astype(np.float32)  # there will be many
        link = Link(index, key.frame, corners, here, found.agree, key.view.corners)
        self._links.append(link)
        step, _ = common_turns(link.there[None], here[None], link.agree[None], self._K)
        before, self._turn = self._turn, key.turn @ step[0]
        self._step = homography_of_turn(self._turn.T @ before, self._K)
        self._ahead = self._step @ found.homography
        self._rests = bool(np.linalg.norm(mapped(self._step, here) - here, axis=-1).max() < RESTING_PX)
        if key.shared is None:
            key.shared = int(found.agree.sum())

    def _begin_key(self, view: View, index: int) -> bool:
        """Makes a view the key view in use, if there is enough to be seen in it."""
        key = _Key(key_view(view), index, self._turn)
        if len(key.view.corners) < FEWEST_CORNERS:
            return False
        self._keys = [*self._keys[-MOST_KEYS + 1 :], key]
        self._active, self._homography, self._ahead = key, np.eye(3), self._step
        return True


def _shares_little(key: _Key, found: Match) -> bool:
    return key.shared is not None and found.agree.sum() < SHARED_PART * key.shared


def _is_near(homography: Floats, view: View) -> bool:
    """Whether the middle of one picture is seen near the middle of another."""
    height, width = view.grey.shape
    middle = np.array([width, height]) / 2
    ahead = homography[2] @ (*middle, 1) > 0
    return bool(ahead and np.linalg.norm(mapped(homography, middle[None])[0] - middle) < NEAR_PART * width)
