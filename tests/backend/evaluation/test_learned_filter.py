"""The filter that learns, on noise that it has not seen."""

import numpy as np
import pytest

from backend.evaluation.filters import Filter
from backend.evaluation.learned_filter import WINDOW, learned_filter


def pair(seed: int, frames: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Slow waves with white noise of 0.05, and without it."""
    random = np.random.default_rng(seed)
    times = np.arange(frames)[:, None, None] / 30
    truth = np.sin(2 * np.pi * random.uniform(0.2, 1, (12, 3)) * times + random.uniform(0, 6, (12, 3)))
    return truth + 0.05 * random.normal(size=truth.shape), truth


@pytest.fixture(scope="module")
def learned() -> Filter:
    return learned_filter("learned", [pair(seed) for seed in range(6)])


def test_it_takes_most_of_the_noise_away_and_leaves_the_motion(learned: Filter) -> None:
    noisy, truth = pair(100)
    assert np.abs(learned.run(noisy, 30, 1.0, 0) - truth).mean() < 0.5 * np.abs(noisy - truth).mean()


def test_strength_blends_from_what_was_captured(learned: Filter) -> None:
    noisy, _ = pair(100)
    full = learned.run(noisy, 30, 1.0, 0)
    np.testing.assert_allclose(learned.run(noisy, 30, 0.25, 0), 0.75 * noisy + 0.25 * full)


def test_far_from_the_origin_it_does_the_same(learned: Filter) -> None:
    noisy, _ = pair(100)
    np.testing.assert_allclose(learned.run(noisy + 10, 30, 1.0, 0), learned.run(noisy, 30, 1.0, 0) + 10, atol=1e-4)


@pytest.mark.parametrize("frames", [1, WINDOW - 1, WINDOW, WINDOW + 1])
def test_short_sequences_keep_their_length(learned: Filter, frames: int) -> None:
    noisy, _ = pair(3, frames)
    assert learned.run(noisy, 30, 1.0, 0).shape == noisy.shape
