import numpy as np
import pytest
import torch

from backend.features.initial_pose.usual_poses import bent_backwards, usual_pose
from smpl_rig import rotations
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES


def test_left_and_right_mirror_each_other() -> None:
    middle, deviation = usual_pose()
    for name in (name for name in JOINT_NAMES if name.startswith("left_")):
        left, right = INDEX[name], INDEX[name.replace("left_", "right_")]
        np.testing.assert_array_equal(middle[left], middle[right] * (1, -1, -1))
        np.testing.assert_array_equal(deviation[left], deviation[right])
    assert (deviation > 0).all()


def test_a_usual_body_stands_with_its_arms_down(rest_joints: np.ndarray) -> None:
    middle, _ = usual_pose()
    _, joints = forward_kinematics(rotations.exp(middle[None]), rest_joints, np.zeros((1, 3)))
    for side in ("left", "right"):
        assert joints[0, INDEX[f"{side}_wrist"], 1] < joints[0, INDEX[f"{side}_shoulder"], 1] - 0.2
        assert joints[0, INDEX[f"{side}_ankle"], 1] < joints[0, INDEX["pelvis"], 1] - 0.5


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("limb", [("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")])
def test_hinges_that_bend_backwards_cost(limb: tuple[str, str, str], side: str, rest_joints: np.ndarray) -> None:
    """Ankles that go behind the knee and hands that go before the elbow are free (body frame: z is ahead)."""
    above, hinge, below = (f"{side}_{joint}" for joint in limb)
    axis, ahead = (0, -1) if above.endswith("hip") else (1, 1)
    for angle in (-0.2, 0.2):
        bend = np.zeros((1, JOINT_COUNT, 3))
        bend[0, INDEX[hinge], axis] = angle
        _, joints = forward_kinematics(rotations.exp(bend), rest_joints, np.zeros((1, 3)))
        resting = rest_joints[INDEX[below]] - rest_joints[INDEX[hinge]]
        moved = joints[0, INDEX[below]] - joints[0, INDEX[hinge]] - resting
        cost = float(bent_backwards(torch.tensor(bend)).sum())
        assert cost == pytest.approx(0 if moved[2] * ahead > 0 else 0.5 * (0.2 / 0.05) ** 2)
