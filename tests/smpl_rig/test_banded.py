import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smpl_rig.banded import SecondDifferenceSystem


def dense_matrix(times_s: np.ndarray, confidence: np.ndarray, stiffness: float) -> np.ndarray:
    """The same normal equations, written out frame by frame from their definition."""
    frames = len(times_s)
    share = np.gradient(times_s)
    share[[0, -1]] = (times_s[1] - times_s[0]) / 2, (times_s[-1] - times_s[-2]) / 2
    second_difference = np.zeros((frames - 2, frames))
    for t in range(1, frames - 1):
        h0, h1 = times_s[t] - times_s[t - 1], times_s[t + 1] - times_s[t]
        within = (h0 + h1) / 2
        second_difference[t - 1, t - 1 : t + 2] = 1 / (h0 * within), -(1 / h0 + 1 / h1) / within, 1 / (h1 * within)
    inner = (times_s[2:] - times_s[:-2]) / 2
    share[1:-1] = inner
    return np.diag(confidence * share) + stiffness * second_difference.T @ np.diag(inner) @ second_difference


@given(
    frames=st.integers(3, 40),
    gaps=hnp.arrays(float, 40, elements=st.floats(0.01, 0.2)),
    confidence=hnp.arrays(float, (40, 2), elements=st.floats(1e-3, 1)),
    values=hnp.arrays(float, (40, 2, 3), elements=st.floats(-1, 1)),
    time_constant=st.floats(0.01, 0.3),
)
def test_agrees_with_the_dense_solution(
    frames: int, gaps: np.ndarray, confidence: np.ndarray, values: np.ndarray, time_constant: float
) -> None:
    times, confidence, values = np.cumsum(gaps[:frames]), confidence[:frames], values[:frames]
    system = SecondDifferenceSystem(times, confidence, time_constant**4)
    solved = system.solve(values)
    for column in range(2):
        dense = dense_matrix(times, confidence[:, column], time_constant**4)
        scale = np.abs(np.linalg.solve(dense, values[:, column])).max() + 1
        np.testing.assert_allclose(dense @ solved[:, column], values[:, column], atol=1e-8 * scale)


@pytest.mark.parametrize("frames", [3, 4, 5, 8, 17, 100])
def test_stiffness_gradient_vanishes_on_a_straight_path(frames: int) -> None:
    times = np.cumsum(np.linspace(0.01, 0.05, frames))
    system = SecondDifferenceSystem(times, np.ones((frames, 1)), 1e-4)
    steps = np.diff(times)[:, None, None] * np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(system.stiffness_gradient(steps), 0, atol=1e-9)
