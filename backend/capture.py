"""From footage to Motion: the whole way, in the order in which it happens.

Frames are read once, in order, and each is given to the tracker, which finds the people in it and keeps only their
landmarks, and to the camera's watch, which keeps a few corners behind them, so that memory hardly grows with the
footage. For each person that was asked for, left and right are set right where the detector swapped them; a temporal
network answers with a pose for every frame, in the camera's axes, and the fit brings that answer onto the landmarks. A
network reads the landmarks; one with published weights reads the person's pictures, for which the footage is read
again. The body is then placed in the world, where the floor lies at z = 0 and what the camera turned is taken back, and
everything known of the person becomes one Motion, raw and never smoothed.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import TorchBody, limber_body
from backend.camera_motion import CameraMotion, CameraWatch
from backend.features.feature_cache import FeatureCache
from backend.features.initial_pose import BodyInCamera, solve
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.features.swaps import repair_swaps
from backend.footage import Footage, open_footage
from backend.models import PER_FRAME, choose_network, image_estimation
from backend.models.estimation import body_in_camera, estimate_body, once, with_mirror_image
from backend.models.weights import load_networks
from backend.people.model_files import AUTO, choose_landmarks
from backend.people.tracking import PeopleTracker
from backend.people.tracks import Track
from backend.placement import (
    CameraPath,
    PersonSeen,
    camera_stays,
    intrinsics,
    moving_camera_path,
    on_shared_floor,
    place,
    shared_rotation,
    turning_camera_path,
)
from backend.threads import SOLVER_THREADS, torch_threads
from smpl_rig import rotations
from smpl_rig.body import Body, load_body
from smpl_rig.errors import LimberError
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.motion import Motion
from smpl_rig.skeleton import BETA_COUNT
from smpl_rig.stature import betas_of_height, check_reach, stature


class CaptureError(LimberError):
    """The capture cannot be done as asked."""


class Cancelled(Exception):  # noqa: N818  (not an error: somebody asked for it)
    """Raised by a :class:`Progress` to stop the capture."""


class Progress(Protocol):
    """Is told how far a stage has come and how many people are in sight; may raise to stop the capture."""

    def __call__(self, stage: str, fraction: float, people: int | None = None) -> None: ...


@dataclass(frozen=True)
class CaptureSettings:
    """What a user can choose.

    Attributes:
        network: a network's name, or ``auto`` for the best that has weights; ``per-frame`` is the fit alone.
        detector: which of BlazePose's landmark models looks at the people, ``full`` or ``heavy``, which errs less;
            ``auto`` for the heavy one if it is here.
        fit: whether the network's answer is fitted to the landmarks.
        mirror: whether a network is asked for what a mirror would show, too, and the mean is taken.
        person: ``all``, ``largest`` or a person's number.
        start_s: first second of the footage to read; None is its beginning.
        end_s: last second to read; None is its end.
        fov_deg: horizontal field of view of the camera, if it is known.
        focal_px: focal length in pixels, if it is known.
        still_camera: whether the camera is known to stand still; else it is watched.
        height_m: how tall everybody who is captured stands, if it is known: the size of a body, of its path and of its
            distance from the camera cannot be seen.
        body: file of another body (licensed SMPL, say); None is the embedded one.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: processor threads to use; None leaves it to the machine.
    """

    network: str = "auto"
    detector: str = AUTO
    fit: bool = True
    mirror: bool = True
    person: str = "largest"
    start_s: float | None = None
    end_s: float | None = None
    fov_deg: float | None = None
    focal_px: float | None = None
    still_camera: bool = False
    height_m: float | None = None
    body: Path | None = None
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Capture:
    """What came of it: a Motion for each person, the body they wear and a report (JSON values only)."""

    motions: list[Motion]
    body: Body
    report: dict[str, Any]


def capture(path: str | os.PathLike[str], settings: CaptureSettings, progress: Progress) -> Capture:
    """Captures the people in footage.

    Raises:
        LimberError: for footage, a body, a camera, a height, a device, a person, a network or a detector that cannot
            be used.
        Cancelled: if ``progress`` raises it.
    """
    stages = _Stages()
    device = choose_device(settings.device)
    network = choose_network(settings.network)
    detector = choose_landmarks(settings.detector)  # one that is not here is told before the work
    footage = open_footage(path)
    K = intrinsics((footage.width, footage.height), settings.fov_deg, settings.focal_px)

    with stages.timed("body"):
        body = load_body(settings.body) if settings.body else limber_body(lambda done: progress("body", done))
        if settings.height_m is not None:
            check_reach(body, settings.height_m)
    with stages.timed("people"):
        tracks, camera, noticed = _find_people(footage, K, settings, detector, progress)
    K, frame_count = camera.intrinsics(K), camera.frames
    with stages.timed("body"):
        find_pose = pose_finder(network, settings, footage, body, K, device, camera)
    chosen = choose_people(tracks, settings.person)

    found = []
    for number, track in enumerate(chosen):

        def pose_progress(fraction: float, number: int = number) -> None:
            progress("pose", (number + fraction) / len(chosen))

        pose_progress(0.0)
        with stages.timed("pose"):
            repaired, trusted_3d = repair_swaps(track)
            found.append((repaired, find_pose(repaired, trusted_3d, pose_progress)))
    motions = []
    with stages.timed("placement"):
        up = _up_for_all(found, body, camera)
        for repaired, in_camera in found:
            motions.append(motion_of(footage, K, body, network, repaired, in_camera, camera, up))
            progress("placement", len(motions) / len(found))
        if not camera.moves:
            motions = on_shared_floor(motions)
    warnings = [
        *footage.warnings,
        *_detector_warnings(settings.detector, detector),
        *noticed,
        *(_seen_to_move(camera, motions).warnings if tracks else []),
        *_empty_warnings(tracks, frame_count),
    ]
    report = _report(footage, settings, network, detector, device, tracks, motions, body, frame_count, stages, warnings)
    return Capture(motions, body, report)


def choose_device(name: str) -> torch.device:
    """``auto`` takes CUDA, then Apple's MPS, then the processor.

    Raises:
        CaptureError: if the device is unknown or this machine lacks it.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if name not in available:
        raise CaptureError(f"Device '{name}' is unknown. Choose auto, cpu, cuda or mps.")
    if not available[name]:
        raise CaptureError(f"Device '{name}' is not available to this PyTorch. Choose auto or cpu.")
    return torch.device(name)


