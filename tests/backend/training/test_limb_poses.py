import math

import torch

from backend.body import TorchBody
from backend.features.initial_pose.usual_poses import bent_backwards
from backend.training import limb_poses, quaternions
from backend.training.chance import Chance
from smpl_rig.skeleton import INDEX

COUNT = 2000
SIDES = (("left", 1), ("right", -1))


def chance() -> Chance:
    return Chance(torch.device("cpu"), torch.Generator().manual_seed(0))


def joints(torch_body: TorchBody, poses: torch.Tensor) -> torch.Tensor:
    """(B, 24, 3) metres, body frame, the pelvis in the origin."""
    rest = torch_body.rest_joints(torch.zeros(1, 10)).expand(len(poses), -1, -1)
    _, places = torch_body.forward_kinematics(quaternions.matrix(poses), rest, -rest[:, 0])
    return places


def bone(places: torch.Tensor, side: str, start: str, end: str) -> torch.Tensor:
    """(B, 3) unit vectors."""
    vector = places[:, INDEX[f"{side}_{end}"]] - places[:, INDEX[f"{side}_{start}"]]
    return torch.nn.functional.normalize(vector, dim=-1)


def test_arms_at_rest_hang_or_are_raised_and_never_point_backwards(torch_body: TorchBody) -> None:
    places = joints(torch_body, limb_poses.at_rest(chance(), 400))
    for side, outwards in SIDES:
        arm = places[:, INDEX[f"{side}_wrist"]] - places[:, INDEX[f"{side}_shoulder"]]
        assert (outwards * arm[:, 0]).min() > -0.1
        assert arm[:, 1].min() < -0.4
        assert arm[:, 1].max() > 0.3


def test_no_hinge_bends_backwards() -> None:
    for pose in (limb_poses.anywhere, limb_poses.on_a_seat):
        assert bent_backwards(quaternions.log(pose(chance(), COUNT))).max() < 1e-6


def test_arms_reach_everywhere_but_behind_the_back(torch_body: TorchBody) -> None:
    places = joints(torch_body, limb_poses.anywhere(chance(), COUNT))
    for side, outwards in SIDES:
        upper = bone(places, side, "shoulder", "elbow")
        for direction in ((outwards, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1)):
            assert (upper @ torch.tensor(direction, dtype=torch.float32)).max() > math.cos(math.radians(15))
        level = upper[:, 1].abs() < 0.3
        behind = torch.rad2deg(torch.atan2(-upper[:, 2], outwards * upper[:, 0]))[level]
        assert -120 < behind.min() < -90, "degrees behind the side: across the chest"
        assert 40 < behind.max() < 60


def test_hardly_an_arm_goes_through_the_body(torch_body: TorchBody) -> None:
    """Told by wrists within 9 cm of the line from the hips to the neck."""
    places = joints(torch_body, limb_poses.anywhere(chance(), COUNT))
    hips = places[:, [INDEX["left_hip"], INDEX["right_hip"]]].mean(1)
    neck = places[:, INDEX["neck"]]
    for side, _ in SIDES:
        wrist = places[:, INDEX[f"{side}_wrist"]]
        along = (((wrist - hips) * (neck - hips)).sum(-1) / (neck - hips).square().sum(-1))[:, None]
        inside = (wrist - torch.lerp(hips, neck, along)).norm(dim=-1) < 0.09
        inside &= ((along > 0) & (along < 0.9))[:, 0]
        assert inside.float().mean() < 0.01


def test_who_sits_has_both_thighs_forwards_and_shins_below_or_ahead(torch_body: TorchBody) -> None:
    places = joints(torch_body, limb_poses.on_a_seat(chance(), COUNT))
    for side, _ in SIDES:
        thigh, shin = bone(places, side, "hip", "knee"), bone(places, side, "knee", "ankle")
        assert (thigh[:, 2] > 0.3).float().mean() > 0.97
        assert (thigh[:, 1] > -0.75).float().mean() > 0.97
        bend = torch.rad2deg(torch.arccos(torch.linalg.vecdot(thigh, shin)))
        assert (bend > 20).float().mean() > 0.95


def test_legs_are_crossed_by_some_and_each_way(torch_body: TorchBody) -> None:
    places = joints(torch_body, limb_poses.on_a_seat(chance(), COUNT))
    left, right = places[:, INDEX["left_ankle"]], places[:, INDEX["right_ankle"]]
    crossed = left[:, 0] < right[:, 0]
    assert 0.15 < crossed.float().mean() < 0.4
    higher = places[:, INDEX["left_knee"], 1] > places[:, INDEX["right_knee"], 1]
    assert 0.3 < higher[crossed].float().mean() < 0.7
