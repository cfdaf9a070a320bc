"""Rolls of arms: shared between forearm and hand, and elbows' axes, known by construction."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import kinematics, rotations
from smpl_rig.arm_roll import elbow_tilt, share_forearm_roll, untilt_upper_arm
from smpl_rig.skeleton import INDEX, JOINT_COUNT

from ..foreign_figure import SIDES, flat_body

angles = st.floats(-1.2, 1.2)


def roll_of(quaternion: np.ndarray, axis: np.ndarray) -> float:
    """Twist about an axis, for swings short of half a turn."""
    return float(2 * np.arctan2(quaternion[1:] @ axis, quaternion[0]))


@given(angles, angles, angles, angles, angles)
def test_forearm_and_hand_take_half_each_and_nothing_moves(
    bend: float, forearm_roll: float, hand_roll: float, hand_bend: float, hand_aside: float
) -> None:
    local = np.tile(rotations.IDENTITY, (3, JOINT_COUNT, 1))
    for side in SIDES:
        swing = rotations.exp(np.array([0, bend, 0]))
        local[:, INDEX[f"{side}_elbow"]] = rotations.multiply(swing, rotations.exp(np.array([forearm_roll, 0, 0])))
        roll = rotations.exp(np.array([hand_roll, 0, 0]))
        local[:, INDEX[f"{side}_wrist"]] = rotations.multiply(roll, rotations.exp(np.array([0, hand_bend, hand_aside])))
    body = flat_body()
    shared = share_forearm_roll(local, body)
    before, places = kinematics.forward_kinematics(local, body, np.zeros(3))
    after, places_after = kinematics.forward_kinematics(shared, body, np.zeros(3))
    np.testing.assert_allclose(places_after, places, atol=1e-9)
    for side, sign in SIDES.items():
        elbow, wrist = INDEX[f"{side}_elbow"], INDEX[f"{side}_wrist"]
        assert np.allclose(np.abs(np.sum(after[:, wrist] * before[:, wrist], axis=-1)), 1)
        axis = np.array([sign, 0.0, 0.0])
        expected = sign * (forearm_roll + hand_roll) / 2
        assert roll_of(shared[0, elbow], axis) == pytest.approx(expected, abs=1e-9)
        assert roll_of(shared[0, wrist], axis) == pytest.approx(expected, abs=1e-9)


def test_a_roll_past_half_a_turn_goes_on() -> None:
    """A palm that turns from 100 to 260 degrees does not jump by a whole turn at 180."""
    degrees = np.deg2rad(np.linspace(100, 260, 33))
    local = np.tile(rotations.IDENTITY, (33, JOINT_COUNT, 1))
    local[:, INDEX["left_wrist"]] = rotations.exp(np.stack((degrees, 0 * degrees, 0 * degrees), axis=-1))
    shared = share_forearm_roll(local, flat_body())[:, INDEX["left_elbow"]]
    step = rotations.log(rotations.multiply(rotations.conjugate(shared[:-1]), shared[1:]))
    np.testing.assert_allclose(step[:, 0], np.deg2rad(160 / 32 / 2), atol=1e-9)


@given(st.floats(-0.9, 0.9), st.integers(0, 999))
def test_the_tilt_of_elbows_is_found_and_undone(tilt: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    local = np.tile(rotations.IDENTITY, (120, JOINT_COUNT, 1))
    local[:, 0] = rotations.normalize(random.normal(size=4))
    bend = 1 + 0.5 * np.sin(np.arange(120) / 10)
    for side, sign in SIDES.items():
        axis = sign * np.array([0, -np.cos(tilt), np.sin(tilt)])
        local[:, INDEX[f"{side}_elbow"]] = rotations.exp(bend[:, None] * axis)
    turned = kinematics.global_rotations(local)
    body = flat_body()
    found = elbow_tilt(turned, body, 30.0)
    assert found == pytest.approx(tilt, abs=0.05), "what is expected without being seen draws it a little towards 0"
    for side, sign in SIDES.items():
        axis = sign * np.array([0, -np.cos(tilt), np.sin(tilt)])
        roll = untilt_upper_arm(side, tilt, body)
        seen_from_rolled = rotations.rotate(rotations.conjugate(roll), axis)
        np.testing.assert_allclose(seen_from_rolled, [0, -sign, 0], atol=1e-9)


def test_straight_arms_tell_nothing() -> None:
    turned = np.tile(rotations.IDENTITY, (50, JOINT_COUNT, 1))
    assert elbow_tilt(turned, flat_body(), 30.0) == 0
