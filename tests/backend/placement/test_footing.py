from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.placement.footing import (
    ACCELERATION_M_S2,
    ACROSS_M,
    ALONG_PART,
    DRIFT_M_PER_ROOT_S,
    FLOOR_REACH_M,
    HEIGHT_M,
    footing_offsets,
)


def least_squares(points: np.ndarray, contacts: np.ndarray, seen_at: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The same minimum from its residuals, one by one, by a dense solver."""
    count, rows, right = len(points), [], []
    share = np.gradient(times) * 30

    def residual(parts: dict[int, np.ndarray], wanted: float, deviation: float) -> None:
        row = np.zeros((count, 3))
        for frame, part in parts.items():
            row[frame] = part
        rows.append(row.ravel() / deviation)
        right.append(wanted / deviation)

    for t in range(count):
        distance = np.linalg.norm(seen_at[t])
        ray = seen_at[t] / distance
        side = np.cross(ray, [0, 0, 1.0])
        side /= np.linalg.norm(side)
        for direction, deviation in (
            (ray, ALONG_PART * distance),
            (side, ACROSS_M),
            (np.cross(ray, side), ACROSS_M),
        ):
            residual({t: direction}, 0, deviation / np.sqrt(share[t]))
        for point in range(4):
            height = points[t, point, 2]
            weight = contacts[t, point] * np.exp(-0.5 * (height / FLOOR_REACH_M) ** 2) * share[t]
            if weight > 0:
                residual({t: np.array([0, 0, 1.0])}, -height, HEIGHT_M / np.sqrt(weight))
    for t in range(count - 1):
        step = times[t + 1] - times[t]
        for point in range(4):
            weight = min(contacts[t, point], contacts[t + 1, point])
            if weight > 0:
                for axis in np.eye(3):
                    wanted = (points[t] - points[t + 1])[point] @ axis
                    residual({t + 1: axis, t: -axis}, wanted, DRIFT_M_PER_ROOT_S * np.sqrt(step / weight))
    for t in range(1, count - 1):
        before, after = times[t] - times[t - 1], times[t + 1] - times[t]
        middle = (before + after) / 2
        for axis in np.eye(3):
            parts = {
                t - 1: axis / before / middle,
                t: -axis * (1 / before + 1 / after) / middle,
                t + 1: axis / after / middle,
            }
            residual(parts, 0, ACCELERATION_M_S2 / np.sqrt(30 * middle))
    return np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0].reshape(count, 3)


@given(st.integers(2, 12), st.integers(0, 1000))
def test_is_the_least_squares_solution(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal((0, 4, 0), 0.05, (count, 4, 3))
    contacts = random.random((count, 4)) * (random.random((count, 4)) < 0.7)
    seen_at = random.normal((0, 4, -0.5), 0.3, (count, 3))
    times = np.cumsum(random.uniform(0.01, 0.1, count))
    expected = least_squares(points, contacts, seen_at, times)
    np.testing.assert_allclose(footing_offsets(points, contacts, seen_at, times), expected, atol=1e-6)


@pytest.fixture
def wandering() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two feet that stand 4 m before a camera 1.4 m high, on a body whose distance is off by some centimetres."""
    random = np.random.default_rng(0)
    times = np.arange(90) / 30
    error = np.zeros((90, 3))
    error[:, 1] = 0.06 * np.sin(2 * np.pi * times / 0.7) + random.normal(0, 0.01, 90)
    feet = np.array([[-0.1, 4, 0], [-0.1, 3.8, 0], [0.1, 4, 0], [0.1, 3.8, 0]])
    return feet + error[:, None], np.array([0, 4, -0.5]) + error, times


def test_planted_feet_stay(wandering: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    points, seen_at, times = wandering
    offsets = footing_offsets(points, np.ones((90, 4)), seen_at, times)
    before, after = (np.abs(np.diff(path, axis=0)).mean() for path in (points, points + offsets[:, None]))
    assert after < before / 3
    assert np.abs((seen_at + offsets)[:, 1] - 4).max() < np.abs(seen_at[:, 1] - 4).max() / 2
    across = offsets[:, [0, 2]]
    assert np.abs(across).max() < 0.01


def test_feet_in_the_air_say_nothing(wandering: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    points, seen_at, times = wandering
    assert np.abs(footing_offsets(points, np.zeros((90, 4)), seen_at, times)).max() < 1e-12


def test_another_level_is_not_lifted_to_the_floor() -> None:
    """Somebody who has jumped down a metre stands still there."""
    times = np.arange(60) / 30
    points = np.tile([0.0, 6, -1.0], (60, 4, 1))
    offsets = footing_offsets(points, np.ones((60, 4)), np.tile([0, 6, 0.0], (60, 1)), times)
    assert np.abs(offsets).max() < 1e-3


@pytest.mark.parametrize("rate", [15.0, 60.0])
def test_any_frame_rate(rate: float) -> None:
    """The same wandering is taken away alike, however often it is looked at."""
    times = np.arange(round(3 * rate)) / rate
    error = np.zeros((len(times), 3))
    error[:, 1] = 0.06 * np.sin(2 * np.pi * times / 1.5)
    points = np.array([0, 4, 0]) + np.repeat(error[:, None], 4, axis=1)
    seen_at = np.array([0, 4, -0.5]) + error
    left = (error + footing_offsets(points, np.ones((len(times), 4)), seen_at, times))[:, 1]
    usual_times = np.arange(90) / 30
    usual = np.zeros((90, 3))
    usual[:, 1] = 0.06 * np.sin(2 * np.pi * usual_times / 1.5)
    usual_points = np.array([0, 4, 0]) + np.repeat(usual[:, None], 4, axis=1)
    usual_seen = np.array([0, 4, -0.5]) + usual
    usual_left = (usual + footing_offsets(usual_points, np.ones((90, 4)), usual_seen, usual_times))[:, 1]
    np.testing.assert_allclose(np.interp(usual_times, times, left), usual_left, atol=0.006)


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing(count: int) -> None:
    offsets = footing_offsets(np.zeros((count, 4, 3)), np.ones((count, 4)), np.ones((count, 3)), np.arange(count))
    np.testing.assert_array_equal(offsets, np.zeros((count, 3)))
