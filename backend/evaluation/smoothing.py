"""``limber evaluate smoothing``: the slider's curve of accuracy against smoothness, beside the filters that people use.

Each captured sequence is smoothed by the slider and by every filter at many strengths, and held against the truth. A
filter's other constants are chosen on sequences of their own, those in which it does best over all that the slider
spans: among them whether it runs over the channels of the rotations, as in an animation program, or over the joints'
places, which gives no pose that a character could wear but is how filters are mostly measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.machine import machine
from backend.text_table import aligned
from smpl_rig import rotations
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.motion import Motion
from smpl_rig.refine import Refinement
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS

from .filters import CLASSICAL, Filter
from .learned_filter import learned_filter
from .metrics import acceleration_error, mpjpe, pa_mpjpe
from .simulated import about_hips, shared
from .smoothing_captures import Collection, Seen
from .workers import one_thread, side_by_side

Floats = NDArray[np.floating[Any]]
Smooth = Callable[[Seen], Floats]
#: ACC-ERR and MPJPE of the points of a curve.
Places = Sequence[tuple[float, float]]

SLIDER = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
UNFILTERED, OURS, LEARNED = "no filter", "Limber", "SmoothNet-like"
#: The quarter of the sequences in which joints move fastest is also counted alone.
FAST_PART = 0.25


@dataclass(frozen=True)
class Point:
    """Means over sequences: millimetres, and mm/frame^2 for ``acc_err``; the same over the fastest quarter."""

    strength: float
    mpjpe: float
    pa_mpjpe: float
    acc_err: float
    mpjpe_fast: float
    pa_mpjpe_fast: float
    acc_err_fast: float


@dataclass(frozen=True)
class Curve:
    """One way of smoothing at all its strengths, from none on; ``constants`` says what was chosen for it."""

    name: str
    constants: str
    points: tuple[Point, ...]

    @property
    def all(self) -> Places:
        """Over all sequences."""
        return [(point.acc_err, point.mpjpe) for point in self.points]

    @property
    def fast(self) -> Places:
        """Over the fastest quarter."""
        return [(point.acc_err_fast, point.mpjpe_fast) for point in self.points]


def curves_of_all(collections: Iterable[tuple[str, Collection]], workers: int) -> dict[str, list[Curve]]:
    """:func:`curves` of each by its name, in several processes."""
    names, given = zip(*collections, strict=True)
    found = side_by_side("curves", curves, [(each,) for each in given], one_thread, workers)
    return dict(zip(names, found, strict=True))


def curves(collection: Collection) -> list[Curve]:
    """No filter, the slider and every filter on the measured sequences, with constants chosen on the tuning ones."""
    tuning, measured = collection.tuning, collection.measured
    raw, ours = _measured(measured, _raw, 0.0), _slider_points(measured)
    goals = [point.acc_err for point in _slider_points(tuning)]
    result = [Curve(UNFILTERED, "", (raw,)), Curve(OURS, "", (raw, *ours))]
    kinds = list(CLASSICAL)
    if collection.learning:
        pairs = [(_places(each.motion), about_hips(each.truth)) for each in collection.learning]
        kinds.append(learned_filter(LEARNED, pairs))
    for kind in kinds:
        over, constant = min(
            ((over, constant) for over in _RUN_OVER for constant in kind.constants),
            key=lambda choice: _mean_at(goals, _points(kind, choice[0], choice[1], tuning)),
        )
        chosen = f"over {over}" + (f", {constant:g}" if len(kind.constants) > 1 else "")
        result.append(Curve(kind.name, chosen, (raw, *_points(kind, over, constant, measured))))
    return result


def mpjpe_at(acc_err: float, curve: Places, otherwise: float = np.nan) -> float:
    """The least MPJPE of a curve where its ACC-ERR, between its points, is such; ``otherwise`` if it is so nowhere."""
    found = []
    for (acc_a, mpjpe_a), (acc_b, mpjpe_b) in pairwise(curve):
        if min(acc_a, acc_b) <= acc_err <= max(acc_a, acc_b):
            part = (acc_err - acc_a) / (acc_b - acc_a) if acc_b != acc_a else 0.0
            found.append(mpjpe_a + part * (mpjpe_b - mpjpe_a))
    return min(found, default=otherwise)


def margins(ours: Places, rivals: Iterable[Places]) -> list[float]:
    """How much worse each point of a curve is than the best rival of equal ACC-ERR; below 0: better.

    Where no rival ever has so little, the one is taken that has least.
    """
    together = list(rivals)
    _, least = min(point for curve in together for point in curve)
    best = (min(mpjpe_at(acc_err, curve, np.inf) for curve in together) for acc_err, _ in ours)
    return [mpjpe - (rival if np.isfinite(rival) else least) for (_, mpjpe), rival in zip(ours, best, strict=True)]


def _mean_at(goals: Sequence[float], points: Sequence[Point]) -> float:
    curve = [(point.acc_err, point.mpjpe) for point in points]
    return float(np.mean([mpjpe_at(goal, curve, otherwise=min(curve)[1]) for goal in goals]))


def _slider_points(seen: Sequence[Seen]) -> list[Point]:
    refinements = {id(each): Refinement(each.motion) for each in seen}

    def at(smoothness: float) -> Smooth:
        return lambda each: shared(refinements[id(each)].at(smoothness).joints_world)

    return [_measured(seen, at(smoothness), smoothness) for smoothness in SLIDER]


def _measured(seen: Sequence[Seen], smooth: Smooth, strength: float) -> Point:
    errors = np.array([_errors(smooth(each), each) for each in seen])  # (N, 3)
    speeds = np.array([each.speed for each in seen])
    fast = errors[speeds >= np.quantile(speeds, 1 - FAST_PART)].mean(axis=0)
    return Point(strength, *(float(value) for value in (*errors.mean(axis=0), *fast)))


def _errors(joints: Floats, seen: Seen) -> tuple[float, float, float]:
    """MPJPE, PA-MPJPE and ACC-ERR of (T, 12, 3) places."""
    ours, truth, observed = about_hips(joints), about_hips(seen.truth), seen.motion.observed
    nowhere = np.zeros((len(ours), 3))
    return (
        mpjpe(ours, truth, observed, nowhere, nowhere),
        pa_mpjpe(ours, truth, observed),
        acceleration_error(ours, truth, observed),
    )


def _raw(seen: Seen) -> Floats:
    return shared(seen.motion.joints_world)


def _points(kind: Filter, over: str, constant: float, seen: Sequence[Seen]) -> list[Point]:
    def by(strength: float) -> Smooth:
        def run(values: Floats, rate: float) -> Floats:
            return kind.run(values, rate, strength, constant)

        return lambda each: _RUN_OVER[over](each.motion, run)

    return [_measured(seen, by(strength), strength) for strength in kind.strengths]


def _over_rotations(motion: Motion, run: Callable[[Floats, float], Floats]) -> Floats:
    """As F-curves are smoothed: quaternion channels one by one, and the place."""
    local = rotations.normalize(run(motion.local_rotations, motion.mocap_framerate))
    rest = motion.rest_joints.astype(np.float64)
    return shared(forward_kinematics(local, rest, run(motion.trans.astype(np.float64), motion.mocap_framerate))[1])


def _over_places(motion: Motion, run: Callable[[Floats, float], Floats]) -> Floats:
    return run(_places(motion), motion.mocap_framerate)


def _places(motion: Motion) -> Floats:
    return about_hips(shared(motion.joints_world).astype(np.float64))


_RUN_OVER = {"rotations": _over_rotations, "places": _over_places}


def _classical(found: Sequence[Curve]) -> list[Curve]:
    return [curve for curve in found if curve.name not in (UNFILTERED, OURS, LEARNED)]


def _ours(found: Sequence[Curve]) -> Curve:
    return next(curve for curve in found if curve.name == OURS)


def worst_margin(found: Sequence[Curve], *, fast: bool = False) -> float:
    """How much worse the slider is than the best classical filter of equal ACC-ERR, at its worst setting."""
    ours, rivals = _ours(found), _classical(found)
    if fast:
        return max(margins(ours.fast[1:], [curve.fast for curve in rivals]))
    return max(margins(ours.all[1:], [curve.all for curve in rivals]))


def table(found: dict[str, list[Curve]]) -> str:
    """For each eye: no filter, the default, what every filter gives at the default's ACC-ERR, and the worst margin."""
    names = [curve.name for curve in next(iter(found.values())) if curve.name not in (UNFILTERED, OURS)]
    starred = [f"{name}*" for name in names]
    metrics = ["MPJPE", "PA-MPJPE", "ACC-ERR"]
    all_of = [["", *metrics, *(f"default: {metric}" for metric in metrics), *starred, "margin**"]]
    fast_of = [["the fastest quarter", *all_of[0][1:]]]
    for eye, seen in found.items():
        raw, default = seen[0].points[0], default_of(seen)
        by_name = {curve.name: curve for curve in seen}
        values = [raw.mpjpe, raw.pa_mpjpe, raw.acc_err, default.mpjpe, default.pa_mpjpe, default.acc_err]
        values += [mpjpe_at(default.acc_err, by_name[name].all) for name in names]
        all_of.append([eye, *map(_figure, (*values, worst_margin(seen)))])
        values = [raw.mpjpe_fast, raw.pa_mpjpe_fast, raw.acc_err_fast]
        values += [default.mpjpe_fast, default.pa_mpjpe_fast, default.acc_err_fast]
        values += [mpjpe_at(default.acc_err_fast, by_name[name].fast) for name in names]
        fast_of.append([eye, *map(_figure, (*values, worst_margin(seen, fast=True)))])
    columns = range(1, len(all_of[0]))
    notes = (
        "* MPJPE at the strength at which its ACC-ERR is that of the default; - where it never is.\n"
        "** The slider's MPJPE less that of the best classical filter of equal ACC-ERR, at the worst of all settings."
    )
    return f"{aligned(all_of, columns)}\n\n{aligned(fast_of, columns)}\n{notes}"


