from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import kinematics, rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.exports.bvh import ORDERS, bvh_text, euler_angles, write_bvh
from smpl_rig.exports.take import take_of
from smpl_rig.motion import Motion
from smpl_rig.skeleton import INDEX, JOINT_NAMES, PARENTS

from ...blender.readers import read_bvh

any_order = pytest.mark.parametrize("order", ORDERS)


def turn(axis: int, angle: np.ndarray) -> np.ndarray:
    return rotations.exp(angle[..., None] * np.eye(3)[axis])


def compose(angles: np.ndarray, order: str) -> np.ndarray:
    first, second, third = (
        turn("XYZ".index(axis), angle) for axis, angle in zip(order, np.moveaxis(angles, -1, 0), strict=True)
    )
    return rotations.multiply(first, rotations.multiply(second, third))


@any_order
@given(seed=st.integers(0, 2**32 - 1))
def test_angles_give_back_the_rotation(order: str, seed: int) -> None:
    quaternions = rotations.normalize(np.random.default_rng(seed).normal(size=(50, 4)))
    alike = np.abs(np.sum(compose(euler_angles(quaternions, order), order) * quaternions, axis=-1))
    np.testing.assert_allclose(alike, 1, atol=1e-9)


@any_order
@pytest.mark.parametrize("middle", [np.pi / 2, -np.pi / 2])
def test_angles_hold_where_two_axes_fall_together(order: str, middle: float) -> None:
    quaternions = compose(np.array([[0.4, middle, 0.3], [-1.0, middle, 2.0]]), order)
    alike = np.abs(np.sum(compose(euler_angles(quaternions, order), order) * quaternions, axis=-1))
    np.testing.assert_allclose(alike, 1, atol=1e-9)


@any_order
@given(seed=st.integers(0, 2**32 - 1))
def test_angles_do_not_jump(order: str, seed: int) -> None:
    """Whole turns about every axis, passing the places where the arc sine folds back."""
    random = np.random.default_rng(seed)
    path = np.linspace(0, 8, 400)[:, None] * random.uniform(-1, 1, 3) + random.uniform(-3, 3, 3)
    angles = euler_angles(compose(path, order), order)
    far_from_lock = np.abs(np.cos(path[:, 1])) > 0.1
    steps = np.abs(np.diff(angles, axis=0)).max(axis=-1)[far_from_lock[1:] & far_from_lock[:-1]]
    assert steps.max(initial=0) < 0.3


def test_joints_stand_where_forward_kinematics_puts_them(rest_joints: np.ndarray, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    local = rotations.normalize(random.normal(size=(20, 24, 4)))
    places = random.normal(size=(20, 3))
    _, expected = kinematics.forward_kinematics(local, rest_joints, places - rest_joints[0])
    (tmp_path / "take.bvh").write_text(
        bvh_text(
            names=JOINT_NAMES,
            parents=PARENTS,
            offsets=rest_joints - rest_joints[np.maximum(PARENTS, 0)],
            tips=np.full((24, 3), 0.1),
            local_rotations=local,
            positions=places,
            frames_per_second=25,
        )
    )
    take = read_bvh(tmp_path / "take.bvh")
    assert take.times_s[1] == pytest.approx(0.04)
    found = np.stack([take.places[name] for name in JOINT_NAMES], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@any_order
def test_a_motion_comes_back_in_every_order(order: str, make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    motion = make_motion()
    write_bvh(take_of(motion), tmp_path / "take.bvh", order)
    text = (tmp_path / "take.bvh").read_text()
    assert f"CHANNELS 3 {' '.join(f'{axis}rotation' for axis in order)}\n" in text
    take = read_bvh(tmp_path / "take.bvh")
    found = np.stack([take.places[name] for name in JOINT_NAMES], axis=1) @ WORLD_FROM_BODY.T
    np.testing.assert_allclose(found, motion.joints_world, atol=1e-4)
    np.testing.assert_allclose(take.times_s, motion.timestamps_s, atol=1e-6)


def test_a_t_pose_comes_first(make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    motion = make_motion()
    write_bvh(take_of(motion), tmp_path / "take.bvh", t_pose=True)
    take = read_bvh(tmp_path / "take.bvh")
    found = np.stack([take.places[name] for name in JOINT_NAMES], axis=1)
    np.testing.assert_allclose(found[1:] @ WORLD_FROM_BODY.T, motion.joints_world, atol=1e-4)
    rest = motion.rest_joints - motion.rest_joints[0]
    np.testing.assert_allclose(found[0] - found[0, 0], rest, atol=1e-5)
    np.testing.assert_allclose(found[0, 0, [0, 2]], found[1, 0, [0, 2]], atol=1e-5)
    assert found[0, INDEX["left_foot"], 1] == pytest.approx(0.025)  # the sole is on the floor
