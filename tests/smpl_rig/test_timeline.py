import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smpl_rig.timeline import Timeline

gaps = hnp.arrays(float, st.integers(5, 40), elements=st.floats(0.01, 0.2))


def second_derivative_matrix(times_s: np.ndarray) -> np.ndarray:
    """(T-2, T), row by row from the definition."""
    rows = np.zeros((len(times_s) - 2, len(times_s)))
    for t in range(1, len(times_s) - 1):
        h0, h1 = times_s[t] - times_s[t - 1], times_s[t + 1] - times_s[t]
        within = (h0 + h1) / 2
        rows[t - 1, t - 1 : t + 2] = 1 / (h0 * within), -(1 / h0 + 1 / h1) / within, 1 / (h1 * within)
    return rows


def slope_matrix(times_s: np.ndarray) -> np.ndarray:
    """(T-1, T), row by row from the definition."""
    return np.diff(np.eye(len(times_s)), axis=0) / np.diff(times_s)[:, None]


def shares(times_s: np.ndarray) -> np.ndarray:
    step = np.diff(times_s)
    return np.concatenate(([step[0] / 2], (step[:-1] + step[1:]) / 2, [step[-1] / 2]))


@given(gaps, st.integers(0, 5))
def test_bands_are_those_of_the_dense_matrix(gaps: np.ndarray, seed: int) -> None:
    times, random = np.cumsum(gaps), np.random.default_rng(seed)
    weight, stiffness = random.uniform(0, 1, (2, len(times))), random.uniform(0, 1e-4, (2, len(times) - 2))
    drag = random.uniform(0, 1e-2, (2, len(times) - 1))
    diagonal, first, second = Timeline(times).bands(weight, stiffness, drag)
    rows, slopes = second_derivative_matrix(times), slope_matrix(times)
    for system in range(2):
        bending = rows.T @ np.diag(stiffness[system] * shares(times)[1:-1]) @ rows
        moving = slopes.T @ np.diag(drag[system] * np.diff(times)) @ slopes
        dense = np.diag(weight[system] * shares(times)) + moving + bending
        built = np.diag(diagonal[system])
        for offset, band in ((1, first[system]), (2, second[system])):
            built += np.diag(band, offset) + np.diag(band, -offset)
        np.testing.assert_allclose(built, dense, rtol=1e-9, atol=1e-12 * np.abs(dense).max())


@given(gaps, st.integers(0, 5))
def test_what_bending_pulls_is_the_matrix_times_the_path(gaps: np.ndarray, seed: int) -> None:
    times, random = np.cumsum(gaps), np.random.default_rng(seed)
    stiffness, path = random.uniform(0, 1e-4, (1, len(times) - 2)), random.normal(size=(3, 1, len(times)))
    rows = second_derivative_matrix(times)
    bending = rows.T @ np.diag(stiffness[0] * shares(times)[1:-1]) @ rows
    timeline = Timeline(times)
    pull = timeline.pull(timeline.bending_force(stiffness, timeline.second_derivative(np.diff(path))))
    np.testing.assert_allclose(pull, -path @ bending, atol=1e-9 * np.abs(bending).max())


@given(gaps, st.integers(0, 5))
def test_what_moving_pulls_is_the_matrix_times_the_path_beside_all_else(gaps: np.ndarray, seed: int) -> None:
    times, random = np.cumsum(gaps), np.random.default_rng(seed)
    drag, path = random.uniform(0, 1e-2, (1, len(times) - 1)), random.normal(size=(3, 1, len(times)))
    slopes = slope_matrix(times)
    moving = slopes.T @ np.diag(drag[0] * np.diff(times)) @ slopes
    others, timeline = random.normal(size=path.shape), Timeline(times)
    pull = timeline.pull(timeline.moving_force(drag, np.diff(path)), others)
    np.testing.assert_allclose(pull, others - path @ moving, atol=1e-9 * np.abs(moving).max())


@given(gaps)
def test_the_second_derivative_of_a_parabola_is_constant(gaps: np.ndarray) -> None:
    times = np.cumsum(gaps)
    np.testing.assert_allclose(Timeline(times).second_derivative(np.diff(1.5 * times**2)), 3.0, rtol=1e-6)


@pytest.mark.parametrize("rate", [24.0, 30.0, 59.94, 120.0])
def test_second_difference_tells_a_steady_acceleration(rate: float) -> None:
    times = np.arange(100) / rate
    told = Timeline(times).second_difference(1.5 * times**2, 0.1)
    # linear interpolation between frames adds at most step^2 |x''| / 8 to each place
    np.testing.assert_allclose(told, 3.0, atol=3 * 3.0 / rate**2 / 8 / 0.1**2 + 1e-9)


