"""Leaps put into smooth motion are found, and nothing else is."""

from collections.abc import Callable

import numpy as np
import pytest

from backend.training.motions.continuity import leaps, smooth_stretches
from smpl_rig import rotations
from smpl_rig.motion import Motion
from smpl_rig.skeleton import INDEX


def pose_of(motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    return rotations.exp(motion.poses.reshape(-1, 24, 3)), motion.trans + motion.rest_joints[0]


def test_smooth_motion_does_not_leap(make_motion: Callable[..., Motion], rest_joints: np.ndarray) -> None:
    local, pelvis = pose_of(make_motion(frames=90, speed=8.0))
    assert not leaps(local, rest_joints, pelvis, 30.0).any()
    assert smooth_stretches(np.zeros(89, dtype=bool), 30.0) == [slice(0, 90)]


@pytest.mark.parametrize("joint", ["left_knee", "head", "pelvis"])
def test_a_joint_that_snaps_leaps(joint: str, make_motion: Callable[..., Motion], rest_joints: np.ndarray) -> None:
    local, pelvis = pose_of(make_motion(frames=60))
    snapped = rotations.exp(np.array([1.8, 0, 0]))
    local[30:, INDEX[joint]] = rotations.multiply(local[30:, INDEX[joint]], snapped)
    assert np.flatnonzero(leaps(local, rest_joints, pelvis, 30.0)).tolist() == [29]


def test_a_person_who_is_elsewhere_in_the_next_frame_leaps(
    make_motion: Callable[..., Motion], rest_joints: np.ndarray
) -> None:
    local, pelvis = pose_of(make_motion(frames=60))
    pelvis[41:] += np.array([1.0, 0, 0])  # 30 m/s
    assert np.flatnonzero(leaps(local, rest_joints, pelvis, 30.0)).tolist() == [40]


def test_the_limit_is_a_speed_until_half_turns_are_ambiguous(
    make_motion: Callable[..., Motion], rest_joints: np.ndarray
) -> None:
    """The same turn in a frame is possible at 20 frames per second, not at 60; beyond a quarter turn at none."""
    local, pelvis = pose_of(make_motion(frames=20, speed=0.0))
    local[10:, INDEX["left_wrist"]] = rotations.multiply(
        local[10:, INDEX["left_wrist"]], rotations.exp(np.array([1.2, 0, 0]))
    )
    assert not leaps(local, rest_joints, pelvis, 30.0).any()
    assert leaps(local, rest_joints, pelvis, 60.0).any()
    local[10:, INDEX["left_wrist"]] = rotations.multiply(
        local[10:, INDEX["left_wrist"]], rotations.exp(np.array([0.6, 0, 0]))
    )
    assert leaps(local, rest_joints, pelvis, 10.0).any()


def test_a_clip_is_cut_on_both_sides_of_leaps() -> None:
    leaping = np.zeros(199, dtype=bool)
    leaping[[0, 99, 110]] = True
    # a twentieth of a second is 3 frames at 60 frames per second: 1 to 3, 97 to 102, 108 to 113; of what lies between
    # the last two, 5 frames are too short
    assert smooth_stretches(leaping, 60.0) == [slice(4, 97), slice(114, 200)]


def test_what_is_nothing_but_leaps_leaves_nothing() -> None:
    assert smooth_stretches(np.ones(50, dtype=bool), 30.0) == []
    assert smooth_stretches(np.zeros(3, dtype=bool), 30.0) == []
