"""Terms whose value is known by construction."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.features.initial_pose import FitSettings, energy
from backend.features.initial_pose.evidence import Evidence
from smpl_rig import rotations

FRAMES, RATE = 61, 30.0
GRAVITY_M_S2 = 9.81
SETTINGS = FitSettings()
STANDS = torch.eye(3).expand(FRAMES, 24, 3, 3)


@pytest.fixture
def seen() -> Evidence:
    """Two seconds of which nothing is known but their times."""
    none = torch.zeros(FRAMES, 33)
    return Evidence(
        times=torch.arange(FRAMES, dtype=torch.float64) / RATE,
        observed=none[:, 0],
        image=none[..., None].expand(-1, -1, 2),
        image_weight=none,
        height=none[:, 0] + 100,
        world=none[..., None].expand(-1, -1, 3),
        world_weight=none,
        trusted=none[:, 0],
        behind=none[:, :2],
        turns=None,
        guess=None,
    )


def pelvis(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Tensor:
    return torch.tensor(np.stack(np.broadcast_arrays(x, y, z), axis=-1))


TIMES = np.arange(FRAMES) / RATE


def cost(seen: Evidence, places: Tensor) -> float:
    return float(energy.accelerations(seen, STANDS.double(), places, SETTINGS))


def test_whoever_goes_straight_on_costs_nothing(seen: Evidence) -> None:
    assert cost(seen, pelvis(1.5 * TIMES, 0.1 * TIMES, 4 - TIMES)) == pytest.approx(0, abs=1e-6)


def test_a_fall_costs_as_much_as_its_acceleration(seen: Evidence) -> None:
    """Across the line of sight and along it, for 59 frames that have two neighbours."""
    path = 0.5 * GRAVITY_M_S2 * TIMES**2
    for places, deviation in (
        (pelvis(0, path, 30), SETTINGS.acceleration[0]),
        (pelvis(0, 0, path), SETTINGS.acceleration[1]),
    ):
        assert cost(seen, places) == pytest.approx(59 * 0.5 * (GRAVITY_M_S2 / deviation) ** 2, rel=1e-6)


def test_a_camera_that_turns_does_not_move_whoever_stands(seen: Evidence) -> None:
    turns = rotations.to_matrix(rotations.exp(0.3 * np.sin(3 * TIMES)[:, None] * (0, 1, 0)))
    standing = np.array([0.2, 0.1, 4.0])
    in_camera = torch.tensor(np.einsum("tji,j->ti", turns, standing))
    poses = STANDS.double().clone()
    poses[:, 0] = torch.tensor(turns).transpose(1, 2)
    told = replace(seen, turns=torch.tensor(turns))
    assert float(energy.accelerations(told, poses, in_camera, SETTINGS)) == pytest.approx(0, abs=1e-6)
    assert float(energy.accelerations(seen, poses, in_camera, SETTINGS)) > 1


def test_what_lies_far_from_the_picture_stops_to_count(seen: Evidence) -> None:
    """Landmarks one deviation away cost half, less what the shoulder takes; none costs more than four and a half."""
    K = torch.tensor([[1000.0, 0, 0], [0, 1000, 0], [0, 0, 1]])
    one = replace(seen.of(np.arange(1)), image_weight=torch.eye(33)[:1])
    costs = []
    for pixels in (SETTINGS.image * 100, 1e6):
        landmarks = torch.tensor([pixels / 1000, 0, 1.0]).expand(1, 33, 3)
        costs.append(float(energy.far_from_picture(one, landmarks, K, SETTINGS)))
    assert costs == pytest.approx([0.5 * 9 / 10, 4.5], rel=1e-4)
