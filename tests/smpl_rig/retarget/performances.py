"""What people do: authored, and from the library of motion where it is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from smpl_rig import kinematics, rotations
from smpl_rig.alignment import align
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.retarget.retargeting import Performance
from smpl_rig.skeletal_motion import rigid_motion
from smpl_rig.skeleton import INDEX
from smpl_rig.soles import sole_points

MOTIONS = Path(__file__).resolve().parents[4] / "shared" / "motions"
LIBRARY = (
    "cmu_fbx_walk_07_01",
    "cmu_salsa_03",
    "cmu_soccer_train_1",
    "cc0_crawl",
    "cmu_martial_05",
    "cc0_jumping_jacks",
)


def from_library(name: str, rest_joints: np.ndarray, frames: int = 150) -> Performance:
    """A clip on a body; skips the test where there is no library."""
    path = MOTIONS / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    clip = np.load(path, allow_pickle=False)
    motion = rigid_motion(
        tuple(str(joint) for joint in clip["joint_names"]),
        tuple(int(parent) for parent in clip["parents"]),
        clip["rest_offsets_m"],
        clip["rotations_wxyz"][:frames],
        clip["root_position_m"][:frames],
        float(clip["fps"]),
    )
    pose = align(motion, rest_joints).smpl_pose()
    return on_floor(pose.local_rotations, pose.pelvis, rest_joints, float(clip["fps"]))


def on_floor(local: np.ndarray, pelvis: np.ndarray, rest_joints: np.ndarray, rate: float) -> Performance:
    """A performance whose lowest soles lie on the floor, and rest where they are slow there."""
    turned, joints = kinematics.forward_kinematics(local, rest_joints, pelvis - rest_joints[0])
    soles = sole_points(turned, joints, rest_joints)
    joints = joints - [0, 0, np.percentile(soles[..., 2].min(axis=1), 5)]
    soles = sole_points(turned, joints, rest_joints)
    times = np.arange(len(local)) / rate
    speed = np.linalg.norm(np.gradient(soles, times, axis=0), axis=-1)
    resting = (speed < 0.2) & (soles[..., 2] < 0.05)
    return Performance(turned, joints, rest_joints, resting.astype(float), times)


def walk(rest_joints: np.ndarray, frames: int = 240, rate: float = 60.0) -> Performance:
    """Walking towards -Y with feet that rest exactly: the pelvis is put where the standing foot wants it."""
    times = np.arange(frames) / rate
    phase = 2 * np.pi * times
    vectors = np.zeros((frames, 24, 3))
    soft = np.random.default_rng(3).uniform(-0.15, 0.15, (24, 3))
    vectors += soft * np.sin(phase[:, None, None] + np.arange(24)[None, :, None])
    for sign, side in ((1, "left"), (-1, "right")):
        swing = np.sin(phase) * sign
        lift = np.maximum(0, np.cos(phase) * sign)
        hip, knee = -0.45 * swing - 0.5 * lift, 0.9 * lift + 0.1
        for joint, angle in (("hip", hip), ("knee", knee), ("ankle", -hip - knee), ("foot", 0 * hip)):
            vectors[:, INDEX[f"{side}_{joint}"]] = np.stack((angle, 0 * angle, 0 * angle), axis=-1)
        vectors[:, INDEX[f"{side}_shoulder"], 2] -= sign * 1.1
        vectors[:, INDEX[f"{side}_shoulder"], 0] += 0.4 * swing
    vectors[:, 0] = np.stack((0 * phase, 0.15 * np.sin(phase), 0 * phase), axis=-1)
    local = rotations.exp(vectors)
    local[:, 0] = rotations.multiply(np.tile(rotations.from_matrix(WORLD_FROM_BODY), (frames, 1)), local[:, 0])
    turned, joints = kinematics.forward_kinematics(local, rest_joints, np.zeros(3) - rest_joints[0])
    soles = sole_points(turned, joints, rest_joints)
    stands = np.where(np.cos(phase) < 0, 0, 1)  # left foot, else right
    pelvis = np.zeros((frames, 3))
    contacts = np.zeros((frames, 4))
    for frame in range(frames):
        foot = 2 * stands[frame] + 1
        contacts[frame, foot - 1 : foot + 1] = 1
        if frame == 0:
            pelvis[0] = -soles[0, foot] * [0, 0, 1]
        else:  # the toe that stands stays, on the floor
            pelvis[frame] = pelvis[frame - 1] + soles[frame - 1, foot] - soles[frame, foot]
            pelvis[frame, 2] = -soles[frame, foot, 2]
    # the feet turn with the pelvis, so it is toes alone that rest
    contacts[:, 0::2] = 0
    return Performance(turned, joints + pelvis[:, None], rest_joints, contacts, times)


def over_and_over(performance: Performance, times: int) -> Performance:
    """The same so many times, at its own rate."""
    frames = len(performance.times_s)
    return replace(
        performance,
        turned=np.tile(performance.turned, (times, 1, 1)),
        joints=np.tile(performance.joints, (times, 1, 1)),
        contacts=np.tile(performance.contacts, (times, 1)),
        times_s=np.arange(times * frames) * np.median(np.diff(performance.times_s)),
    )
