"""``limber evaluate smoothing``: the slider's curve of accuracy against smoothness, beside the filters that people use.

Each captured sequence is smoothed by the slider and by every filter at many strengths, and held against the truth. A
filter's other constants are chosen on sequences of their own, those in which it does best at the smoothness of the
slider's default: among them whether it runs over the channels of the rotations, as in an animation program, or over the
joints' places, which gives no pose that a character could wear but is how filters are mostly measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.features.initial_pose import BodyInCamera, FitSettings
from backend.machine import machine
from backend.text_table import aligned
from backend.training.motions import Library
from smpl_rig import rotations
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.motion import Motion
from smpl_rig.refine import Refinement
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS

from . import renders, simulated
from .comparison import SHARED_JOINTS
from .filters import CLASSICAL, Filter
from .held_out import held_out_sequences, in_camera_motion
from .metrics import acceleration_error, mpjpe
from .simulated import shared
from .solutions import answered, embedded_body, fitted, set_right
from .workers import side_by_side

Floats = NDArray[np.floating[Any]]
Smooth = Callable[["Seen"], Floats]

SLIDER = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
UNFILTERED, OURS = "no filter", "Limber"
#: The quarter of the sequences in which joints move fastest is also counted alone.
FAST_PART = 0.25
#: A fit to which time means nothing: as jittery as answers to single pictures are.
FRAME_BY_FRAME = FitSettings(angular_acceleration=1e6, acceleration=(1e6, 1e6))
#: What a sequence is captured by: the fit as ``limber capture`` does it, the same for every frame alone, and networks.
EYES: dict[str, FitSettings] = {"fit": FitSettings(), "fit, frame by frame": FRAME_BY_FRAME}
_HIPS = [SHARED_JOINTS.index("left_hip"), SHARED_JOINTS.index("right_hip")]


@dataclass(frozen=True, eq=False)
class Seen:
    """A captured sequence and its truth.

    Attributes:
        motion: raw; its world is the camera.
        truth: (T, 12, 3) metres, the shared joints in the camera's axes.
        tunes: whether it serves to choose constants; if not, it is measured on.
    """

    motion: Motion
    truth: Floats
    tunes: bool

    @property
    def speed(self) -> float:
        """Of the truth's joints about the hips, metres per second."""
        moved = np.diff(_about_hips(self.truth), axis=0) / np.diff(self.motion.timestamps_s)[:, None, None]
        return float(np.linalg.norm(moved, axis=-1).mean())


@dataclass(frozen=True)
class Point:
    """Means over sequences: millimetres, and mm/frame^2 for ``acc_err``."""

    strength: float
    mpjpe: float
    acc_err: float
    mpjpe_fast: float
    acc_err_fast: float


@dataclass(frozen=True)
class Curve:
    """One way of smoothing at all its strengths, from none on; ``constants`` says what was chosen for it."""

    name: str
    constants: str
    points: tuple[Point, ...]


def seen_in_simulation(
    library: Library, networks: Sequence[str], count: int, seed: int, workers: int
) -> dict[str, list[Seen]]:
    """Held-out motion through the simulated detector, by each eye. Every second act serves to choose constants."""
    acts: list[str] = []
    tasks = []
    for act, sequence in held_out_sequences(library, count, seed):
        acts += [] if act in acts else [act]
        tasks.append((sequence, acts.index(act) % 2 == 1))
    return _seen("sequences", networks, tasks, workers)


def seen_in_films(paths: Sequence[Path], networks: Sequence[str], workers: int) -> dict[str, list[Seen]]:
    """Rendered clips (:mod:`backend.evaluation.renders`) through the real detector. Every second one tunes."""
    films = [film for film in map(renders.load_film, paths) if film.track is not None]
    return _seen("films", networks, [(film.sequence(), number % 2 == 1) for number, film in enumerate(films)], workers)


def _seen(
    what: str, networks: Sequence[str], given: list[tuple[simulated.Sequence, bool]], workers: int
) -> dict[str, list[Seen]]:
    tasks = [(*each, tuple(networks)) for each in given]
    rows = side_by_side(what, _by_each_eye, tasks, _one_thread, workers)
    return {eye: [row[number] for row in rows] for number, eye in enumerate((*EYES, *networks))}


def _one_thread() -> None:
    torch.set_num_threads(1)


def _by_each_eye(sequence: simulated.Sequence, tunes: bool, networks: Sequence[str]) -> list[Seen]:
    repaired = set_right(sequence)

    def seen(found: BodyInCamera) -> Seen:
        motion = in_camera_motion(found, sequence.track, sequence.K, embedded_body())
        return Seen(motion, shared(sequence.joints), tunes)

    fits = [seen(fitted(repaired, settings=settings)) for settings in EYES.values()]
    return fits + [seen(answered(name, repaired)) for name in networks]


def curves(seen: Sequence[Seen]) -> list[Curve]:
    """No filter, the slider and every classical filter, measured on the sequences that did not tune it."""
    tuning, testing = ([each for each in seen if each.tunes is tunes] for tunes in (True, False))
    goal = _measured(tuning, _by_slider(DEFAULT_SMOOTHNESS), DEFAULT_SMOOTHNESS).acc_err
    raw = _measured(testing, _raw, 0.0)
    slider = tuple(_measured(testing, _by_slider(strength), strength) for strength in SLIDER)
    result = [Curve(UNFILTERED, "", (raw,)), Curve(OURS, "", (raw, *slider))]
    for kind in CLASSICAL:
        over, constant = min(
            ((over, constant) for over in _RUN_OVER for constant in kind.constants),
            key=lambda choice: mpjpe_at(goal, _points(kind, choice[0], choice[1], tuning), otherwise=np.inf),
        )
        chosen = f"over {over}" + (f", {constant:g}" if len(kind.constants) > 1 else "")
        result.append(Curve(kind.name, chosen, (raw, *_points(kind, over, constant, testing))))
    return result


