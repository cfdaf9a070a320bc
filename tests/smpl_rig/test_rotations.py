"""Quaternions against rotation matrices, which are known from their definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smpl_rig import rotations
from smpl_rig.rotations import IDENTITY

numbers = st.floats(-1, 1, width=64)
vectors = arrays(np.float64, 3, elements=st.floats(-10, 10))
axes = arrays(np.float64, 3, elements=numbers).filter(lambda axis: np.linalg.norm(axis) > 0.1)
quaternions = (
    arrays(np.float64, 4, elements=numbers)
    .filter(lambda quaternion: np.linalg.norm(quaternion) > 0.1)
    .map(lambda quaternion: quaternion / np.linalg.norm(quaternion))
)


def by_rodrigues(vector: np.ndarray) -> np.ndarray:
    """Rodrigues' formula, with sin(x)/x and (1 - cos x)/x^2 taken from their series near zero."""
    angle = np.linalg.norm(vector)
    x, y, z = vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    first = np.sin(angle) / angle if angle > 1e-4 else 1 - angle**2 / 6
    second = (1 - np.cos(angle)) / angle**2 if angle > 1e-4 else 0.5 - angle**2 / 24
    return np.eye(3) + first * cross + second * cross @ cross


def same_rotation(a: np.ndarray, b: np.ndarray) -> bool:
    """A quaternion and its negative are the same rotation."""
    return bool(np.allclose(np.abs(np.sum(a * b, axis=-1)), 1, atol=1e-10))


@given(vectors)
def test_exp_is_rodrigues(vector: np.ndarray) -> None:
    np.testing.assert_allclose(rotations.to_matrix(rotations.exp(vector)), by_rodrigues(vector), atol=1e-12)


@given(axes, st.floats(0, np.pi - 1e-6))
def test_log_undoes_exp(axis: np.ndarray, angle: float) -> None:
    vector = axis / np.linalg.norm(axis) * angle
    np.testing.assert_allclose(rotations.log(rotations.exp(vector)), vector, atol=1e-8)


@given(vectors)
def test_log_is_the_shortest(vector: np.ndarray) -> None:
    shortest = rotations.log(rotations.exp(vector))
    assert np.linalg.norm(shortest) <= np.pi + 1e-12
    assert same_rotation(rotations.exp(shortest), rotations.exp(vector))


@given(vectors)
def test_exp_is_rodrigues_in_single_precision_too(vector: np.ndarray) -> None:
    found = rotations.exp(vector.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(rotations.to_matrix(found), by_rodrigues(vector), atol=1e-5)


@given(quaternions, quaternions)
def test_relative_is_what_is_left_to_turn(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(rotations.multiply(a, rotations.relative(a, b)), b, atol=1e-12)


def test_products_are_written_where_they_are_wanted() -> None:
    a, b = rotations.exp(np.array([[0.1, 0.2, 0.3], [1.0, 0.0, 0.0]])), rotations.exp(np.array([0.0, 0.5, 0.0]))
    out = np.empty((2, 4))
    assert rotations.multiply(a, b, out=out) is out
    np.testing.assert_array_equal(out, rotations.multiply(a, b))


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-12, 1e-8, 1e-7, 1e-5])
def test_small_angles_lose_nothing(size: float) -> None:
    vector = np.array([0.6, -0.8, 0.0]) * size
    quaternion = rotations.exp(vector)
    assert np.isfinite(quaternion).all()
    np.testing.assert_allclose(rotations.log(quaternion), vector, rtol=1e-9, atol=1e-300)


def test_half_turns_have_a_log() -> None:
    for axis in np.eye(3):
        for sign in (1, -1):
            vector = rotations.log(rotations.exp(sign * np.pi * axis))
            np.testing.assert_allclose(np.abs(vector), np.pi * axis, atol=1e-12)


@given(quaternions, quaternions)
def test_multiplying_is_doing_one_after_the_other(a: np.ndarray, b: np.ndarray) -> None:
    product = rotations.to_matrix(rotations.multiply(a, b))
    np.testing.assert_allclose(product, rotations.to_matrix(a) @ rotations.to_matrix(b), atol=1e-12)


@given(quaternions, vectors)
def test_rotate_is_the_matrix(quaternion: np.ndarray, vector: np.ndarray) -> None:
    np.testing.assert_allclose(
        rotations.rotate(quaternion, vector), rotations.to_matrix(quaternion) @ vector, atol=1e-10
    )


@given(quaternions)
def test_matrices_are_rotations(quaternion: np.ndarray) -> None:
    matrix = rotations.to_matrix(quaternion)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)


@given(quaternions)
def test_from_matrix_undoes_to_matrix(quaternion: np.ndarray) -> None:
    back = rotations.from_matrix(rotations.to_matrix(quaternion))
    assert back[0] >= 0
    assert same_rotation(back, quaternion)


