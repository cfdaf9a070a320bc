"""Filters against what their definitions say of sines, polynomials and steps."""

from itertools import pairwise

import numpy as np
import pytest

from backend.evaluation.filters import CLASSICAL, butterworth, gaussian, one_euro, savitzky_golay

RATE = 60.0
TIMES = np.arange(600) / RATE


def gain(filtered: np.ndarray, values: np.ndarray) -> float:
    middle = slice(150, -150)
    return float(np.std(filtered[middle]) / np.std(values[middle]))


@pytest.mark.parametrize("frequency_hz", [0.5, 1.0, 2.0, 4.0])
def test_gaussian_passes_of_a_sine_what_its_transform_says(frequency_hz: float) -> None:
    sine = np.sin(2 * np.pi * frequency_hz * TIMES)
    expected = np.exp(-((2 * np.pi * frequency_hz * 0.05) ** 2) / 2)
    assert gain(gaussian(sine, RATE, 0.05, 0), sine) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_butterworth_there_and_back_halves_a_sine_at_its_cutoff(order: int) -> None:
    sine = np.sin(2 * np.pi * 2.0 * TIMES)
    assert gain(butterworth(sine, RATE, 2.0, order), sine) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_savitzky_golay_keeps_polynomials_of_its_order(order: int) -> None:
    polynomial = (TIMES - 5) ** order
    np.testing.assert_allclose(savitzky_golay(polynomial, RATE, 0.3, order), polynomial, atol=1e-8)


def test_one_euro_without_beta_is_a_first_order_low_pass() -> None:
    step = np.where(np.arange(50) > 0, 1.0, 0.0)
    part = 1 / (1 + RATE / (2 * np.pi * 2.0))
    np.testing.assert_allclose(one_euro(step, RATE, 2.0, 0.0), 1 - (1 - part) ** np.arange(50), atol=1e-12)


def test_one_euro_lags_less_where_the_motion_is_fast() -> None:
    ramp = 5 * TIMES
    assert abs(one_euro(ramp, RATE, 1.0, 1.0)[-1] - ramp[-1]) < 0.2 * abs(one_euro(ramp, RATE, 1.0, 0.0)[-1] - ramp[-1])


@pytest.mark.parametrize("kind", CLASSICAL, ids=lambda kind: kind.name)
def test_strengths_rise_and_what_stands_still_stays(kind: object) -> None:
    from backend.evaluation.filters import Filter

    assert isinstance(kind, Filter)
    noise = np.random.default_rng(0).normal(size=(300, 2))
    still = np.full((300, 2), 3.0)
    left = []
    for strength in kind.strengths:
        np.testing.assert_allclose(kind.run(still, 30.0, strength, kind.constants[-1]), still, atol=1e-9)
        left.append(np.abs(np.diff(kind.run(noise, 30.0, strength, kind.constants[0]), 2, axis=0)).mean())
    assert all(later < earlier * 1.001 for earlier, later in pairwise(left))
