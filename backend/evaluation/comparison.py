"""A capture held against the truth of a rendered clip, and beside it BlazePose's own 3D."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.footage import open_footage
from backend.people.tracking import PeopleTracker
from backend.people.tracks import LANDMARK_INDEX
from backend.rendering import Camera
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.skeleton import INDEX

from .metrics import acceleration_error, mpjpe, pa_mpjpe

Floats = NDArray[np.floating[Any]]

#: The joints that SMPL and BlazePose share.
SHARED_JOINTS: tuple[str, ...] = tuple(
    f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
)


def compare(
    clip: str | os.PathLike[str], motion_path: str | os.PathLike[str], true_joints_world: Floats, camera: Camera
) -> dict[str, dict[str, float]]:
    """PA-MPJPE, MPJPE (mm) and ACC-ERR (mm/frame^2) over the joints that both share, in the camera's axes.

    Args:
        clip: the rendered footage.
        motion_path: what was captured from it.
        true_joints_world: (T, 24, 3) metres, of every frame of the clip.
        camera: that it was rendered with.

    Returns:
        A row for each: the raw capture, the capture at the default smoothness, and BlazePose's own 3D.
    """
    motion = Motion.load(motion_path)
    truth = in_camera(true_joints_world, np.tile(camera.world_from_camera, (len(true_joints_world), 1, 1)))
    frames = np.rint(motion.timestamps_s * motion.mocap_framerate).astype(int)
    rows = {}
    for name, shown in (("Limber, raw", motion), ("Limber, default smoothness", refine(motion))):
        joints = in_camera(shown.joints_world.astype(np.float64), shown.world_from_camera.astype(np.float64))
        rows[name] = _row(joints[:, _smpl()], truth[frames][:, _smpl()], motion.observed)
    tracker = PeopleTracker()
    for frame in open_footage(clip).frames():
        tracker.add(frame)
    track = tracker.finish()[0]
    blazepose = track.landmarks3d[:, [LANDMARK_INDEX[name] for name in SHARED_JOINTS]]
    rows["BlazePose's own 3D"] = _row(blazepose, truth[track.frames][:, _smpl()], track.observed)
    return rows


def in_camera(joints_world: Floats, world_from_camera: Floats) -> Floats:
    """(T, J, 3) world -> (T, J, 3) camera axes, for cameras (T, 4, 4)."""
    moved = joints_world - world_from_camera[:, None, :3, 3]
    return np.asarray(np.einsum("tji,tkj->tki", world_from_camera[:, :3, :3], moved))


def _smpl() -> list[int]:
    return [INDEX[name] for name in SHARED_JOINTS]


def _row(joints: Floats, truth: Floats, observed: NDArray[np.bool_]) -> dict[str, float]:
    hips = [SHARED_JOINTS.index("left_hip"), SHARED_JOINTS.index("right_hip")]
    root, true_root = joints[:, hips].mean(axis=1), truth[:, hips].mean(axis=1)
    centred, true_centred = joints - root[:, None], truth - true_root[:, None]
    return {
        "pa_mpjpe": pa_mpjpe(joints, truth, observed),
        "mpjpe": mpjpe(joints, truth, observed, root, true_root),
        "acc_err": acceleration_error(centred, true_centred, observed),
    }
