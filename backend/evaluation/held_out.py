"""Answers on motion that no network has learned from, seen through the simulated detector.

Each act of the library's test part has as many sequences as any other, so that walking does not outweigh crawling.
Everybody is given the same landmarks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import TorchBody, limber_body
from backend.features.initial_pose import BodyInCamera
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.machine import machine
from backend.models import PER_FRAME
from backend.people.tracks import Track
from backend.text_table import aligned
from backend.training.detector import DetectorErrors
from backend.training.examples import ExampleSource, Variety
from backend.training.motions import Library
from backend.training.variety import Clips, MotionVariety
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.rotations import from_matrix, log

from . import simulated
from .rivals import FAIR, RAW
from .simulated import blazepose, blazepose_repaired, sequences, shared
from .solutions import SetRight, answered, embedded_body, fitted, set_right, shared_joints
from .workers import side_by_side

Floats = NDArray[np.floating[Any]]

#: Library motion as it is, at 30 frames per second: what is measured must not depend on what training stretches. The
#: detector always has 3D, as it has on footage but for moments.
UNSTRETCHED = Variety(
    motion=MotionVariety(
        usual_rates=(30, 30), rates=(30, 30), usual=1.0, speed=(1.0, 1.0), mixed=0.0, loosened=0.0, posed=0.0, low=0.0
    ),
    detector=DetectorErrors(without_world=0.0),
)
WITHOUT_3D = replace(UNSTRETCHED, detector=DetectorErrors(without_world=1.0))
FRAMES = 90
METRICS = ("pa_mpjpe", "mpjpe", "acc_err")


@dataclass(frozen=True)
class Row:
    """One answer's errors on one sequence: millimetres, and mm/frame^2 for ``acc_err``."""

    act: str
    sequence: int
    answer: str
    pa_mpjpe: float
    mpjpe: float
    acc_err: float


def evaluate_held_out(
    library: Library,
    networks: Sequence[str],
    count: int,
    seed: int,
    workers: int,
    frames: int = FRAMES,
    seen: Variety = UNSTRETCHED,
) -> list[Row]:
    """Every answer's errors on every sequence.

    Args:
        library: of motion; its test part is drawn from.
        networks: names; each is asked alone, then with the fit, then smoothed by the default amount.
        count: of sequences, at least; every act has the same number.
        seed: the same seed draws the same sequences.
        workers: processes.
        frames: of each sequence.
        seen: how the motion is filmed and detected.
    """
    tasks = [
        (tuple(networks), act, number, sequence)
        for number, (act, sequence) in enumerate(held_out_sequences(library, count, seed, frames, seen))
    ]
    return [row for rows in side_by_side("sequences", _rows, tasks, _one_thread, workers) for row in rows]


