"""Feet that rest, on motion whose feet are known to stand or to move."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import resting_feet, rotations
from smpl_rig.kinematics import forward_kinematics, joint_positions
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.skeleton import INDEX
from smpl_rig.soles import sole_points
from smpl_rig.timeline import Timeline

MakeMotion = Callable[..., Motion]
LEGS = [INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("hip", "knee", "ankle", "foot")]


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    timeline: Timeline
    turned: np.ndarray
    positions: np.ndarray
    rest: np.ndarray

    @property
    def soles(self) -> np.ndarray:
        return sole_points(self.turned, self.positions, self.rest)

    def held(self, still: np.ndarray, strength: float = 1.0) -> "Body":
        times = np.full(len(self.turned), strength)
        turned, positions = resting_feet.hold(self.timeline, self.turned, self.positions, self.rest, still, times)
        return Body(self.timeline, turned, positions, self.rest)


def body(motion: Motion) -> Body:
    rest = motion.rest_joints.astype(np.float64)
    turned, positions = forward_kinematics(motion.local_rotations, rest, motion.trans.astype(np.float64))
    return Body(Timeline(motion.timestamps_s), turned, positions, rest)


def sliding(make_motion: MakeMotion, velocity: tuple[float, float, float], frame_rate: float = 30.0) -> Motion:
    """Somebody with bent knees who keeps a pose and is carried along for two seconds."""
    standing = make_motion(frames=round(2 * frame_rate), frame_rate=frame_rate, speed=0)
    local = standing.local_rotations.copy()
    for side in ("left", "right"):
        for joint, bend in (("hip", -0.4), ("knee", 0.8), ("ankle", -0.4)):
            local[:, INDEX[f"{side}_{joint}"]] = rotations.exp(np.array([bend, 0, 0]))
    path = standing.trans[:1] + standing.timestamps_s[:, None] * np.array(velocity)
    return standing.with_pose(local, path)


def travelled(points: np.ndarray) -> np.ndarray:
    """(T, P, 3) -> (P,) metres along the way."""
    return np.linalg.norm(np.diff(points, axis=0), axis=-1).sum(axis=0)


@pytest.mark.parametrize("frame_rate", [12, 30, 120])
def test_a_foot_that_rests_hardly_slides_and_the_other_goes_on(make_motion: MakeMotion, frame_rate: float) -> None:
    carried = body(sliding(make_motion, (0.04, 0.02, 0.0), frame_rate))
    still = np.zeros((len(carried.turned), 4))
    still[:, :2] = 1
    held = carried.held(still)
    before, after = travelled(carried.soles), travelled(held.soles)
    assert (after[:2] < 0.1 * before[:2]).all()
    np.testing.assert_allclose(held.soles[:, 2:], carried.soles[:, 2:], atol=1e-9)
    # it stands in the middle of where it was carried to
    np.testing.assert_allclose(held.soles[:, :2].mean(axis=0), carried.soles[:, :2].mean(axis=0), atol=0.003)


def test_a_foot_that_lies_flat_does_not_turn(make_motion: MakeMotion) -> None:
    motion = sliding(make_motion, (0.0, 0.0, 0.0))
    local = motion.local_rotations.copy()
    swivel = 0.1 * np.sin(2 * np.pi * motion.timestamps_s)
    ankle = INDEX["right_ankle"]
    local[:, ankle] = rotations.multiply(local[:, ankle], rotations.exp(swivel[:, None] * np.array([0.0, 1.0, 0.0])))
    swivelling = body(motion.with_pose(local, motion.trans))
    held = swivelling.held(np.ones((len(local), 4)))
    assert (travelled(held.soles) < np.maximum(0.1 * travelled(swivelling.soles), 0.002)).all()


def test_heel_and_toe_take_over_from_each_other(make_motion: MakeMotion) -> None:
    """A foot rolls from heel to toe: each stays while it rests, and the foot goes on rolling."""
    motion = sliding(make_motion, (0.03, 0.0, 0.0))
    local = motion.local_rotations.copy()
    roll = 0.15 * np.clip((motion.timestamps_s - 0.8) / 0.4, 0, 1)
    ankle = INDEX["left_ankle"]
    local[:, ankle] = rotations.multiply(local[:, ankle], rotations.exp(roll[:, None] * np.array([1.0, 0.0, 0.0])))
    rolling = body(motion.with_pose(local, motion.trans))
    on_heel, on_toe = motion.timestamps_s <= 0.8, motion.timestamps_s >= 0.8
    still = np.zeros((len(local), 4))
    still[on_heel, 0], still[on_toe, 1] = 1, 1
    held = rolling.held(still)
    for point, rests in ((0, on_heel), (1, on_toe)):
        assert travelled(held.soles[rests])[point] < 0.3 * travelled(rolling.soles[rests])[point]
    np.testing.assert_allclose(held.turned[:, ankle], rolling.turned[:, ankle], atol=1e-9)


@given(seed=st.integers(0, 1000), strength=st.floats(0.05, 1))
def test_only_legs_give_way_and_bones_keep_their_lengths(make_motion: MakeMotion, seed: int, strength: float) -> None:
    moving = body(make_motion(frames=40, seed=seed))
    still = np.random.default_rng(seed).uniform(size=(40, 4))
    held = moving.held(still, strength)
    others = [joint for joint in range(24) if joint not in LEGS]
    np.testing.assert_array_equal(held.turned[:, others], moving.turned[:, others])
    np.testing.assert_array_equal(held.positions[:, others], moving.positions[:, others])
    chain = joint_positions(held.turned, held.rest, held.positions[:, 0] - held.rest[0])
    np.testing.assert_allclose(held.positions, chain, atol=1e-9)


def test_nothing_changes_where_nothing_rests_or_nothing_is_asked(make_motion: MakeMotion) -> None:
    moving = body(make_motion(frames=30))
    for held in (moving.held(np.zeros((30, 4))), moving.held(np.ones((30, 4)), strength=0.0)):
        np.testing.assert_array_equal(held.turned, moving.turned)
        np.testing.assert_array_equal(held.positions, moving.positions)


def test_comes_with_the_strength_and_not_all_at_once(make_motion: MakeMotion) -> None:
    carried = body(sliding(make_motion, (0.05, 0.0, 0.0)))
    still = np.ones((60, 4))
    way = [travelled(carried.held(still, strength).soles).sum() for strength in (0.0, 0.01, 0.1, 0.3, 0.7, 1.0)]
    assert all(np.diff(way) < 0)
    assert way[1] > 0.95 * way[0]


@pytest.mark.parametrize(("velocity", "stands"), [((0.01, 0, 0), True), ((0, 0.5, 0), True), ((0.4, 0, 0), False)])
def test_stands_still_what_hardly_moves_in_the_picture(velocity: tuple[float, float, float], stands: bool) -> None:
    """Along the line of sight, feet that stand seem to move where a capture's depth wanders."""
    soles = np.zeros((60, 4, 3)) + np.arange(60)[:, None, None] / 30 * np.array(velocity)
    still = resting_feet.standing(soles, np.ones((60, 4)), np.arange(60) / 30, np.array([[0.0, -20.0, 0.0]]))
    assert (still > 0.6).all() if stands else (still < 0.01).all()


