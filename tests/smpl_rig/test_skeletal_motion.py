"""Skeletons of any kind: kinematics by hand, and what does not change with the rest pose."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.skeletal_motion import SkeletalMotion, SkeletalMotionError, rigid_motion


def arm(frames: int = 2) -> SkeletalMotion:
    """Three joints along x, 1 and 2 apart; the root is at (0, 0, 5)."""
    return rigid_motion(
        ("root", "upper", "lower"),
        (-1, 0, 1),
        np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0.0]]),
        np.tile(rotations.IDENTITY, (frames, 3, 1)),
        np.tile([0, 0, 5.0], (frames, 1)),
        25.0,
    )


def random_motion(seed: int) -> SkeletalMotion:
    random = np.random.default_rng(seed)
    quaternions = rotations.normalize(random.normal(size=(4, 5, 4)))
    return rigid_motion(
        tuple("abcde"), (-1, 0, 1, 1, 0), random.normal(size=(5, 3)), quaternions, random.normal(size=(4, 3)), 30.0
    )


def test_a_quarter_turn_of_the_second_joint_lifts_the_third() -> None:
    motion = arm()
    bent = motion.local_rotations.copy()
    bent[1, 1] = rotations.exp(np.array([0, 0, np.pi / 2]))
    _, positions = replace(motion, local_rotations=bent).forward_kinematics()
    np.testing.assert_allclose(positions[0], [[0, 0, 5], [1, 0, 5], [3, 0, 5]], atol=1e-12)
    np.testing.assert_allclose(positions[1], [[0, 0, 5], [1, 0, 5], [1, 2, 5]], atol=1e-12)


def test_a_joint_may_leave_its_place() -> None:
    motion = arm()
    moved = motion.local_positions.copy()
    moved[1, 2] = (2.5, 0, 0)
    _, positions = replace(motion, local_positions=moved).forward_kinematics()
    np.testing.assert_allclose(positions[1, 2], [3.5, 0, 5])
    np.testing.assert_allclose(motion.rest_positions()[2], [3, 0, 0])


@given(st.integers(0, 9999))
def test_another_rest_pose_moves_no_joint(seed: int) -> None:
    motion = random_motion(seed)
    rest = rotations.normalize(np.random.default_rng(seed + 1).normal(size=(5, 4)))
    turned, positions = motion.forward_kinematics()
    recounted = motion.with_rest(rest)
    turned_again, positions_again = recounted.forward_kinematics()
    np.testing.assert_allclose(positions_again, positions, atol=1e-9)
    # what was the pose ``rest`` is the identity now
    expected = rotations.multiply(turned, rotations.conjugate(rest))
    assert np.allclose(np.abs(np.sum(turned_again * expected, axis=-1)), 1)


def test_counted_from_a_frame_that_frame_is_the_rest_pose() -> None:
    motion = random_motion(7)
    turned, positions = motion.forward_kinematics()
    recounted = motion.with_rest(turned[2])
    rest = recounted.rest_positions() - recounted.rest_positions()[0]
    np.testing.assert_allclose(rest, positions[2] - positions[2, 0], atol=1e-9)
    np.testing.assert_allclose(np.abs(recounted.local_rotations[2, :, 0]), 1)


def test_some_frames() -> None:
    motion = random_motion(1)
    assert len(motion.frames(slice(1, 3))) == 2
    np.testing.assert_array_equal(motion.frames(np.array([0, 0, 0, 1], dtype=bool)).local_positions[0],
                                  motion.local_positions[3])  # fmt: skip


def test_the_path_between_joints() -> None:
    motion = random_motion(0)
    assert motion.path(3, 0) == (1, 3)
    assert motion.path(2, 2) == ()
    with pytest.raises(SkeletalMotionError, match="'e' does not hang on 'b'"):
        motion.path(4, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ()}, "no joints"),
        ({"names": ("root", "upper", "root")}, "Two joints are called 'root'"),
        ({"parents": (-1, 2, 0)}, "'parents'"),
        ({"parents": (0, 0, 1)}, "'parents'"),
        ({"local_rotations": np.zeros((0, 3, 4))}, "no frames"),
        ({"local_rotations": np.zeros((2, 3, 4))}, "not of length one"),
        ({"offsets": np.zeros((2, 3))}, r"'offsets' has shape \(2, 3\), expected \(3, 3\)"),
        ({"local_positions": np.full((2, 3, 3), np.nan)}, "'local_positions' holds values that are not finite"),
        ({"frame_rate": 0.0}, "frame rate is 0"),
    ],
)
def test_what_is_no_motion_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SkeletalMotionError, match=said):
        replace(arm(), **change)


def test_a_root_s_path_of_another_length_is_named() -> None:
    motion = arm()
    with pytest.raises(SkeletalMotionError, match=r"'root_positions' has shape \(1, 3\)"):
        rigid_motion(motion.names, motion.parents, motion.offsets, motion.local_rotations, np.zeros((1, 3)), 30.0)
