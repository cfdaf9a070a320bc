"""Limbs of two bones that reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.two_bone import LONGEST, Limb, reach, stiffness

LEG = Limb(np.array([0.02, 0.01, -0.45]), np.array([-0.01, 0.02, -0.4]), np.array([1.0, 0, 0]))
unit = st.floats(-1, 1)


def end_of(limb: Limb, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    return rotations.rotate(upper, limb.upper) + rotations.rotate(lower, limb.lower)


@given(st.tuples(unit, unit, unit), st.floats(0, 2), st.tuples(unit, unit, unit), st.floats(0.2, 0.84))
def test_what_is_in_reach_is_reached(
    turn: tuple[float, ...], bend: float, way: tuple[float, ...], distance: float
) -> None:
    upper = rotations.exp(np.array([turn]))
    lower = rotations.multiply(upper, rotations.exp(np.array([[bend, 0, 0]])))
    goal = np.array([way]) + 1e-3
    goal *= distance / np.linalg.norm(goal)
    np.testing.assert_allclose(end_of(LEG, *reach(LEG, upper, lower, goal)), goal, atol=1e-6)


def test_what_is_where_the_end_is_turns_nothing() -> None:
    upper = rotations.exp(np.array([[0.3, 0.2, -0.1]]))
    lower = rotations.multiply(upper, rotations.exp(np.array([[0.7, 0, 0]])))
    for before, after in zip((upper, lower), reach(LEG, upper, lower, end_of(LEG, upper, lower)), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-9)


def test_what_is_too_far_is_reached_for_with_a_limb_that_is_all_but_straight() -> None:
    still = np.tile(rotations.IDENTITY, (1, 1))
    end = end_of(LEG, *reach(LEG, still, still, np.array([[0, -2.0, 0]])))
    length = np.linalg.norm(LEG.upper) + np.linalg.norm(LEG.lower)
    np.testing.assert_allclose(end, [[0, -LONGEST * length, 0]], atol=1e-9)


def test_a_straight_leg_bends_at_its_hinge() -> None:
    straight = Limb(np.array([0, 0, -0.4]), np.array([0, 0, -0.4]), np.array([1.0, 0, 0]))
    still = np.tile(rotations.IDENTITY, (1, 1))
    upper, _ = reach(straight, still, still, np.array([[0, 0, -0.7]]))
    knee = rotations.rotate(upper, straight.upper)[0]
    assert knee[1] < -0.1  # forward, of a figure that faces -Y with its left at +X
    assert abs(knee[0]) < 1e-9


@pytest.mark.parametrize(("way", "within"), [("aside", 0.01), ("along", 0.15)])
def test_stiffness_says_how_far_bones_turn(way: str, within: float) -> None:
    halves = Limb(np.array([0, 0, -0.4]), np.array([0, 0, -0.4]), np.array([1.0, 0, 0]))
    upper = rotations.exp(np.array([[-0.6, 0, 0]]))
    lower = rotations.exp(np.array([[0.6, 0, 0]]))
    step = {"aside": np.array([0.001, 0.0, 0.0]), "along": np.array([0.0, 0.0, 0.001])}[way]
    thigh, shin = reach(halves, upper, lower, end_of(halves, upper, lower) + step)
    for before, after in ((upper, thigh), (lower, shin)):
        turned = np.linalg.norm(rotations.log(rotations.multiply(rotations.conjugate(before), after)))
        expected = np.sqrt(step @ stiffness(halves, upper, lower)[0] @ step)
        assert turned == pytest.approx(expected, rel=within)


def test_a_straight_limb_is_all_but_rigid_along_its_length() -> None:
    still = np.tile(rotations.IDENTITY, (1, 1))
    stiff = stiffness(LEG, still, still)[0]
    assert stiff[2, 2] > 50 * stiff[0, 0]