@pytest.mark.parametrize("axis", [*np.eye(3), np.array([1, 1, 0]) / np.sqrt(2), np.ones(3) / np.sqrt(3)])
@pytest.mark.parametrize("angle", [0, 1e-9, np.pi / 2, np.pi - 1e-9, np.pi])
def test_from_matrix_where_a_component_vanishes(axis: np.ndarray, angle: float) -> None:
    matrix = by_rodrigues(axis * angle)
    np.testing.assert_allclose(rotations.to_matrix(rotations.from_matrix(matrix)), matrix, atol=1e-9)


@given(quaternions)
def test_the_conjugate_is_the_inverse(quaternion: np.ndarray) -> None:
    assert same_rotation(rotations.multiply(quaternion, rotations.conjugate(quaternion)), IDENTITY)


@given(axes, axes)
def test_between_takes_one_direction_to_the_other_the_shortest_way(a: np.ndarray, b: np.ndarray) -> None:
    turn = rotations.between(a, b)
    unit_a, unit_b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    np.testing.assert_allclose(rotations.rotate(turn, unit_a), unit_b, atol=1e-7)
    angle = np.arctan2(np.linalg.norm(np.cross(unit_a, unit_b)), unit_a @ unit_b)
    assert np.linalg.norm(rotations.log(turn)) == pytest.approx(angle, abs=1e-6)


@given(axes)
def test_between_opposite_directions(axis: np.ndarray) -> None:
    turn = rotations.between(axis, -axis)
    np.testing.assert_allclose(rotations.rotate(turn, axis), -axis, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(turn), 1, atol=1e-12)


@given(arrays(np.float64, (20, 3, 4), elements=numbers))
def test_continuous_signs_are_the_same_rotations(raw: np.ndarray) -> None:
    quaternion = rotations.normalize(raw)
    continuous = rotations.make_continuous(quaternion)
    np.testing.assert_array_equal(np.abs(continuous), np.abs(quaternion))
    assert (np.sum(continuous[1:] * continuous[:-1], axis=-1) >= 0).all()
    np.testing.assert_array_equal(continuous[0], quaternion[0])


def test_continuous_of_nothing() -> None:
    assert rotations.make_continuous(np.zeros((0, 24, 4))).shape == (0, 24, 4)


def test_a_zero_quaternion_becomes_the_identity() -> None:
    np.testing.assert_array_equal(
        rotations.normalize(np.array([[0.0, 0, 0, 0], [0, 2, 0, 0]])), [[1, 0, 0, 0], [0, 1, 0, 0]]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3), (0,)])
def test_shapes_and_dtypes_are_kept(dtype: type, shape: tuple[int, ...]) -> None:
    vector = np.random.default_rng(0).normal(size=(*shape, 3)).astype(dtype)
    quaternion = rotations.exp(vector)
    results = {
        (*shape, 4): [
            quaternion,
            rotations.conjugate(quaternion),
            rotations.multiply(quaternion, quaternion),
            rotations.normalize(quaternion),
            rotations.from_matrix(rotations.to_matrix(quaternion)),
            rotations.between(vector, vector + dtype(1)),
        ],
        (*shape, 3): [rotations.log(quaternion), rotations.rotate(quaternion, vector)],
        (*shape, 3, 3): [rotations.to_matrix(quaternion)],
    }
    for expected, arrays_ in results.items():
        for array in arrays_:
            assert array.shape == expected
            assert array.dtype == dtype


@given(axes, st.floats(0, 3))
def test_cayley_turns_about_the_axis_by_twice_the_arctangent(axis: np.ndarray, length: float) -> None:
    axis = axis / np.linalg.norm(axis)
    expected = rotations.exp(axis * 2 * np.arctan(length / 2))
    np.testing.assert_allclose(rotations.cayley(axis * length), expected, atol=1e-12)
    np.testing.assert_allclose(rotations.cayley(-axis * length), rotations.conjugate(expected), atol=1e-12)


def test_the_memory_layout_stays() -> None:
    random = np.random.default_rng(0)
    time_last = random.normal(size=(4, 3, 7)).transpose(2, 1, 0)
    time_last /= np.linalg.norm(time_last, axis=-1, keepdims=True)
    vector = np.ascontiguousarray(time_last.transpose(2, 1, 0)[1:]).transpose(2, 1, 0)
    results = [
        rotations.normalize(time_last),
        rotations.conjugate(time_last),
        rotations.multiply(time_last, time_last),
        rotations.rotate(time_last, vector),
        rotations.log(time_last),
        rotations.exp(vector),
        rotations.cayley(vector),
        rotations.make_continuous(time_last),
    ]
    for result in results:
        assert result.transpose(2, 1, 0).flags.c_contiguous
        assert result.shape[:2] == (7, 3)
