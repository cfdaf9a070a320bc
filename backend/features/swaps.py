"""Left and right, set right over time.

BlazePose now and then takes a person's left for their right, in bursts, with full visibility: all of the body when it
is seen from behind or in front, arms or legs alone when it is seen from the side. The 2D landmarks themselves stay
where the limbs are, so exchanging the labels back repairs them; its 3D of such frames is built on the wrong side and is
not to be trusted.

Which labels are exchanged is told by how limbs move: they go on as they went, and labels that change places make them
jump. A jump may be hidden (limbs that cross, landmarks that fall together for a frame), so that each of the likeliest
histories carries its own idea of where every landmark is and goes, and the likeliest of all frames together is taken.
Several histories are kept that end with the same labels: which was right may show a few frames later only.

Where the detector, asked again for what a mirror shows, takes the other side for the left, one of its two answers is
wrong: there a swap is dozens of times as likely as elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.people.tracks import LANDMARK_INDEX, LANDMARK_MIRROR, LANDMARK_NAMES, PART_LANDMARKS, PARTS, Track

Floats = NDArray[np.floating[Any]]

#: How much landmarks tell: those at the end of a limb move as one. The others count wholly.
_TELLS = {
    "wrist": 0.6, "pinky": 0.15, "index": 0.15, "thumb": 0.1,
    "ankle": 0.6, "heel": 0.2, "foot_index": 0.2,
}  # fmt: skip
#: What may be swapped: nothing, arms without or with the shoulders, legs without or with the hips, the whole body.
_EXCHANGED: tuple[tuple[str, ...], ...] = (
    (),
    ("arms",),
    ("shoulders", "arms"),
    ("legs",),
    ("hips", "legs"),
    ("shoulders", "arms", "hips", "legs"),
)
WHOLE = len(_EXCHANGED) - 1
#: How many histories are kept that end in the same state.
_HISTORIES = 4


@dataclass(frozen=True)
class SwapModel:
    """How landmarks move and how often labels are swapped. Lengths are in heights of the person.

    Attributes:
        noise: deviation of a landmark in the picture.
        acceleration: deviation of a landmark's, per second squared.
        first_speed: deviation of a landmark's speed when it is first seen, per second.
        freedom: degrees of freedom of Student's t, by which landmarks stray; few, so that strays say little.
        weight: of a log-likelihood, because landmarks of one limb err together, and frames beside each other do.
        facing_m, facing_m_s: deviation of the nose's depth before the shoulders in BlazePose's 3D, and of its change in
            a second. Front and back change places when left and right do, because its 3D remains a body.
        parts_per_s, part_s: how often a part of the body begins to be swapped, and for how long it remains so.
        wholes_per_s, whole_s: the same of the whole body, seen from in front or behind.
        exchanged_if_swapped, exchanged_if_right: how often a mirror image has the sides of a part exchanged, where that
            part is swapped and where it is not. Of films with exact truth 0.2 to 0.3 and 0.001 to 0.004, of which the
            latter is more on footage.
        longest_step_s: landmarks further apart in time say nothing of continuity.
    """

    noise: float = 0.012
    acceleration: float = 20.0
    first_speed: float = 1.0
    freedom: float = 2.0
    weight: float = 0.6
    facing_m: float = 0.05
    facing_m_s: float = 1.0
    parts_per_s: float = 0.1
    part_s: float = 0.3
    wholes_per_s: float = 0.02
    whole_s: float = 0.5
    exchanged_if_swapped: float = 0.25
    exchanged_if_right: float = 0.01
    longest_step_s: float = 0.25


def _permutation(parts: tuple[str, ...]) -> NDArray[np.intp]:
    if len(parts) == len(PARTS):  # the face, too
        return np.array(LANDMARK_MIRROR)
    order = np.arange(len(LANDMARK_NAMES))
    for part in parts:
        order[PART_LANDMARKS[part]] = np.array(LANDMARK_MIRROR)[PART_LANDMARKS[part]]
    return order


#: The orders of landmarks that exchange the labels back, for each of what may be swapped.
STATES: tuple[NDArray[np.intp], ...] = tuple(_permutation(parts) for parts in _EXCHANGED)
_WEIGHTS = {
    LANDMARK_INDEX[f"{side}_{name}"]: _TELLS.get(name, 1.0)
    for part in PARTS.values()
    for name in part
    for side in ("left", "right")
}
#: (S, 4) which parts each state has swapped.
_SWAPPED = np.array([[part in parts for part in PARTS] for parts in _EXCHANGED])
_JUDGED, _JUDGED_WEIGHT = np.array(list(_WEIGHTS)), np.array(list(_WEIGHTS.values()))
#: Of the nose's depth, once the labels are exchanged back.
_FACES = np.where(np.arange(len(STATES)) == WHOLE, -1.0, 1.0)


def repair_swaps(track: Track, model: SwapModel | None = None) -> tuple[Track, NDArray[np.bool_]]:
    """Finds the likeliest labels of every frame by a Viterbi search over the motion.

    Returns:
        The track with labels exchanged where they were swapped, and (T,) whether BlazePose's 3D of a frame is to be
        trusted: observed, and not swapped.
    """
    states = find_swaps(track, model or SwapModel())
    order = np.array(STATES)[states]  # (T, 33)
    rows = np.arange(len(track))[:, None]
    repaired = replace(track, landmarks2d=track.landmarks2d[rows, order])
    return repaired, track.observed & (states == 0)


def find_swaps(track: Track, model: SwapModel) -> NDArray[np.intp]:
    """(T,) index into ``STATES`` of each frame.

    Each survivor carries its own Kalman filter of the landmarks ("per-survivor processing", Raheli, Polydoros and Tzou
    1995), so that a jump is judged by more than the two frames beside it. What a survivor will cost then depends on
    its whole past, so that the best few are kept for each state (the list Viterbi algorithm, Seshadri and Sundberg
    1994): one that begins and ends a swap is dearer at first than one that overlooks it.
    """
    seen = np.flatnonzero(track.observed)
    states = np.zeros(len(track), dtype=np.intp)
    if len(seen) < 2:
        return states
    heights = track.heights_px[seen]  # (N,)
    pixels = track.landmarks2d[seen][..., :2]
    labelled = np.stack([pixels[:, order][:, _JUDGED] for order in STATES], axis=1)  # (N, S, L, 2)
    nose_m, frontal = _facing(track.landmarks3d[seen])
    steps_s = np.diff(track.timestamps_s[seen])
    mirrored = np.zeros((len(seen), len(STATES))) if track.exchanged is None else _mirror(track.exchanged[seen], model)

    survivors = np.arange(len(STATES))  # (H,) the state of each
    tracker = _LandmarkFilters(labelled[0], model)
    lasting = np.full(len(STATES), model.parts_per_s * model.part_s)
    lasting[[0, WHOLE]] = 1.0, model.wholes_per_s * model.whole_s
    best = mirrored[0] - np.log(lasting)
    ways = []  # of each step, the survivor that each goes on from, and the state it comes to
    for t, step_s in enumerate(steps_s, start=1):
        changes = _changes(min(step_s, model.longest_step_s), frontal[t], model)
        total = best[:, None] + changes[survivors] + mirrored[t]  # (from, to)
        near = step_s <= model.longest_step_s
        if near:
            total = total + tracker.cost(labelled[t], step_s, heights[t])
            turned = (nose_m[t] * _FACES - nose_m[t - 1] * _FACES[survivors][:, None]) ** 2
            total += np.log1p(turned / (2 * model.facing_m**2 + (model.facing_m_s * step_s) ** 2))
        came_from = np.argsort(total, axis=0, kind="stable")[:_HISTORIES].ravel()
        survivors = np.tile(np.arange(len(STATES)), len(came_from) // len(STATES))
        ways.append((came_from, survivors))
        best = total[came_from, survivors]
        if near:
            tracker.follow(came_from, survivors)
        else:
            tracker = _LandmarkFilters(labelled[t, survivors], model)
    history = int(best.argmin())
    for frame, (came_from, reached) in zip(seen[:0:-1], reversed(ways), strict=True):
        states[frame] = reached[history]
        history = came_from[history]
    states[seen[0]] = history
    return states


def _mirror(exchanged: NDArray[np.bool_], model: SwapModel) -> Floats:
    """(N, 4) parts exchanged in the mirror -> (N, S) minus the log-likelihood of each state."""
    often = np.where(_SWAPPED, model.exchanged_if_swapped, model.exchanged_if_right)  # (S, 4)
    here = exchanged[:, None]  # (N, 1, 4)
    return np.asarray(-model.weight * np.log(np.where(here, often, 1 - often)).sum(axis=-1))


def _facing(landmarks3d: Floats) -> tuple[Floats, Floats]:
    """(N,) metres that the nose lies behind the shoulders, and (N,) from 1 for front and back to 0 for sides."""
    left, right = (np.nan_to_num(landmarks3d[:, LANDMARK_INDEX[f"{side}_shoulder"]]) for side in ("left", "right"))
    nose = np.nan_to_num(landmarks3d[:, LANDMARK_INDEX["nose"], 2]) - (left + right)[:, 2] / 2
    squares = (left - right) ** 2 + 1e-4
    return nose, squares[:, :2].sum(axis=1) / squares.sum(axis=1)


def _changes(step_s: float, frontal: float, model: SwapModel) -> Floats:
    """(S, S) minus the log-probability of each change of state in a step.

    Whoever is seen from the side is not taken for their own back: then the whole body is swapped only as arms and legs
    are at the same time.
    """
    begin, end = np.full(len(STATES), model.parts_per_s), np.full(len(STATES), 1 / model.part_s)
    begin[WHOLE] = max(model.wholes_per_s * frontal, (model.parts_per_s**2) * model.part_s)
    end[WHOLE] = 1 / model.whole_s
    begin, end = begin * step_s, end * step_s
    begin[0], end[0] = 1.0, 1.0  # to none, and from none, is one change only
    changes = -np.log(end)[:, None] - np.log(begin)
    staying = end.copy()
    staying[0] = begin[1:].sum()
    changes[np.diag_indices(len(STATES))] = staying
    return np.asarray(changes)


class _LandmarkFilters:
    """Where each survivor has every landmark, and how fast it goes: Kalman filters of constant speed.

    Args:
        labelled: (H, L, 2) pixels of the first frame, by the labels of each survivor.
        model: how landmarks move.
    """

    def __init__(self, labelled: Floats, model: SwapModel) -> None:
        self._model = model
        self._place, self._speed = labelled.copy(), np.zeros_like(labelled)  # pixels, pixels per second
        start = np.array([model.noise**2, 0.0, model.first_speed**2])
        self._variance = np.tile(start, (*labelled.shape[:2], 1))  # (H, L, 3) of place, both, speed; heights
        self._stray = np.zeros((len(labelled), len(STATES), *labelled.shape[1:]))
        self._height = 1.0

    def cost(self, labelled: Floats, step_s: float, height: float) -> Floats:
        """(from, to) minus the log-likelihood of the next frame's labels (S, L, 2), by each survivor's forecast."""
        model, before = self._model, self._variance
        self._place = self._place + self._speed * step_s
        shared, faster = before[..., 1] + before[..., 2] * step_s, (model.acceleration * step_s) ** 2
        self._variance = np.stack(
            (
                before[..., 0] + (before[..., 1] + shared) * step_s + faster * step_s**2 / 4,
                shared + faster * step_s / 2,
                before[..., 2] + faster,
            ),
            axis=-1,
        )
        self._height = height
        self._stray = (labelled - self._place[:, None]) / height  # (from, to, L, 2)
        expected = (self._variance[..., 0] + model.noise**2)[:, None]  # (from, 1, L)
        strange = np.log1p((self._stray**2).sum(axis=-1) / (model.freedom * expected))
        surprise = (model.freedom / 2 + 1) * strange + np.log(expected / model.noise**2)
        return np.asarray(model.weight * (surprise * _JUDGED_WEIGHT).sum(axis=-1))

    def follow(self, came_from: NDArray[np.intp], reached: NDArray[np.intp]) -> None:
        """Takes in the frame whose cost was asked, for survivors that go on to states (H,); strays count little."""
        model, noise = self._model, self._model.noise**2
        stray = self._stray[came_from, reached]  # (H, L, 2)
        place, both, speed = np.moveaxis(self._variance[came_from], -1, 0)
        doubt = noise * (1 + (stray**2).sum(axis=-1) / (model.freedom * (place + noise)))
        gain, speed_gain = place / (place + doubt), both / (place + doubt)
        self._place = self._place[came_from] + gain[..., None] * stray * self._height
        self._speed = self._speed[came_from] + speed_gain[..., None] * stray * self._height
        self._variance = np.stack(((1 - gain) * place, (1 - gain) * both, speed - speed_gain * both), axis=-1)