def choose_people(tracks: list[Track], person: str) -> list[Track]:
    """The tracks that were asked for; none if there is nobody in the footage.

    Raises:
        CaptureError: if ``person`` is neither ``all``, ``largest`` nor the number of somebody in the footage.
    """
    if person == "all":
        return tracks
    if person == "largest":
        return tracks[:1]
    if not person.isdecimal():
        raise CaptureError(f"Person '{person}' is not understood. Choose all, largest or a number from 0.")
    found = [track for track in tracks if track.person == int(person)]
    if not found and tracks:
        numbers = ", ".join(str(track.person) for track in tracks)
        raise CaptureError(
            f"There is no person {person} in the footage. Those who were found have the numbers {numbers}."
        )
    return found


def _find_people(
    footage: Footage, K: NDArray[np.float64], settings: CaptureSettings, detector: str, progress: Progress
) -> tuple[list[Track], CameraMotion, list[str]]:
    """Everybody in the footage, how its camera turned in every frame, and what a user should know of the people."""
    tracker = PeopleTracker(settings.threads, detector)
    watch = CameraWatch(K, focal_known=settings.fov_deg is not None or settings.focal_px is not None)
    frame_count = 0
    start = settings.start_s or 0.0
    end = settings.end_s if settings.end_s is not None else footage.duration_s
    for frame in footage.frames(settings.start_s, settings.end_s):
        people = tracker.add(frame)
        frame_count += 1
        if not settings.still_camera:
            watch.add(frame, tracker.boxes_in(frame))
        progress("people", min((frame.timestamp_s - start) / max(end - start, 1e-6), 1.0), people)
    tracks = tracker.finish()
    camera = CameraMotion(frame_count) if settings.still_camera else watch.finish()
    return tracks, camera, list(tracker.warnings)


Bools = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]
#: Is told the fraction done.
Told = Callable[[float], None]
#: Gives the body in every frame of a track whose BlazePose 3D may be believed where it is true.
PoseFinder = Callable[[Track, Bools, Told], BodyInCamera]


#: Of the time for a pose, the part that looking at pictures takes, where that is done.
_LOOKING = 0.75