def test_second_difference_of_too_short_a_path_is_none() -> None:
    times = np.arange(5) / 30
    assert not Timeline(times).second_difference(times**2, 0.1).any()


@given(gaps, st.floats(0.01, 1))
def test_mean_around_keeps_a_constant(gaps: np.ndarray, reach: float) -> None:
    values = np.full((2, len(gaps) - 2), 7.0)
    np.testing.assert_allclose(Timeline(np.cumsum(gaps)).mean_around(values, reach), 7.0, rtol=1e-9)


def test_mean_around_is_the_mean_over_its_reach() -> None:
    values = np.zeros((1, 98))
    values[0, 50] = 1.0
    mean = Timeline(np.arange(100) / 10).mean_around(values, 0.35)  # 0.7 s hold seven frames
    np.testing.assert_allclose(mean[0, 44:57], [0, 0, 0, *[1 / 7] * 7, 0, 0, 0], atol=1e-12)


@given(
    gaps=hnp.arrays(float, 3000, elements=st.floats(0.02, 0.05)),
    deviation=st.floats(1e-3, 0.1),
    spacing=st.sampled_from([0.01, 0.03, 1 / 15]),
)
@settings(max_examples=10)
def test_noise_is_told_apart_from_smooth_motion(gaps: np.ndarray, deviation: float, spacing: float) -> None:
    times = np.cumsum(gaps)
    smooth = np.tile(np.sin(times), (3, 1, 1))
    assert Timeline(times).noise_variance(smooth, spacing)[0] < 1e-8
    noise = deviation * np.random.default_rng(0).normal(size=(3, 1, 3000))
    assert Timeline(times).noise_variance(smooth + noise, spacing)[0] == pytest.approx(deviation**2, rel=0.2)


@pytest.mark.parametrize("gaps", [np.full(6000, 1 / 60), np.random.default_rng(1).uniform(0.01, 0.04, 4000)])
def test_noise_is_told_where_it_is(gaps: np.ndarray) -> None:
    times = np.cumsum(gaps)
    deviation = np.where(times < times[len(times) // 2], 0.002, 0.02)
    path = np.sin(times) + deviation * np.random.default_rng(0).normal(size=(3, 1, len(times)))
    variance = Timeline(times).noise_variance_around(path, 1 / 30, reach_s=5.0, growth=0.0, most=1.0)[0]
    assert variance.shape == (len(times) - 2,)
    quarter = len(times) // 4
    assert variance[quarter] == pytest.approx(0.002**2, rel=0.5)
    assert variance[3 * quarter] == pytest.approx(0.02**2, rel=0.5)
    capped = Timeline(times).noise_variance_around(path, 1 / 30, reach_s=5.0, growth=0.0, most=1e-5)[0]
    np.testing.assert_allclose(capped, np.minimum(variance, 1e-5))


def test_noise_of_frames_that_lie_far_apart_is_told_for_nearer_ones() -> None:
    times = np.arange(600) / 15
    path = np.random.default_rng(0).normal(size=(3, 1, 600))
    as_it_is, for_nearer = (
        Timeline(times).noise_variance_around(path, 1 / 30, reach_s=5.0, growth=growth, most=10.0) for growth in (0, 3)
    )
    np.testing.assert_allclose(for_nearer, as_it_is / 2**3)


@pytest.mark.parametrize("gaps", [[1.0] * 12, [0.01] * 6 + [3.0] * 6, [0.1] * 3])
def test_noise_around_few_or_far_frames_is_told_or_none(gaps: list[float]) -> None:
    times = np.cumsum(gaps)
    random = np.random.default_rng(0)
    path = random.normal(size=(3, 2, len(times)))
    variance = Timeline(times).noise_variance_around(path, 1 / 30, reach_s=0.5, growth=3.0, most=1.0)
    assert variance.shape == (2, len(times) - 2)
    assert np.isfinite(variance).all()


@pytest.mark.parametrize("gaps", [[1.0] * 12, [0.01] * 12, [0.01] * 6 + [3.0] * 6, [0.1] * 3])
def test_noise_of_few_or_far_frames_is_told_or_none(gaps: list[float]) -> None:
    times = np.cumsum(gaps)
    random = np.random.default_rng(0)
    variance = Timeline(times).noise_variance(random.normal(size=(3, 2, len(times))), 1 / 15)
    assert variance.shape == (2,)
    assert np.isfinite(variance).all()
