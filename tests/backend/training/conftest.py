"""Motion to draw from: a person who stands, walks on the spot and waves, made here."""

import math

import pytest
import torch

from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.training import quaternions
from backend.training.variety import Clips
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX, JOINT_COUNT


@pytest.fixture(scope="session")
def clips() -> Clips:
    return made_clips()


def made_clips() -> Clips:
    """Two clips, of 200 frames at 30 and 12 frames at 60 frames per second; the second lies low."""
    frames = 212
    vectors = torch.zeros(frames, JOINT_COUNT, 3)
    swing = torch.sin(2 * math.pi * torch.arange(frames) / 30)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        vectors[:, INDEX[f"{side}_hip"], 0] = -0.3 + 0.3 * sign * swing
        vectors[:, INDEX[f"{side}_knee"], 0] = 0.5 + 0.4 * swing
        vectors[:, INDEX[f"{side}_shoulder"], 2] = -1.1 * sign
        vectors[:, INDEX[f"{side}_elbow"], 1] = sign * (-0.7 + 0.5 * swing)
    local = quaternions.exp(vectors)
    local[:, 0] = torch.tensor(rotations.from_matrix(WORLD_FROM_BODY))
    pelvis = torch.tensor([0.0, 0.0, 0.95]) + torch.stack((0.2 * swing, torch.zeros(frames), 0.02 * swing), dim=-1)
    return Clips(
        local,
        pelvis,
        starts=torch.tensor([0, 200]),
        lengths=torch.tensor([200, 12]),
        rates=torch.tensor([30.0, 60.0]),
        low=torch.tensor([0.0, 1.0]),
    )


@pytest.fixture(scope="session")
def skin(body: Body) -> LandmarkSkin:
    return LandmarkSkin(landmark_points(body))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
