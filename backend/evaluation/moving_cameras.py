"""``python -m backend.evaluation.moving_cameras``: captures of people whom a camera filmed that turned as it filmed.

Films are drawn as those of :mod:`.renders`, but by cameras that are held by hand, pan, or follow, before a world with
something to be seen in every direction. Each is captured twice, by somebody who takes the camera to stand still and by
one who watches it, and both are held against the truth.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.argument_types import count, seconds, seed
from backend.body import limber_body
from backend.camera_motion.turns import angles
from backend.capture import CaptureSettings, capture
from backend.demo.clip import clothing
from backend.encoding import VideoWriter
from backend.json_reports import write_json
from backend.machine import machine
from backend.rendering import Floor, MeshRenderer, Surface
from backend.text_table import aligned
from backend.training.motions import load_library
from backend.training.variety import Clips
from backend.user_errors import told_in_one_line
from smpl_rig.body import Body, skin
from smpl_rig.kinematics import global_rotations
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.soles import sole_points

from .camera_paths import KINDS, Panorama, camera_path
from .metrics import mean
from .scenes import FRAME_RATE, Scene, draw_scene
from .workers import one_thread, side_by_side

Floats = NDArray[np.floating[Any]]

#: A sole rests if it is this near to the floor and this slow.
RESTING_M, RESTING_M_S = 0.05, 0.08


@dataclass(frozen=True)
class Row:
    """One capture of one film.

    Attributes:
        film: its number.
        camera: what it did, of :data:`~backend.evaluation.camera_paths.KINDS`.
        taken: ``still`` or ``watched``.
        widest_deg: how far the camera turned from where it looked first.
        turn_deg: error of the camera's turn since the first frame, mean.
        up_deg: between what is up in the picture and what was found to be, mean.
        path_cm: of the pelvis, mean, after the path was turned about the vertical and moved onto the true one.
        path_m: length of the true path, as the crow flies from end to end of a second, summed.
        skate_cm_s: speed of soles that rest, as a rule (median); NaN if none does.
        focal_part: focal length found to the true one.
        warned: whether the user was told that the camera moves, or that nothing tells.
    """

    film: int
    camera: str
    taken: str
    widest_deg: float
    turn_deg: float
    up_deg: float
    path_cm: float
    path_m: float
    skate_cm_s: float
    focal_part: float
    warned: bool


def film(path: Path, body: Body, scene: Scene, poses: Floats, panorama: Panorama) -> None:
    """Writes what the camera sees from its poses (T, 4, 4)."""
    middle = scene.joints_world[:, 0].mean(axis=0)
    floor = Floor(centre=(float(middle[0]), float(middle[1])), colour=scene.floor)
    renderer = MeshRenderer(scene.camera, [Surface(body.f, clothing(body, scene.outfit))], floor)
    with VideoWriter(path, Fraction(FRAME_RATE)) as writer:
        for frame, pose in enumerate(poses):
            camera = replace(scene.camera, world_from_camera=pose)
            renderer.aim(camera)
            now = slice(frame, frame + 1)
            vertices = skin(body, scene.betas, scene.local_rotations[now], scene.trans[now])[0]
            image, drawn = renderer.render_with_mask([vertices])
            writer.add(np.where(drawn[..., None], image, panorama.seen_by(camera)))


def rows_of(number: int, kind: str, folder: Path, body: Body, scene: Scene, poses: Floats) -> list[Row]:
    """Films a scene and captures it twice; none if nobody was found."""
    path = folder / f"{number:03d}_{kind}.mp4"
    film(path, body, scene, poses, Panorama(np.random.default_rng((number, 1))))
    rows = []
    for taken, still in (("still", True), ("watched", False)):
        captured = capture(path, CaptureSettings(still_camera=still, threads=1), lambda *_: None)
        for motion in captured.motions:
            motion.save(path.with_name(f"{path.stem}_{taken}.npz"))
            told = [warning for warning in captured.report["warnings"] if "camera" in warning]
            rows.append(_row(number, kind, taken, scene, poses, motion, bool(told), body))
    return rows


def _row(number: int, kind: str, taken: str, scene: Scene, poses: Floats, raw: Motion, warned: bool, body: Body) -> Row:
    motion = refine(raw)
    frames = np.rint(motion.timestamps_s * FRAME_RATE).astype(int)
    truth, found = poses[frames, :3, :3], motion.world_from_camera[:, :3, :3].astype(np.float64)
    turned, true_turned = (turns[0].T @ turns for turns in (found, truth))
    up, true_up = found[:, 2], truth[:, 2]
    pelvis, true_pelvis = motion.pelvis_world, scene.joints_world[frames, 0]
    resting = _resting(scene, body)[frames] & motion.observed[:, None]
    soles = sole_points(global_rotations(motion.local_rotations), motion.joints_world, motion.rest_joints)
    speed = np.linalg.norm(np.diff(soles, axis=0), axis=-1) / np.diff(motion.timestamps_s)[:, None]
    sliding = speed[resting[1:] & resting[:-1]]
    return Row(
        film=number,
        camera=kind,
        taken=taken,
        widest_deg=float(np.degrees(angles(poses[0, :3, :3].T @ poses[:, :3, :3]).max())),
        turn_deg=float(np.degrees(angles(turned.swapaxes(1, 2) @ true_turned).mean())),
        up_deg=float(np.degrees(np.arccos(np.clip((up * true_up).sum(axis=-1), -1, 1)).mean())),
        path_cm=100 * mean(np.linalg.norm(laid_on(pelvis, true_pelvis) - true_pelvis, axis=-1)[motion.observed]),
        path_m=float(np.linalg.norm(np.diff(true_pelvis[::FRAME_RATE], axis=0), axis=-1).sum()),
        skate_cm_s=100 * float(np.median(sliding)) if len(sliding) else float("nan"),
        focal_part=float(motion.K[0, 0] / scene.camera.K[0, 0]),
        warned=warned,
    )


def laid_on(path: Floats, target: Floats) -> Floats:
    """(T, 3) a path turned about the vertical and moved to lie nearest to another; never tilted or scaled."""
    centre, target_centre = path.mean(axis=0), target.mean(axis=0)
    (x, y), (u, v) = (path - centre)[:, :2].T, (target - target_centre)[:, :2].T
    angle = np.arctan2((x * v - y * u).sum(), (x * u + y * v).sum())
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray((path - centre) @ turn.T + target_centre)


def _resting(scene: Scene, body: Body) -> NDArray[np.bool_]:
    """(T, 4) which soles rest on the floor in truth."""
    soles = sole_points(global_rotations(scene.local_rotations), scene.joints_world, body.rest_joints(scene.betas))
    speed = np.linalg.norm(np.gradient(soles, 1 / FRAME_RATE, axis=0), axis=-1)
    return np.asarray((soles[..., 2] < RESTING_M) & (speed < RESTING_M_S))


def _film_and_capture(number: int, kind: str, folder: Path, seed: int, frames: int, clips: Clips | None) -> list[Row]:
    body = limber_body()
    scene = draw_scene(body, clips, seed, number, frames)
    times = np.arange(len(scene.trans)) / FRAME_RATE
    poses = camera_path(kind, scene.camera, scene.joints_world[:, 0], times, np.random.default_rng((seed, number)))
    return rows_of(number, kind, folder, body, scene, poses)


def table(rows: Sequence[Row]) -> str:
    """Means over the films of each kind of camera; of the path's error and of skating, medians."""
    lines = [
        ["camera", "taken as", "films", "turned by", "turn", "up", "path cm", "of m", "skate cm/s", "focal", "warned"]
    ]
    for kind in KINDS:
        for taken in ("still", "watched"):
            some = [row for row in rows if (row.camera, row.taken) == (kind, taken)]
            if not some:
                continue
            figures = {
                key: np.array([getattr(row, key) for row in some], dtype=float)
                for key in asdict(some[0])
                if key not in ("camera", "taken")
            }
            lines.append(
                [
                    kind,
                    taken,
                    str(len(some)),
                    f"{figures['widest_deg'].mean():.0f}°",
                    f"{figures['turn_deg'].mean():.2f}°",
                    f"{figures['up_deg'].mean():.1f}°",
                    f"{np.median(figures['path_cm']):.1f}",
                    f"{figures['path_m'].mean():.1f}",
                    f"{np.nanmedian(figures['skate_cm_s']):.1f}",
                    f"{np.exp(np.abs(np.log(figures['focal_part'])).mean()):.2f}",
                    f"{figures['warned'].sum():.0f}",
                ]
            )
    return aligned(lines, range(2, len(lines[0])))


@told_in_one_line
def main() -> int:
    """Films people with cameras that turn, captures the films, and prints how far captures are from the truth."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.moving_cameras", description=main.__doc__)
    parser.add_argument("folder", type=Path, help="for the films, the captures and figures.json")
    parser.add_argument(
        "--motions", type=Path, nargs="+", help="folders of motion; without them all films show the authored motion"
    )
    parser.add_argument("--count", type=count, default=8, help="films of each kind of camera")
    parser.add_argument("--cameras", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seconds", type=seconds, default=4.0)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1)
    parsed = parser.parse_args()
    parsed.folder.mkdir(parents=True, exist_ok=True)
    clips = load_library(parsed.motions).clips("test") if parsed.motions else None
    frames = round(parsed.seconds * FRAME_RATE)
    tasks = [
        (number, kind, parsed.folder, parsed.seed, frames, clips)
        for number in range(parsed.count)
        for kind in parsed.cameras
    ]
    found = side_by_side("films", _film_and_capture, tasks, one_thread, parsed.workers)
    rows = [row for film_rows in found for row in film_rows]
    print(table(rows))
    figures = {"machine": machine(), "seed": parsed.seed, "rows": [asdict(row) for row in rows]}
    write_json(parsed.folder / "figures.json", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