def _figure(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "-"


def default_of(found: Sequence[Curve]) -> Point:
    """The slider's point at its default."""
    return next(point for point in _ours(found).points if point.strength == DEFAULT_SMOOTHNESS)


def slider_table(found: dict[str, list[Curve]]) -> str:
    """Every setting of the slider."""
    ours = {eye: _ours(seen).points for eye, seen in found.items()}
    lines = [["smoothness", *(f"{eye}: {metric}" for eye in ours for metric in ("MPJPE", "ACC-ERR"))]]
    for row in zip(*ours.values(), strict=True):
        values = (value for point in row for value in (point.mpjpe, point.acc_err))
        lines.append([f"{row[0].strength:g}", *(f"{value:.2f}" for value in values)])
    return aligned(lines, range(len(lines[0])))


def report(found: dict[str, list[Curve]], settings: dict[str, Any]) -> dict[str, Any]:
    """Every figure, with what they were made by and on, as JSON values."""
    eyes = {
        eye: {
            "curves": [
                {"name": curve.name, "constants": curve.constants, "points": [vars(point) for point in curve.points]}
                for curve in seen
            ],
            "worst_margin_mm": worst_margin(seen),
            "worst_margin_fast_mm": worst_margin(seen, fast=True),
        }
        for eye, seen in found.items()
    }
    return {"machine": machine(), "settings": settings, "default": DEFAULT_SMOOTHNESS, "eyes": eyes}


def named(simulated: dict[str, Collection], films: dict[str, Collection]) -> Iterator[tuple[str, Collection]]:
    """The eyes of both sources, each with its source's name. What is learned is learned in simulation."""
    for eye, collection in simulated.items():
        yield f"simulated, {eye}", collection
    for eye, collection in films.items():
        learning = simulated[eye].learning if eye in simulated else []
        yield f"films, {eye}", replace(collection, learning=learning)
