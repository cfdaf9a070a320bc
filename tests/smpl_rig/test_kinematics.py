"""Forward kinematics against chains worked out by hand, with 4x4 matrices."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.kinematics import forward_kinematics, global_rotations
from smpl_rig.skeleton import INDEX, PARENTS


def by_matrices(local: np.ndarray, rest_joints: np.ndarray, trans: np.ndarray) -> np.ndarray:
    """(24, 4, 4) of one frame: the product of the transforms from the root down."""
    result = np.zeros((24, 4, 4))
    for joint, parent in enumerate(PARENTS):
        step = np.eye(4)
        step[:3, :3] = rotations.to_matrix(local[joint])
        step[:3, 3] = rest_joints[joint] + trans if parent < 0 else rest_joints[joint] - rest_joints[parent]
        result[joint] = step if parent < 0 else result[parent] @ step
    return result


@given(seed=st.integers(0, 10**6))
def test_is_the_product_of_the_transforms(rest_joints: np.ndarray, seed: int) -> None:
    random = np.random.default_rng(seed)
    local = rotations.exp(random.normal(0, 2, (3, 24, 3)))
    trans = random.normal(size=(3, 3))
    turned, positions = forward_kinematics(local, rest_joints, trans)
    for frame in range(3):
        expected = by_matrices(local[frame], rest_joints, trans[frame])
        np.testing.assert_allclose(rotations.to_matrix(turned[frame]), expected[:, :3, :3], atol=1e-12)
        np.testing.assert_allclose(positions[frame], expected[:, :3, 3], atol=1e-12)


@given(seed=st.integers(0, 10**6))
def test_bones_keep_their_lengths(rest_joints: np.ndarray, seed: int) -> None:
    local = rotations.exp(np.random.default_rng(seed).normal(0, 2, (2, 24, 3)))
    _, positions = forward_kinematics(local, rest_joints, np.zeros((2, 3)))
    parents = list(PARENTS[1:])
    posed = np.linalg.norm(positions[:, 1:] - positions[:, parents], axis=-1)
    rest = np.linalg.norm(rest_joints[1:] - rest_joints[parents], axis=-1)
    np.testing.assert_allclose(posed, np.tile(rest, (2, 1)), atol=1e-12)


def test_the_pelvis_lies_at_its_rest_place_and_the_translation(rest_joints: np.ndarray) -> None:
    moved = rest_joints + np.array([0.1, -0.2, 0.03])
    local = rotations.exp(np.random.default_rng(0).normal(size=(4, 24, 3)))
    trans = np.random.default_rng(1).normal(size=(4, 3))
    _, positions = forward_kinematics(local, moved, trans)
    np.testing.assert_allclose(positions[:, 0], moved[0] + trans, atol=1e-12)


def test_a_right_angle_at_the_left_elbow(rest_joints: np.ndarray) -> None:
    """About -Y, which brings the left forearm forward."""
    local = np.tile(rotations.IDENTITY, (1, 24, 1))
    local[0, INDEX["left_elbow"]] = rotations.exp(np.array([0, -np.pi / 2, 0]))
    turned, positions = forward_kinematics(local, rest_joints, np.zeros((1, 3)))
    elbow, wrist = INDEX["left_elbow"], INDEX["left_wrist"]
    x, y, z = rest_joints[wrist] - rest_joints[elbow]
    np.testing.assert_allclose(positions[0, wrist] - positions[0, elbow], [-z, y, x], atol=1e-12)
    np.testing.assert_allclose(turned[0, wrist], local[0, elbow], atol=1e-12)
    others = [joint for joint in range(24) if joint not in (wrist, INDEX["left_hand"])]
    np.testing.assert_allclose(positions[0, others], rest_joints[others], atol=1e-12)


def test_turning_the_pelvis_turns_everything(rest_joints: np.ndarray) -> None:
    local = rotations.exp(np.random.default_rng(3).normal(size=(1, 24, 3)))
    turn = rotations.exp(np.array([0.4, 1.0, -0.3]))
    before = global_rotations(local)
    local[:, 0] = rotations.multiply(turn, local[:, 0])
    np.testing.assert_allclose(global_rotations(local), rotations.multiply(turn, before), atol=1e-12)


def test_no_frames(rest_joints: np.ndarray) -> None:
    turned, positions = forward_kinematics(np.zeros((0, 24, 4)), rest_joints, np.zeros((0, 3)))
    assert turned.shape == (0, 24, 4)
    assert positions.shape == (0, 24, 3)
