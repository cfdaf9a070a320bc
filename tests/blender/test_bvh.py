from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bpy")

from smpl_rig import kinematics, rotations
from smpl_rig.blender.bvh import bvh_text, euler_zxy
from smpl_rig.skeleton import JOINT_NAMES, PARENTS

from .readers import read_bvh


def turn(axis: int, angle: np.ndarray) -> np.ndarray:
    return rotations.exp(angle[..., None] * np.eye(3)[axis])


def compose(angles: np.ndarray) -> np.ndarray:
    z, x, y = np.moveaxis(angles, -1, 0)
    return rotations.multiply(turn(2, z), rotations.multiply(turn(0, x), turn(1, y)))


@given(seed=st.integers(0, 2**32 - 1))
def test_angles_give_back_the_rotation(seed: int) -> None:
    quaternions = rotations.normalize(np.random.default_rng(seed).normal(size=(50, 4)))
    alike = np.abs(np.sum(compose(euler_zxy(quaternions)) * quaternions, axis=-1))
    np.testing.assert_allclose(alike, 1, atol=1e-9)


@pytest.mark.parametrize("x", [np.pi / 2, -np.pi / 2])
def test_angles_hold_where_two_axes_fall_together(x: float) -> None:
    quaternions = compose(np.array([[0.4, x, 0.3], [-1.0, x, 2.0]]))
    alike = np.abs(np.sum(compose(euler_zxy(quaternions)) * quaternions, axis=-1))
    np.testing.assert_allclose(alike, 1, atol=1e-9)


@given(seed=st.integers(0, 2**32 - 1))
def test_angles_do_not_jump(seed: int) -> None:
    """Whole turns about every axis, passing the places where the arc sine folds back."""
    random = np.random.default_rng(seed)
    path = np.linspace(0, 8, 400)[:, None] * random.uniform(-1, 1, 3) + random.uniform(-3, 3, 3)
    angles = euler_zxy(compose(path))
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
