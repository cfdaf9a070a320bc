import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.evaluation.plausibility import (
    bone_length_change,
    penetration,
    reprojection_error,
    skate,
    still_in_picture,
)

K = np.array([[1000.0, 0, 320], [0, 1000, 240], [0, 0, 1]])


def seen(points: np.ndarray) -> np.ndarray:
    pixels = points @ K.T
    return np.concatenate((pixels[..., :2] / pixels[..., 2:], np.ones((*points.shape[:2], 1))), axis=-1)


@given(seed=st.integers(0, 20), right=st.floats(-50, 50), down=st.floats(-50, 50), height=st.floats(50, 500))
def test_reprojection_error_is_a_part_of_the_height(seed: int, right: float, down: float, height: float) -> None:
    points = np.random.default_rng(seed).normal(size=(4, 5, 3)) + np.array([0, 0, 9])
    landmarks, observed, heights = seen(points), np.array([True, True, False, True]), np.full(4, height)
    landmarks[..., :2] += (right, down)
    landmarks[2, :, :2] = np.nan
    landmarks[0, 0] = (9999, 9999, 0.1)  # was hardly seen
    measured = reprojection_error(points, landmarks, K, heights, observed)
    np.testing.assert_allclose(measured, 100 * np.hypot(right, down) / height, atol=1e-6)


def test_behind_the_camera_is_not_in_the_picture() -> None:
    behind = np.array([[[0.1, 0.1, -2.0]]])
    assert reprojection_error(behind, seen(behind), K, np.array([400.0]), np.ones(1, dtype=bool)) > 1000


@given(part=st.floats(0, 0.5), metres=st.floats(0.1, 2))
def test_bones_that_breathe(part: float, metres: float) -> None:
    """Lengths of 1 + p and 1 - p have the mean 1 and the deviation p; the other bone stays as it is."""
    joints = np.zeros((7, 3, 3))
    joints[:, 1, 0] = metres * (1 + part * np.array([1, -1, 1, -1, 1, -1, 99]))
    joints[:, 2, 1] = metres
    observed = np.arange(7) < 6
    np.testing.assert_allclose(bone_length_change(joints, [(0, 1), (0, 2)], observed), 100 * part / 2, atol=1e-9)
    assert np.isnan(bone_length_change(joints, [(0, 1)], np.zeros(7, dtype=bool)))


@pytest.mark.parametrize("frame_rate", [24, 30, 60, 120])
def test_a_foot_stands_still_until_it_swings(frame_rate: int) -> None:
    """It stands for a second, then swings by one height of the person each second."""
    times = np.arange(2 * frame_rate) / frame_rate
    height = 300.0
    landmarks = np.ones((len(times), 2, 3))
    landmarks[:, 0, 0] = 100 + height * np.maximum(times - 1, 0)
    still = still_in_picture(landmarks, np.full(len(times), height), times, np.ones(len(times), dtype=bool))
    assert still[times < 0.89, 0].all()
    assert not still[times > 1.05, 0].any()
    assert still[:, 1].all()


def test_what_is_not_seen_is_not_still() -> None:
    times, heights = np.arange(30) / 30, np.full(30, 300.0)
    landmarks, observed = np.ones((30, 2, 3)), np.ones(30, dtype=bool)
    landmarks[10, 0] = (np.nan, np.nan, 0)
    observed[20] = False
    still = still_in_picture(landmarks, heights, times, observed)
    assert not still[7:14, 0].any()
    assert not still[17:24].any()
    assert still[:7].all()
    assert still[14:17].all()
    assert not still_in_picture(landmarks[:1], heights[:1], times[:1], observed[:1]).any()


@given(steps=st.lists(st.floats(0.01, 0.1), min_size=3, max_size=12), speed=st.floats(0, 3))
def test_skate_is_the_speed_of_what_should_rest(steps: list[float], speed: float) -> None:
    times = np.concatenate(([0.0], np.cumsum(steps)))
    points, still = np.zeros((len(times), 2, 3)), np.ones((len(times), 2), dtype=bool)
    points[:, 0, 2] = speed * times
    points[:, 1, 0] = 50 * times
    still[:, 1] = np.arange(len(times)) % 2 == 0  # never rests for two frames
    np.testing.assert_allclose(skate(points, still, times), 100 * speed, rtol=1e-6, atol=1e-9)
    assert np.isnan(skate(points, still & False, times))


def test_penetration_is_of_the_frames_below_the_floor() -> None:
    lowest = np.array([-0.02, 0.3, -0.04, -9.0])
    np.testing.assert_allclose(penetration(lowest, np.array([True, True, True, False])), 20.0)
