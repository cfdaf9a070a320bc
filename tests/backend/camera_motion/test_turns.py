import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.camera_motion.turns import angles, bridged, common_turns, homography_of_turn, steady_pixels
from backend.placement import intrinsics
from smpl_rig import rotations

K = intrinsics((480, 270))
small_turns = st.tuples(*[st.floats(-0.2, 0.2)] * 3)


def turn_about(vector: tuple[float, ...]) -> np.ndarray:
    return rotations.to_matrix(rotations.exp(np.array(vector)))


@given(small_turns, st.integers(0, 10))
def test_finds_the_turn_that_most_agree_on(vector: tuple[float, ...], seed: int) -> None:
    chance = np.random.default_rng(seed)
    here = chance.uniform((0, 0), (480, 270), (60, 2))
    turn = turn_about(vector)
    ends = np.column_stack((here, np.ones(60))) @ homography_of_turn(turn, K).T
    there = ends[:, :2] / ends[:, 2:]
    there[:6] += chance.normal(0, 40, (6, 2))
    counted = np.ones((1, 60), dtype=bool)
    counted[0, 50:] = False
    there[50:] = 0
    found, left = common_turns(there[None], here[None], counted, K)
    assert np.linalg.det(found[0]) == pytest.approx(1)
    assert angles(found[0].T @ turn) < np.radians(0.15)
    assert (left[0, 50:] == 0).all()
    assert left[0, 6:50].max() < 2


@given(small_turns, small_turns, st.floats(0, 1))
def test_bridges_by_the_shortest_way(first: tuple[float, ...], last: tuple[float, ...], part: float) -> None:
    known = turn_about(first), turn_about(last)
    unknown = np.full((3, 3), np.nan)
    turns = np.stack((unknown, known[0], unknown, known[1], unknown))
    filled = bridged(turns, np.array([0, 1, 1 + 0.98 * part + 0.01, 2, 3]))
    np.testing.assert_allclose(filled[[0, 4]], [known[0], known[1]], atol=1e-9)
    whole = angles(known[0].T @ known[1])
    assert angles(known[0].T @ filled[2]) == pytest.approx((0.98 * part + 0.01) * whole, abs=1e-6)
    assert angles(filled[2].T @ known[1]) == pytest.approx((0.99 - 0.98 * part) * whole, abs=1e-6)


def pan(angle: np.ndarray) -> np.ndarray:
    return rotations.to_matrix(rotations.exp(angle[:, None] * (0, 1, 0)))


def test_what_stands_still_does_so_in_steady_pixels() -> None:
    turns = pan(np.linspace(-0.7, 0.7, 50))
    seen = turns.swapaxes(1, 2) @ (0.1, 0.2, 1.0) @ K.T
    pixels = np.column_stack((seen[:, :2] / seen[:, 2:], np.ones(50)))[:, None]
    pixels[20, 0, :2] = np.nan
    steady = steady_pixels(pixels, K, turns)
    assert np.nanmax(np.ptp(np.delete(steady, 20, axis=0), axis=0)) < 1e-6
    assert np.isnan(steady[20, 0, :2]).all()


def test_steady_pixels_go_round() -> None:
    """What stays in the middle of a picture that turns once and a quarter goes all that way."""
    turns = pan(np.linspace(0, 2.5 * np.pi, 200))
    steady = steady_pixels(np.tile(K[:2, 2], (200, 1, 1)), K, turns)
    np.testing.assert_allclose(np.diff(steady[:, 0, 0]), 2.5 * np.pi / 199 * K[0, 0])