def pose_finder(
    network: str,
    settings: CaptureSettings,
    footage: Footage,
    body: Body,
    K: NDArray[np.float64],
    device: torch.device,
    camera: CameraMotion | None = None,
) -> PoseFinder:
    """The fit, alone or from a network's answer, or that answer as it is; without ``camera``, it stands still."""
    torch_body, points = TorchBody(body).to(device), landmark_points(body)

    def of_height(betas: Floats) -> Floats:
        return betas if settings.height_m is None else betas_of_height(body, betas, settings.height_m)

    def fitted(
        track: Track,
        trusted_3d: Bools,
        told: Told,
        guess: BodyInCamera | None = None,
        betas: Floats | None = None,
    ) -> BodyInCamera:
        turns = camera.of(track.frames) if camera else None
        with torch_threads(SOLVER_THREADS):
            return solve(
                track,
                trusted_3d,
                K,
                torch_body,
                points,
                told,
                guess=guess,
                turns=turns,
                betas=betas,
                shaped=of_height,
            )

    if network == PER_FRAME.name:
        return fitted
    skin = LandmarkSkin(points).to(device)
    looks = network in image_estimation.IMAGE_NETWORKS
    knows_shape = not looks and settings.body is None  # ours learned from the embedded body's shapes
    if looks:
        answered = _from_pictures(network, settings, footage, torch_body, skin, K, device)
    else:
        answered = _from_landmarks(network, settings, torch_body, skin, K, device)

    def answered_and_fitted(track: Track, trusted_3d: Bools, told: Told) -> BodyInCamera:
        before = _LOOKING if looks else 0.0
        guess = answered(track, trusted_3d, lambda done: told(before * done))
        betas = guess.betas if knows_shape else None
        return fitted(track, trusted_3d, lambda done: told(before + (1 - before) * done), guess, betas)

    def answered_alone(track: Track, trusted_3d: Bools, told: Told) -> BodyInCamera:
        answer = answered(track, trusted_3d, told)
        if settings.height_m is None:
            return answer
        with torch_threads(SOLVER_THREADS):  # a body of another size is seen where it was from another distance
            return body_in_camera(track, K, answer.rotations, of_height(answer.betas), torch_body, skin)

    return answered_and_fitted if settings.fit else answered_alone


def _from_landmarks(
    network: str,
    settings: CaptureSettings,
    body: TorchBody,
    skin: LandmarkSkin,
    K: NDArray[np.float64],
    device: torch.device,
) -> PoseFinder:
    trained = load_networks(network, device)
    # it knows the embedded body; what it says of that one's shape means nothing to another's
    betas = np.zeros(BETA_COUNT) if settings.body else None
    asked = with_mirror_image if settings.mirror else once

    def answered(track: Track, trusted_3d: Bools, _told: Told) -> BodyInCamera:
        with torch_threads(SOLVER_THREADS):
            return estimate_body(track, trusted_3d, K, body, skin, trained, betas, asked)

    return answered


def _from_pictures(
    network: str,
    settings: CaptureSettings,
    footage: Footage,
    body: TorchBody,
    skin: LandmarkSkin,
    K: NDArray[np.float64],
    device: torch.device,
) -> PoseFinder:
    published, cache = image_estimation.load_image_network(network, device), FeatureCache()
    # it knows SMPL's body, which is here only if its file was given
    betas = None if settings.body else np.zeros(BETA_COUNT)

    def answered(track: Track, _trusted_3d: Bools, told: Told) -> BodyInCamera:
        return image_estimation.estimate_body(footage, track, K, body, skin, published, cache, betas, told)

    return answered


def _up_for_all(
    found: list[tuple[Track, BodyInCamera]], body: Body, camera: CameraMotion
) -> NDArray[np.floating[Any]] | None:
    """(3, 3) from axes that stand still to the world, as several people tell it; None where one does it alone."""
    if len(found) < 2:
        return None
    return shared_rotation([_seen(track, in_camera, body, camera) for track, in_camera in found])


def _seen(track: Track, in_camera: BodyInCamera, body: Body, camera: CameraMotion | None) -> PersonSeen:
    return PersonSeen(
        in_camera.rotations,
        in_camera.transl,
        body.rest_joints(in_camera.betas),
        track.timestamps_s,
        track.observed,
        camera.of(track.frames) if camera else None,
    )