def test_legs_bend_by_little_even_where_they_are_straight(make_motion: MakeMotion) -> None:
    """A straight knee would have to bend by twenty degrees for a sole that bobs by a centimetre."""
    motion = make_motion(frames=60, speed=0)
    local = motion.local_rotations.copy()
    local[:, LEGS] = rotations.exp(np.zeros(3))
    bobbing = motion.trans[:1] + 0.01 * np.sin(2 * np.pi * motion.timestamps_s)[:, None] * np.array([0, 0, 1.0])
    straight = body(motion.with_pose(local, bobbing))
    held = straight.held(np.ones((60, 4)))
    knees = [INDEX["left_knee"], INDEX["right_knee"]]
    turned = rotations.log(rotations.relative(straight.turned[:, knees], held.turned[:, knees]))
    assert np.linalg.norm(turned, axis=-1).max() < 2 * resting_feet.MOST_BEND_RAD


def test_the_slider_keeps_resting_feet_in_their_place(make_motion: MakeMotion) -> None:
    """As captured, both feet drift apart, which no path of the whole body can undo."""
    motion = sliding(make_motion, (0.0, 0.0, 0.0))
    local = motion.local_rotations.copy()
    apart = 0.05 * motion.timestamps_s[:, None] * np.array([0.0, 0.0, 1.0])
    for side, sign in (("left", 1), ("right", -1)):
        hip = INDEX[f"{side}_hip"]
        local[:, hip] = rotations.multiply(rotations.exp(sign * apart), local[:, hip])
    motion = dataclasses.replace(motion.with_pose(local, motion.trans), contacts=np.ones((60, 4)))
    captured = travelled(body(motion).soles)
    assert captured.min() > 0.05
    for smoothness in (0.3, 0.5, 1.0):
        assert (travelled(body(refine(motion, smoothness)).soles) < 0.25 * captured).all()
    # not where the legs are to stay as they were captured
    kept = refine(motion, 0.5, parts={"legs": 0.0})
    assert (travelled(body(kept).soles) > 0.9 * captured).all()
