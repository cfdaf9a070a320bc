import numpy as np
import pytest

from backend.demo.choreography import DURATION_S, perform
from smpl_rig import rotations
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX


@pytest.mark.parametrize("frame_rate", [24.0, 30.0, 60.0])
def test_planted_feet_do_not_slide(rest_joints: np.ndarray, frame_rate: float) -> None:
    performance = perform(rest_joints, frame_rate)
    ankles = performance.joints_world[:, [INDEX["left_ankle"], INDEX["right_ankle"]]]
    planted = performance.planted[1:] & performance.planted[:-1]
    moved = np.linalg.norm(np.diff(ankles, axis=0), axis=-1)
    assert moved[planted].max() < 2e-3


def test_nothing_sinks_into_the_floor(rest_joints: np.ndarray) -> None:
    assert perform(rest_joints, 30.0).joints_world[..., 2].min() > 0


def test_bones_keep_their_length_and_joints_follow_the_rotations(rest_joints: np.ndarray) -> None:
    performance = perform(rest_joints, 30.0)
    _, joints = forward_kinematics(performance.local_rotations, rest_joints, performance.trans)
    np.testing.assert_allclose(joints, performance.joints_world, atol=1e-9)


def test_is_a_function_of_time(rest_joints: np.ndarray) -> None:
    slow, fast = perform(rest_joints, 30.0), perform(rest_joints, 60.0)
    assert len(slow.timestamps_s) == round(DURATION_S * 30)
    apart = np.linalg.norm(fast.joints_world[::2] - slow.joints_world, axis=-1)
    assert apart.max() < 0.02


def test_turns_its_back_to_the_camera(rest_joints: np.ndarray) -> None:
    joints = perform(rest_joints, 30.0).joints_world
    across = joints[:, INDEX["left_hip"], 0] - joints[:, INDEX["right_hip"], 0]
    assert across.min() < -0.1  # from behind, the left hip lies to the left in the picture
    assert across.max() > 0.1


def test_moves_as_muscles_and_gravity_allow(rest_joints: np.ndarray) -> None:
    rate = 60.0
    joints = perform(rest_joints, rate).joints_world
    downward = -np.diff(joints[:, INDEX["pelvis"], 2], 2) * rate**2
    assert downward.max() < 9.81  # one foot always stands: nobody falls
    speeds = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * rate  # (T - 1, 24) metres a second
    assert speeds[:, INDEX["pelvis"]].max() < 2
    assert speeds.max() < 6


def test_one_foot_always_stands(rest_joints: np.ndarray) -> None:
    assert perform(rest_joints, 60.0).planted.any(axis=1).all()


def test_joints_bend_as_joints_do(rest_joints: np.ndarray) -> None:
    """Knees and elbows are hinges that bend one way; ankles do not twist far."""
    angles = rotations.log(perform(rest_joints, 30.0).local_rotations)  # (T, 24, 3) radians
    for side in ("left", "right"):
        knee = np.degrees(angles[:, INDEX[f"{side}_knee"]])
        assert knee[:, 0].min() > 0  # flexion, about x
        assert knee[:, 0].max() < 140
        assert np.abs(knee[:, 1:]).max() < 15
        elbow = np.degrees(angles[:, INDEX[f"{side}_elbow"]]) * (-1 if side == "left" else 1)
        assert elbow[:, 1].min() > 0
        assert elbow[:, 1].max() < 145
        ankle = np.degrees(np.linalg.norm(angles[:, INDEX[f"{side}_ankle"]], axis=-1))
        assert ankle.max() < 45


@pytest.mark.parametrize(
    ("moment_s", "what"),
    [
        (0.5, "walks to the picture's right"),
        (1.75, "shows its back"),
        (2.7, "waves"),
        (3.45, "squats"),
        (3.99, "stands"),
    ],
)
def test_does_what_it_says(rest_joints: np.ndarray, moment_s: float, what: str) -> None:
    joints = perform(rest_joints, 100.0).joints_world
    now, before = joints[round(moment_s * 100)], joints[round(moment_s * 100) - 10]
    standing = rest_joints[0, 1] - rest_joints[:, 1].min()
    place = {name: now[INDEX[name]] for name in ("pelvis", "head", "right_wrist", "left_hip", "right_hip")}
    assert {
        "walks to the picture's right": place["pelvis"][0] - before[0, 0] > 0.05,
        "shows its back": place["left_hip"][0] < place["right_hip"][0] - 0.1,
        "waves": place["right_wrist"][2] > place["head"][2] - 0.05,
        "squats": place["pelvis"][2] < 0.75 * standing,
        "stands": place["pelvis"][2] > 0.9 * standing,
    }[what]