def motion_of(
    footage: Footage,
    K: NDArray[np.float64],
    body: Body,
    network: str,
    track: Track,
    in_camera: BodyInCamera,
    camera: CameraMotion | None = None,
    up: NDArray[np.floating[Any]] | None = None,
) -> Motion:
    """Everything known of a person, who is placed in the world.

    Without ``camera``, it stands still; without ``up``, (3, 3) as of :func:`_up_for_all`, the person alone tells it.
    """
    person = _seen(track, in_camera, body, camera)
    placed = place(person, _path_of(camera), up)
    _, joints_world = forward_kinematics(placed.local_rotations, person.rest_joints, placed.trans)
    return Motion(
        poses=rotations.log(placed.local_rotations).reshape(len(track.frames), -1),
        trans=placed.trans,
        betas=in_camera.betas,
        rest_joints=person.rest_joints,
        mocap_framerate=float(footage.frame_rate),
        timestamps_s=track.timestamps_s,
        joints_world=joints_world,
        confidence=in_camera.confidence,
        contacts=placed.contacts,
        image_size=np.array([footage.width, footage.height]),
        K=K,
        world_from_camera=placed.world_from_camera,
        landmarks2d=track.landmarks2d,
        boxes=track.boxes,
        observed=track.observed,
        person=track.person,
        model=network,
        body=body.name,
        gender=body.gender,
        footage=(footage.name, footage.sha256),
    )


#: A camera whose background turns by no more than this in all is on a tripod that shakes. Whoever walks with a camera
#: turns it by more.
_SHAKES_DEG = 0.5


def _path_of(camera: CameraMotion | None) -> CameraPath:
    if camera is not None and camera.moves:
        return moving_camera_path
    return camera_stays if camera is None or camera.widest_deg < _SHAKES_DEG else turning_camera_path


def _seen_to_move(camera: CameraMotion, motions: list[Motion]) -> CameraMotion:
    """A camera that turns, and whose people's feet tell that it goes somewhere, moves."""
    goes = any(np.ptp(motion.world_from_camera[:, :3, 3], axis=0).any() for motion in motions)
    return replace(camera, moves=camera.moves or goes)


@dataclass
class _Stages:
    """Seconds spent in each stage, in the order of first use."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started


def _detector_warnings(asked: str, detector: str) -> list[str]:
    if asked != AUTO or detector == "heavy":
        return []
    return [
        f"The heavy landmark model is not installed, so the {detector} one was used, which errs more. "
        "'limber setup --heavy' brings it; the detector full is used without this note."
    ]


def _empty_warnings(tracks: list[Track], frame_count: int) -> list[str]:
    return [] if tracks else [f"Nobody was found in the {frame_count} frames that were read."]


def _report(
    footage: Footage,
    settings: CaptureSettings,
    network: str,
    detector: str,
    device: torch.device,
    tracks: list[Track],
    motions: list[Motion],
    body: Body,
    frame_count: int,
    stages: _Stages,
    warnings: list[str],
) -> dict[str, Any]:
    working_s = sum(seconds for stage, seconds in stages.seconds.items() if stage != "body")
    return {
        "footage": {"name": footage.name, "sha256": footage.sha256, "frames_read": frame_count},
        "network": network,
        "detector": detector,
        "device": str(device),
        "people_found": [_describe(track) for track in tracks],
        "people_captured": [motion.person for motion in motions],
        "heights_m": [round(stature(body.vertices_rest(motion.betas)), 3) for motion in motions],
        "stages_s": {stage: round(seconds, 3) for stage, seconds in stages.seconds.items()},
        "frames_per_second": round(frame_count / working_s, 2) if working_s > 0 else None,
        "peak_memory_bytes": peak_memory_bytes(),
        "warnings": warnings,
        "settings": {
            key: value if not isinstance(value, Path) else str(value) for key, value in vars(settings).items()
        },
    }


def _describe(track: Track) -> dict[str, Any]:
    return {
        "person": track.person,
        "first_s": round(float(track.timestamps_s[0]), 3),
        "last_s": round(float(track.timestamps_s[-1]), 3),
        "frames": len(track.frames),
        "frames_observed": int(track.observed.sum()),
    }


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held, where the system tells (Linux and macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
