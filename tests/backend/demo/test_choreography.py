import numpy as np
import pytest

from backend.demo.choreography import DURATION_S, perform
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
