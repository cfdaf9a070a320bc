"""Hands that touch, on arms of other lengths."""

import numpy as np
import pytest

from smpl_rig import kinematics, rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.retarget.reaching import reach_hands
from smpl_rig.retarget.retargeting import Performance, Retargeting
from smpl_rig.skeleton import INDEX
from smpl_rig.two_bone import Limb, reach

from .rigs import Build, BuiltRig, build_rig

OTHER = Build(arm=1.0, arms_down=0.6, trunk=0.85)


def touching(rest_joints: np.ndarray, goal: np.ndarray, frames: int = 40) -> Performance:
    """One who stands, and whose left wrist goes from beside the body to a goal (3,) in the body's axes."""
    local = np.tile(rotations.IDENTITY, (frames, 24, 1))
    at = {joint: rest_joints[index] for joint, index in INDEX.items()}
    arm = Limb(at["left_elbow"] - at["left_shoulder"], at["left_wrist"] - at["left_elbow"], np.array([0.0, -1.0, 0.0]))
    begin = at["left_shoulder"] + np.array([0.25, -0.25, 0.2])
    way = np.linspace(0, 1, frames)[:, None]
    still = np.tile(rotations.IDENTITY, (frames, 1))
    bent = rotations.multiply(still, rotations.exp(np.tile([0, -0.8, 0.0], (frames, 1))))
    upper, lower = reach(arm, still, bent, begin + way * (goal - begin) - at["left_shoulder"])
    local[:, INDEX["left_shoulder"]] = upper
    local[:, INDEX["left_elbow"]] = rotations.multiply(rotations.conjugate(upper), lower)
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    turned, joints = kinematics.forward_kinematics(local, rest_joints, np.zeros(3))
    joints = joints - [0, 0, joints[0, INDEX["left_foot"], 2] - 0.025]
    return Performance(turned, joints, rest_joints, np.zeros((frames, 4)), np.arange(frames) / 30)


def posed(built: BuiltRig, performance: Performance) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], float]:
    """Heads of bones without and with it, and the scale."""
    retargeting = Retargeting(built.rig, built.bones, performance.rest_joints)
    free = retargeting.follow(performance)
    led = reach_hands(retargeting, free, performance)
    return *(built.posed(retargeting.keys(pose))[1] for pose in (free, led)), retargeting.scale


@pytest.mark.parametrize(("place", "bone"), [("head", "skull"), ("pelvis", "b0")])
def test_a_hand_on_the_body_is_on_the_rigs_body(place: str, bone: str, rest_joints: np.ndarray) -> None:
    goal = rest_joints[INDEX[place]] + [0.05, 0.0, 0.06]
    performance = touching(rest_joints, goal)
    free, led, scale = posed(build_rig(OTHER, rest_joints), performance)
    theirs = performance.joints[-1, INDEX["left_wrist"]] - performance.joints[-1, INDEX[place]]
    assert np.linalg.norm(theirs) < 0.09
    off, was_off = (np.linalg.norm(heads["leftAwrist"][-1] - heads[bone][-1] - scale * theirs) for heads in (led, free))
    assert was_off > 0.02
    assert off < was_off / 3


def test_a_hand_that_is_near_nothing_is_left_alone(rest_joints: np.ndarray) -> None:
    performance = touching(rest_joints, rest_joints[INDEX["left_shoulder"]] + [0.3, 0.2, 0.1])
    free, led, _ = posed(build_rig(OTHER, rest_joints), performance)
    for bone in free:
        np.testing.assert_array_equal(free[bone], led[bone])


def test_a_hand_is_led_gradually(rest_joints: np.ndarray) -> None:
    performance = touching(rest_joints, rest_joints[INDEX["head"]] + [0.05, 0.0, 0.06], frames=90)
    free, led, _ = posed(build_rig(OTHER, rest_joints), performance)
    steps = np.linalg.norm(np.diff(led["leftAwrist"] - free["leftAwrist"], axis=0), axis=-1)
    assert 0 < steps.max() < 0.015


def test_the_other_arm_is_left_alone(rest_joints: np.ndarray) -> None:
    performance = touching(rest_joints, rest_joints[INDEX["head"]] + [0.05, 0.0, 0.06])
    free, led, _ = posed(build_rig(OTHER, rest_joints), performance)
    np.testing.assert_array_equal(free["rightAwrist"], led["rightAwrist"])