def held_out_sequences(
    library: Library, count: int, seed: int, frames: int = FRAMES, seen: Variety = UNSTRETCHED, part: str = "test"
) -> Iterator[tuple[str, simulated.Sequence]]:
    """Sequences of each act of a part of the library, with its name."""
    everyone = library.clips(part)
    subjects = library.subjects[library.splits == part]
    acts = sorted(set(subjects.tolist()))
    body = limber_body()
    torch_body, skin = TorchBody(body), LandmarkSkin(landmark_points(body))
    for act in acts:
        clips = _only(everyone, subjects == act)
        source = ExampleSource(clips, torch_body, skin, seen, seed)
        for sequence in sequences(source, -(-count // len(acts)), frames):
            yield act, sequence


def _only(clips: Clips, chosen: NDArray[np.bool_]) -> Clips:
    which = torch.from_numpy(np.flatnonzero(chosen))
    return replace(
        clips, starts=clips.starts[which], lengths=clips.lengths[which], rates=clips.rates[which], low=clips.low[which]
    )


def _one_thread() -> None:
    torch.set_num_threads(1)


def _rows(networks: tuple[str, ...], act: str, number: int, sequence: simulated.Sequence) -> list[Row]:
    return [
        Row(act, number, name, **simulated.score(joints, sequence)) for name, joints in _answers(networks, sequence)
    ]


def _answers(networks: tuple[str, ...], sequence: simulated.Sequence) -> Iterator[tuple[str, Floats]]:
    """(T, 12, 3) of each."""
    if np.isfinite(sequence.track.landmarks3d).any():
        yield RAW, blazepose(sequence)
        yield FAIR, blazepose_repaired(sequence)
    seen = set_right(sequence)
    found = fitted(seen)
    yield PER_FRAME.name, shared_joints(found)
    yield f"{PER_FRAME.name}, smoothed", _smoothed(found, seen)
    for name in networks:
        guess = answered(name, seen)
        yield name, shared_joints(guess)
        found = fitted(seen, guess)
        yield f"{name}, fitted", shared_joints(found)
        yield f"{name}, fitted, smoothed", _smoothed(found, seen)


def _smoothed(found: BodyInCamera, seen: SetRight) -> Floats:
    """(T, 12, 3) at the default smoothness."""
    return shared(refine(in_camera_motion(found, seen.track, seen.K, embedded_body())).joints_world)


def in_camera_motion(found: BodyInCamera, track: Track, K: Floats, body: Body) -> Motion:
    """A Motion whose world is the camera."""
    frames = len(track)
    local, rest = from_matrix(found.rotations.astype(np.float64)), body.rest_joints(found.betas)
    return Motion(
        poses=log(local).reshape(frames, -1),
        trans=found.transl,
        betas=found.betas,
        rest_joints=rest,
        mocap_framerate=(frames - 1) / float(track.timestamps_s[-1] - track.timestamps_s[0]),
        timestamps_s=track.timestamps_s,
        joints_world=forward_kinematics(local, rest, found.transl)[1],
        confidence=found.confidence,
        contacts=np.zeros((frames, 4)),
        image_size=np.rint(2 * K[:2, 2]).astype(int),
        K=K,
        world_from_camera=np.tile(np.eye(4), (frames, 1, 1)),
        landmarks2d=track.landmarks2d,
        boxes=track.boxes,
        observed=track.observed,
        body=body.name,
    )


def table(rows: Sequence[Row]) -> str:
    """Means over the sequences."""
    lines = [["answer", *METRICS]]
    for answer in dict.fromkeys(row.answer for row in rows):
        means = [_mean([row for row in rows if row.answer == answer], metric) for metric in METRICS]
        lines.append([answer, *(f"{mean:.1f}" for mean in means)])
    count = len({row.sequence for row in rows})
    return f"{aligned(lines, range(1, len(lines[0])))}\n{count} sequences"


def table_by_act(rows: Sequence[Row], metric: str = "pa_mpjpe") -> str:
    """One metric's mean for each act and answer."""
    answers, acts = (list(dict.fromkeys(getattr(row, key) for row in rows)) for key in ("answer", "act"))
    lines = [["answer", *acts]]
    for answer in answers:
        means = (_mean([row for row in rows if (row.answer, row.act) == (answer, act)], metric) for act in acts)
        lines.append([answer, *(f"{mean:.1f}" for mean in means)])
    return aligned(lines, range(1, len(lines[0])))


def worse_than(rows: Sequence[Row], answer: str, rival: str, by: float) -> list[int]:
    """Sequences in which an answer's PA-MPJPE is more than ``by`` times its rival's."""
    rivals = {row.sequence: row.pa_mpjpe for row in rows if row.answer == rival}
    return [row.sequence for row in rows if row.answer == answer and row.pa_mpjpe > by * rivals[row.sequence]]


def _mean(rows: Sequence[Row], metric: str) -> float:
    return float(np.mean([getattr(row, metric) for row in rows]))


def write_json(rows: Sequence[Row], path: Path, settings: dict[str, Any]) -> None:
    """All rows, with what they were made by and on."""
    report = {"machine": machine(), "settings": settings, "rows": [vars(row) for row in rows]}
    path.write_text(json.dumps(report, indent=1), encoding="utf-8")
