"""Left and right, set right over time.

Seen from behind, BlazePose now and then takes a person's left for their right, in bursts, with full visibility. The
2D landmarks themselves stay where the limbs are, so exchanging the labels back repairs them; its 3D of such frames is
built on the wrong side and is not to be trusted.

Arms alone or legs alone that stay swapped for longer than about a third of a second are taken for crossed limbs and
left as they are: the 2D motion does not tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import LANDMARK_INDEX, LANDMARK_NAMES, Track

Floats = NDArray[np.floating[Any]]

_ARMS = ("shoulder", "elbow", "wrist", "pinky", "index", "thumb")
_LEGS = ("hip", "knee", "ankle", "heel", "foot_index")


@dataclass(frozen=True)
class SwapCosts:
    """In heights of the person, summed over the landmarks of one limb pair.

    Attributes:
        change: of starting or ending a swap; keeps quick crossings of limbs from being taken for swaps.
        part: of every second in which only arms or only legs are swapped, which is rare.
        whole: of every second in which the whole body is swapped; small, it only settles which labels the majority has.
        longest_step_s: landmarks further apart in time say nothing of continuity.
    """

    change: float = 0.25
    part: float = 3.0
    whole: float = 0.6
    longest_step_s: float = 0.25


def _permutation(parts: tuple[str, ...], face: bool = False) -> NDArray[np.intp]:
    order = np.arange(len(LANDMARK_NAMES))
    pairs = [(f"left_{part}", f"right_{part}") for part in parts]
    if face:
        pairs += [(f"left_{part}", f"right_{part}") for part in ("eye_inner", "eye", "eye_outer", "ear")]
        pairs += [("mouth_left", "mouth_right")]
    for left, right in pairs:
        order[LANDMARK_INDEX[left]], order[LANDMARK_INDEX[right]] = LANDMARK_INDEX[right], LANDMARK_INDEX[left]
    return order


#: The states of the search: nothing, arms, legs, or the whole body swapped.
STATES: tuple[NDArray[np.intp], ...] = (
    np.arange(len(LANDMARK_NAMES)),
    _permutation(_ARMS),
    _permutation(_LEGS),
    _permutation(_ARMS + _LEGS, face=True),
)
_PARTS_CHANGED = np.array([[0, 1, 1, 2], [1, 0, 2, 1], [1, 2, 0, 1], [2, 1, 1, 0]])
_JUDGED = [LANDMARK_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in _ARMS + _LEGS]


def repair_swaps(track: Track, costs: SwapCosts | None = None) -> tuple[Track, NDArray[np.bool_]]:
    """Finds the likeliest labels of every frame by a Viterbi search over the 2D motion.

    Returns:
        The track with labels exchanged where they were swapped, and (T,) whether BlazePose's 3D of a frame is to be
        trusted: observed, and not swapped.
    """
    states = find_swaps(track, costs or SwapCosts())
    order = np.array(STATES)[states]  # (T, 33)
    rows = np.arange(len(track))[:, None]
    repaired = replace(track, landmarks2d=track.landmarks2d[rows, order])
    return repaired, track.observed & (states == 0)


def find_swaps(track: Track, costs: SwapCosts) -> NDArray[np.intp]:
    """(T,) index into ``STATES`` of each frame."""
    seen = np.flatnonzero(track.observed)
    states = np.zeros(len(track), dtype=np.intp)
    if len(seen) < 2:
        return states
    points = track.landmarks2d[seen]  # (N, 33, 3)
    heights = np.maximum(np.nanmax(track.boxes[seen, 2:], axis=1), 1.0)  # (N,)
    steps_s = np.diff(track.timestamps_s[seen])
    labelled = np.stack([points[:, order] for order in STATES], axis=1)[:, :, _JUDGED]  # (N, 4, L, 3)

    resting = np.array([0.0, costs.part, costs.part, costs.whole])
    best = np.array([0.0, costs.change, costs.change, costs.whole * steps_s[0]])
    came_from = np.zeros((len(seen), len(STATES)), dtype=np.intp)
    for t in range(1, len(seen)):
        step_s = steps_s[t - 1]
        near = step_s <= costs.longest_step_s
        motion = _motion(labelled[t - 1], labelled[t]) / heights[t] if near else np.zeros((4, 4))
        change = costs.change * _PARTS_CHANGED if near else 0.0
        total = best[:, None] + motion + change + resting * min(step_s, costs.longest_step_s)  # (from, to)
        came_from[t] = total.argmin(axis=0)
        best = total.min(axis=0)
    state = int(best.argmin())
    for t in range(len(seen) - 1, -1, -1):
        states[seen[t]] = state
        state = came_from[t, state]
    return states


def _motion(before: Floats, after: Floats) -> Floats:
    """(4, L, 3) labelled landmarks of two frames -> (4, 4) pixels moved, weighted by visibility."""
    moved = np.linalg.norm(before[:, None, :, :2] - after[None, :, :, :2], axis=-1)  # (4, 4, L)
    visible = np.minimum(before[:, None, :, 2], after[None, :, :, 2])
    return np.asarray((moved * visible).sum(axis=-1) / len(_JUDGED) * 4)
