"""Landmarks lie on a body where its parts are, alike on both sides."""

import numpy as np
import pytest
import torch

from backend.body import TorchBody, limber_body
from backend.features.landmark_points import LandmarkPoints, LandmarkSkin, landmark_points
from backend.people.tracks import LANDMARK_INDEX, LANDMARK_NAMES
from smpl_rig.skeleton import INDEX


@pytest.fixture(scope="module")
def points() -> LandmarkPoints:
    return landmark_points(limber_body())


def test_both_sides_are_alike(points: LandmarkPoints) -> None:
    for name in LANDMARK_NAMES:
        if "left" in name:
            left = points.template[LANDMARK_INDEX[name]]
            right = points.template[LANDMARK_INDEX[name.replace("left", "right")]]
            # vertices of the two sides lie within millimetres of each other's mirror image
            assert left * (-1, 1, 1) == pytest.approx(right, abs=0.012), name
            assert left[0] > 0, name


def test_landmarks_lie_in_their_order(points: LandmarkPoints) -> None:
    def place(name: str) -> np.ndarray:
        return points.template[LANDMARK_INDEX[name]]

    down = ("left_ear", "left_shoulder", "left_hip", "left_knee", "left_ankle", "left_heel")
    assert np.all(np.diff([place(name)[1] for name in down]) < 0)
    outwards = ("left_hip", "left_shoulder", "left_elbow", "left_wrist", "left_index")
    assert np.all(np.diff([place(name)[0] for name in outwards]) > 0)
    ahead = ("left_heel", "left_ankle", "left_foot_index")
    assert np.all(np.diff([place(name)[2] for name in ahead]) > 0)
    face = ("left_ear", "left_eye", "nose")
    assert np.all(np.diff([place(name)[2] for name in face]) > 0)


def test_limbs_landmarks_move_with_their_joints_and_lie_near_them(points: LandmarkPoints) -> None:
    body = limber_body()
    joints = body.rest_joints(np.zeros(10))
    for name in ("shoulder", "elbow", "wrist", "knee", "ankle"):
        landmark, joint = LANDMARK_INDEX[f"left_{name}"], INDEX[f"left_{name}"]
        assert points.weights[landmark, joint] == 1.0
        assert np.linalg.norm(points.template[landmark] - joints[joint]) < 0.03
    assert points.weights.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_landmarks_of_a_body_at_rest_turn_and_move_with_its_pelvis(
    points: LandmarkPoints, torch_body: TorchBody
) -> None:
    generator = torch.Generator().manual_seed(0)
    betas, transl = torch.randn(5, 10, generator=generator), torch.randn(5, 3, generator=generator)
    poses = torch.eye(3).repeat(5, 24, 1, 1)
    turns, _ = torch.linalg.qr(torch.randn(5, 3, 3, generator=generator))
    poses[:, 0] = turns * torch.linalg.det(turns)[:, None, None]
    skin = LandmarkSkin(points)
    resting = skin.template + torch.einsum("lcb,nb->nlc", skin.shapedirs, betas)
    pelvis = torch_body.rest_joints(betas)[:, :1]
    wanted = (resting - pelvis) @ poses[:, 0].mT + pelvis + transl[:, None]
    assert skin.of_pose(torch_body, poses, betas, transl).numpy() == pytest.approx(wanted.numpy(), abs=1e-5)