def mpjpe_at(acc_err: float, points: Sequence[Point], otherwise: float = np.nan) -> float:
    """The least MPJPE of a curve where its ACC-ERR, between its points, is such; ``otherwise`` if it is so nowhere."""
    found = []
    for a, b in pairwise(points):
        if min(a.acc_err, b.acc_err) <= acc_err <= max(a.acc_err, b.acc_err):
            part = (acc_err - a.acc_err) / (b.acc_err - a.acc_err) if b.acc_err != a.acc_err else 0.0
            found.append(a.mpjpe + part * (b.mpjpe - a.mpjpe))
    return min(found, default=otherwise)


def margin(found: Sequence[Curve]) -> float:
    """How much worse the slider is than the best filter of equal ACC-ERR, at its worst setting; below 0: nowhere."""
    ours = next(curve for curve in found if curve.name == OURS)
    others = [curve for curve in found if curve.name not in (OURS, UNFILTERED)]
    best = [min(mpjpe_at(point.acc_err, curve.points, np.inf) for curve in others) for point in ours.points[1:]]
    return max(point.mpjpe - rival for point, rival in zip(ours.points[1:], best, strict=True))


def _measured(seen: Sequence[Seen], smooth: Smooth, strength: float) -> Point:
    errors = np.array([_errors(smooth(each), each) for each in seen])  # (N, 2)
    speeds = np.array([each.speed for each in seen])
    fast = errors[speeds >= np.quantile(speeds, 1 - FAST_PART)].mean(axis=0)
    return Point(strength, *(float(value) for value in (*errors.mean(axis=0), *fast)))


def _errors(joints: Floats, seen: Seen) -> tuple[float, float]:
    """MPJPE and ACC-ERR of (T, 12, 3) places."""
    ours, truth, observed = _about_hips(joints), _about_hips(seen.truth), seen.motion.observed
    nowhere = np.zeros((len(ours), 3))
    return mpjpe(ours, truth, observed, nowhere, nowhere), acceleration_error(ours, truth, observed)


def _about_hips(joints: Floats) -> Floats:
    return joints - joints[:, _HIPS].mean(axis=1, keepdims=True)


def _raw(seen: Seen) -> Floats:
    return shared(seen.motion.joints_world)


def _by_slider(smoothness: float) -> Smooth:
    def smooth(seen: Seen) -> Floats:
        return shared(Refinement(seen.motion).at(smoothness).joints_world)

    return smooth


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
    return run(_about_hips(shared(motion.joints_world).astype(np.float64)), motion.mocap_framerate)


_RUN_OVER = {"rotations": _over_rotations, "places": _over_places}


def table(found: dict[str, list[Curve]]) -> str:
    """For each eye: no filter, the default, and what every filter gives at the default's ACC-ERR."""
    names = [kind.name for kind in CLASSICAL]
    lines = [["", "MPJPE", "ACC-ERR", "default: MPJPE", "ACC-ERR", *(f"{name}*" for name in names)]]
    fast = [["the fastest quarter", *lines[0][1:5]]]
    for eye, seen in found.items():
        by_name = {curve.name: curve for curve in seen}
        raw = by_name[UNFILTERED].points[0]
        ours = next(point for point in by_name[OURS].points if point.strength == DEFAULT_SMOOTHNESS)
        equal = [mpjpe_at(ours.acc_err, by_name[name].points) for name in names]
        lines.append([eye, *(f"{value:.2f}" for value in (raw.mpjpe, raw.acc_err, ours.mpjpe, ours.acc_err, *equal))])
        fast.append(
            [eye, *(f"{v:.2f}" for v in (raw.mpjpe_fast, raw.acc_err_fast, ours.mpjpe_fast, ours.acc_err_fast))]
        )
    note = "* MPJPE at the strength at which its ACC-ERR is that of the default."
    return "\n\n".join((aligned(lines, range(1, 9)) + f"\n{note}", aligned(fast, range(1, 5))))


def slider_table(found: dict[str, list[Curve]]) -> str:
    """Every setting of the slider."""
    ours = {eye: next(curve for curve in seen if curve.name == OURS).points for eye, seen in found.items()}
    lines = [["smoothness", *(f"{eye}: {metric}" for eye in ours for metric in ("MPJPE", "ACC-ERR"))]]
    for row in zip(*ours.values(), strict=True):
        values = (value for point in row for value in (point.mpjpe, point.acc_err))
        lines.append([f"{row[0].strength:g}", *(f"{value:.2f}" for value in values)])
    return aligned(lines, range(len(lines[0])))


def report(found: dict[str, list[Curve]], settings: dict[str, Any]) -> dict[str, Any]:
    """All figures, as JSON values."""
    eyes = {
        eye: {
            "curves": [
                {"name": curve.name, "constants": curve.constants, "points": [vars(point) for point in curve.points]}
                for curve in seen
            ],
            "worst_margin_mm": margin(seen),
        }
        for eye, seen in found.items()
    }
    return {"machine": machine(), "settings": settings, "default": DEFAULT_SMOOTHNESS, "eyes": eyes}


def write_json(found: dict[str, list[Curve]], path: Path, settings: dict[str, Any]) -> None:
    path.write_text(json.dumps(report(found, settings), indent=1) + "\n", encoding="utf-8")


def merged(*sources: tuple[str, dict[str, list[Seen]]]) -> Iterator[tuple[str, list[Seen]]]:
    """The eyes of all sources, each with its source's name."""
    for source, eyes in sources:
        for eye, seen in eyes.items():
            yield f"{source}, {eye}", seen
