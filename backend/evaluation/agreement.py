"""How near a captured body comes to the landmarks in the picture: of films, of the simulation and of footage.

No truth is needed, so that real people can be held beside the simulation. What is left is where the detector errs as no
body could, and where people are built otherwise than any shape of the body. A simulation that leaves more than people
do teaches networks to believe their eyes too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as ListOf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import Track
from backend.text_table import aligned

from .plausibility import reprojection_error
from .solutions import answered, fitted, landmarks_of, track_set_right
from .workers import one_thread, side_by_side

Floats = NDArray[np.floating[Any]]

#: Of the clips of a kind, as many parts of a hundred are below.
QUANTILES = (10, 50, 90)


def left_over(track: Track, K: Floats, network: str) -> float:
    """Mean distance of all 33 landmarks from those of the captured body, percent of the person's height.

    Args:
        track: as the detector saw it.
        K: (3, 3) pixels.
        network: whose answer is fitted.
    """
    seen = track_set_right(track, K)
    points = landmarks_of(fitted(seen, answered(network, seen)))
    return reprojection_error(points, seen.track.landmarks2d, K, seen.track.heights_px, seen.track.observed)


def table_of_agreement(kinds: Mapping[str, ListOf[tuple[Track, Floats]]], network: str, workers: int) -> str:
    """What is left of each kind of clips, tracks with their cameras."""
    tasks = [(track, K, network) for clips in kinds.values() for track, K in clips]
    found = iter(side_by_side("agreement", left_over, tasks, one_thread, workers))
    rows = [["left after the fit, % of height", "clips", *(f"{quantile} % of them below" for quantile in QUANTILES)]]
    for kind, clips in kinds.items():
        left = [next(found) for _ in clips]
        rows.append([kind, str(len(left)), *(f"{value:.2f}" for value in np.percentile(left, QUANTILES))])
    return aligned(rows)
