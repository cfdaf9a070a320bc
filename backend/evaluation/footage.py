"""Answers on real footage, where nobody knows the truth: ``limber evaluate footage``.

People are found once; then everybody answers from the same landmarks: BlazePose's own 3D, the per-frame solver, and
every network that has weights, by itself and with the fit; each of them raw, and smoothed by the default amount as it
is shown. What is measured is described in :mod:`.plausibility`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import TorchBody, limber_body
from backend.camera_motion import CameraMotion, CameraWatch
from backend.camera_motion.turns import steady_pixels
from backend.capture import CaptureSettings, choose_people, motion_of, pose_finder
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.features.swaps import repair_swaps
from backend.footage import Footage, open_footage
from backend.json_reports import known
from backend.machine import machine
from backend.models import PER_FRAME
from backend.models.estimation import places_before_camera
from backend.people.tracking import PeopleTracker
from backend.people.tracks import LANDMARK_INDEX, Track
from backend.placement import intrinsics
from backend.text_table import aligned
from smpl_rig import rotations
from smpl_rig.body import Body, skin
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.skeleton import CONTACT_NAMES

from . import rivals
from .comparison import SHARED_JOINTS, in_camera
from .metrics import jitter
from .plausibility import bone_length_change, penetration, reprojection_error, skate, still_in_picture

Floats = NDArray[np.floating[Any]]

#: Landmarks that are compared in the picture and whose jitter is measured.
_SHARED = [LANDMARK_INDEX[name] for name in SHARED_JOINTS]
_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
#: Landmarks that rest on the floor, in the order of :data:`~smpl_rig.skeleton.CONTACT_NAMES`.
_SOLES = [LANDMARK_INDEX[name.replace("toe", "foot_index")] for name in CONTACT_NAMES]
_BONES = tuple(
    (LANDMARK_INDEX[f"{side}_{upper}"], LANDMARK_INDEX[f"{side}_{lower}"])
    for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
    for side in ("left", "right")
)
_COLUMNS = {
    "reprojection": "reprojection %",
    "bones": "bones %",
    "skate": "skate cm/s",
    "jitter": "jitter m/s^3",
    "penetration": "floor mm",
}


@dataclass(frozen=True)
class Row:
    """What an answer about one person is like; NaN where it cannot be told.

    Attributes:
        footage: its name.
        person: number of the person in it.
        frames: that were observed.
        answer: whose it is.
        reprojection: of the landmarks, percent of the person's height.
        bones: deviation of their lengths, percent.
        skate: of feet that stand still in the picture, cm/s.
        jitter: of the joints from the middle of the hips, m/s^3.
        penetration: of the floor, mm.
    """

    footage: str
    person: int
    frames: int
    answer: str
    reprojection: float
    bones: float
    skate: float
    jitter: float
    penetration: float


@dataclass(frozen=True, eq=False)
class _Answer:
    """Where BlazePose's landmarks lie on an answer, (T, 33, 3) metres in camera axes, and how high it is above its
    floor, (T,) metres; NaN if it has none.
    """

    name: str
    landmarks: Floats
    lowest_m: Floats


#: Is told the stage and the fraction done.
Told = Callable[[str, float], None]


def evaluate_footage(
    path: str | os.PathLike[str], settings: CaptureSettings, networks: Sequence[str], device: torch.device, told: Told
) -> list[Row]:
    """Every answer about everybody who was asked for, in one piece of footage.

    Args:
        path: of the footage.
        settings: range, person, camera and detector; its network is not looked at.
        networks: names of those that are asked beside the per-frame solver.
        device: where they run.
        told: of progress.

    Raises:
        LimberError: for footage, a camera or a person that cannot be used.
    """
    footage = open_footage(path)
    K = intrinsics((footage.width, footage.height), settings.fov_deg, settings.focal_px)
    end = settings.end_s if settings.end_s is not None else footage.duration_s
    tracker = PeopleTracker(settings.threads, settings.detector)
    watch = CameraWatch(K, focal_known=settings.fov_deg is not None or settings.focal_px is not None)
    for frame in footage.frames(settings.start_s, settings.end_s):
        tracker.add(frame)
        if not settings.still_camera:
            watch.add(frame, tracker.boxes_in(frame))
        told("people", min(frame.timestamp_s / max(end, 1e-6), 1.0))
    camera = watch.finish()
    K, rows = camera.intrinsics(K), []
    for track in choose_people(tracker.finish(), settings.person):
        repaired, trusted_3d = repair_swaps(track)
        answers = _answers(track, repaired, trusted_3d, footage, K, networks, device, camera)
        for number, answer in enumerate(answers):
            rows.append(_row(footage.name, repaired, K, answer, camera))
            told("answers", (number + 1) / (4 + 4 * len(networks)))
    return rows


def _answers(
    track: Track,
    repaired: Track,
    trusted_3d: NDArray[np.bool_],
    footage: Footage,
    K: NDArray[np.float64],
    networks: Sequence[str],
    device: torch.device,
    camera: CameraMotion,
) -> Iterator[_Answer]:
    for name, landmarks in ((rivals.RAW, rivals.raw(track)), (rivals.FAIR, rivals.fair(track))):
        yield _Answer(name, _before_camera(landmarks, repaired, K), np.full(len(track), np.nan))
    body = limber_body()
    asked = [(PER_FRAME.name, PER_FRAME.name, True)]
    asked += [(f"{name}{', fitted' * fit}", name, fit) for name in networks for fit in (False, True)]
    for name, network, fit in asked:
        find_pose = pose_finder(network, CaptureSettings(fit=fit), footage, body, K, device, camera)
        found = find_pose(repaired, trusted_3d, lambda _fraction: None)
        motion = motion_of(footage, K, body, network, repaired, found, camera)
        yield _of_motion(name, body, motion)
        yield _of_motion(f"{name}, smoothed", body, refine(motion))


def _before_camera(landmarks: Floats, track: Track, K: Floats) -> Floats:
    """BlazePose's 3D, which knows no place, moved to where it is seen nearest to the landmarks in the picture."""
    points, pixels, weights, camera = (
        torch.tensor(np.nan_to_num(array), dtype=torch.float64)
        for array in (landmarks, track.landmarks2d[..., :2], track.landmarks2d[..., 2], K)
    )
    return np.asarray((points + places_before_camera(points, pixels, weights, camera)[:, None]).numpy())


