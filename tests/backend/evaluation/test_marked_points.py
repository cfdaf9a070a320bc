"""Landmarks that are marked beside their places by known amounts are found there."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.body import TorchBody, limber_body
from backend.evaluation.marked_points import offsets
from backend.evaluation.renders import Film
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.people.tracks import LANDMARK_NAMES, Track
from smpl_rig import rotations
from smpl_rig.skeleton import INDEX

FRAMES = 24
K = np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]])
#: On the left side, metres: outwards, up, ahead.
MARKED = {"ear": (-0.03, 0.01, 0.04), "ankle": (0.0, 0.02, 0.01), "thumb": (0.02, 0.0, -0.03)}


@pytest.fixture(scope="module")
def film() -> Film:
    """Somebody who turns about once and swings arms and legs, marked beside as ``MARKED`` says."""
    body, points = limber_body(), landmark_points(limber_body())
    local = np.tile(rotations.IDENTITY, (FRAMES, 24, 1))
    swing = np.sin(np.linspace(0, 2 * np.pi, FRAMES))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for joint in ("hip", "shoulder", "knee"):
            local[:, INDEX[f"{side}_{joint}"]] = rotations.exp(sign * 0.5 * swing[:, None] * np.array([1.0, 0, 0.5]))
    heading = np.linspace(0, 2 * np.pi, FRAMES)[:, None] * np.array([0.0, 1, 0])
    local[:, 0] = rotations.multiply(rotations.exp(np.array([np.pi, 0, 0])), rotations.exp(heading))  # y down
    rest = TorchBody(body).rest_joints(torch.zeros(1, 10))
    turned, places = TorchBody(body).forward_kinematics(
        torch.tensor(rotations.to_matrix(local), dtype=torch.float32),
        rest,
        torch.tensor([[0.0, 0.2, 4.0]]).expand(FRAMES, -1),
    )
    moved = torch.tensor([_marked(name) for name in LANDMARK_NAMES], dtype=torch.float32)[None]
    landmarks = LandmarkSkin(points)(turned, places, rest, torch.zeros(1, 10), moved).double().numpy()
    projected = landmarks @ K.T
    seen = np.ones((FRAMES, 33, 3))
    seen[..., :2] = projected[..., :2] / projected[..., 2:]
    boxes = np.tile([0.0, 0, 100, 100], (FRAMES, 1))
    observed = np.ones(FRAMES, dtype=bool)
    track = Track(0, np.arange(FRAMES), np.arange(FRAMES) / 30, seen, np.zeros((FRAMES, 33, 3)), boxes, observed)
    joints = places.double().numpy()
    return Film(joints, local, np.eye(4), K, np.array([1280, 720]), np.zeros(10), None, track)


def _marked(landmark: str) -> tuple[float, float, float]:
    outwards, up, ahead = next((offset for part, offset in MARKED.items() if part in landmark), (0.0, 0.0, 0.0))
    return (-outwards if landmark.startswith("right") else outwards), up, ahead


def test_what_is_marked_beside_its_place_is_found_there_and_nothing_else(film: Film) -> None:
    found = offsets([film])
    assert len(found) == 17  # of 33 landmarks; left and right are one
    for part, offset in found.items():
        assert offset == pytest.approx(MARKED.get(part, (0, 0, 0)), abs=2e-4), part


def test_landmarks_that_are_not_seen_or_mistaken_tell_nothing(film: Film) -> None:
    assert film.track is not None
    seen = film.track.landmarks2d.copy()
    ankle = LANDMARK_NAMES.index("left_ankle")
    seen[::3, ankle, 0] += 300  # more than a metre
    seen[1::3, ankle] = (0, 0, 0.1)
    wrong = replace(film, track=replace(film.track, landmarks2d=seen))
    assert offsets([wrong, replace(film, track=None)])["ankle"] == pytest.approx(MARKED["ankle"], abs=2e-4)


def test_what_is_never_seen_has_no_place(film: Film) -> None:
    assert film.track is not None
    seen = film.track.landmarks2d.copy()
    seen[:, [LANDMARK_NAMES.index(name) for name in ("left_heel", "right_heel")], 2] = 0
    assert np.isnan(offsets([replace(film, track=replace(film.track, landmarks2d=seen))])["heel"]).all()
