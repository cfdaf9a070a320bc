"""Which frames of a track a network reads together.

Networks have learned from footage of about 30 frames in a second. Of footage that is twice as fast they read every
second frame, and then the others; and so on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import Track

#: Frames in a second.
USUAL_RATE = 30.0


def turns(track: Track) -> list[NDArray[np.intp]]:
    """Indices of the track's frames for each time that the network is run.

    Each run begins with a frame in which the person was observed, as the runner asks. What comes before is left out,
    and so is a run in which they never were: :func:`nearest` says whose answer to take instead.
    """
    lasts_s = float(track.timestamps_s[-1] - track.timestamps_s[0])
    count = max(1, round((len(track) - 1) / lasts_s / USUAL_RATE)) if lasts_s > 0 else 1
    every = [np.arange(turn, len(track), count) for turn in range(count)]
    seen = [frames[track.observed[frames]] for frames in every]
    return [frames[frames >= first[0]] for frames, first in zip(every, seen, strict=True) if len(first)]


def nearest(answered: NDArray[np.bool_]) -> NDArray[np.intp]:
    """(T,) for each frame itself if there is an answer for it, else the nearest one with an answer."""
    there = np.flatnonzero(answered)
    between = np.interp(np.arange(len(answered)), there, np.arange(len(there)))
    return there[np.rint(between).astype(np.intp)]