def _of_motion(name: str, body: Body, motion: Motion) -> _Answer:
    local, betas, trans = (
        torch.tensor(array, dtype=torch.float32)
        for array in (rotations.to_matrix(motion.local_rotations), motion.betas[None], motion.trans)
    )
    landmarks = LandmarkSkin(landmark_points(body)).of_pose(TorchBody(body), local, betas, trans).numpy()
    vertices = skin(body, motion.betas, motion.local_rotations, motion.trans)
    return _Answer(
        name,
        in_camera(landmarks.astype(np.float64), motion.world_from_camera.astype(np.float64)),
        vertices[..., 2].min(axis=1).astype(np.float64),
    )


def _row(footage: str, track: Track, K: Floats, answer: _Answer, camera: CameraMotion) -> Row:
    times, observed, points = track.timestamps_s, track.observed, answer.landmarks
    soles, steady_soles = track.landmarks2d[:, _SOLES], points[:, _SOLES]
    if (turns := camera.of(track.frames)) is not None:
        soles, steady_soles = steady_pixels(soles, K, turns), np.einsum("tij,tpj->tpi", turns, steady_soles)
    still = still_in_picture(soles, track.heights_px, times, observed)
    centred = points[:, _SHARED] - points[:, _HIPS].mean(axis=1, keepdims=True)
    return Row(
        footage=footage,
        person=track.person,
        frames=int(observed.sum()),
        answer=answer.name,
        reprojection=reprojection_error(
            points[:, _SHARED], track.landmarks2d[:, _SHARED], K, track.heights_px, observed
        ),
        bones=bone_length_change(points, _BONES, observed),
        skate=skate(steady_soles, still, times),
        jitter=jitter(centred, times, observed),
        penetration=penetration(answer.lowest_m, observed),
    )


def table(rows: Sequence[Row]) -> str:
    """A block of lines for each person."""
    lines = [["footage", "person", "frames", "answer", *_COLUMNS.values()]]
    for row in rows:
        figures = (getattr(row, column) for column in _COLUMNS)
        lines.append(
            [row.footage, str(row.person), str(row.frames), row.answer]
            + [f"{figure:.1f}" if np.isfinite(figure) else "" for figure in figures]
        )
    return aligned(lines, (1, 2, *range(4, len(lines[0]))))


def report(rows: Sequence[Row]) -> dict[str, Any]:
    """The rows as JSON values; what cannot be told is null."""
    return {"machine": machine(), "rows": [known(vars(row)) for row in rows]}
