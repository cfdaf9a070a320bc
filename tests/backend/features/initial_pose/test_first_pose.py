from dataclasses import replace

import numpy as np
import torch

from backend.body import TorchBody
from backend.demo.choreography import perform
from backend.features.initial_pose import rotation_vectors
from backend.features.initial_pose.evidence import evidence
from backend.features.initial_pose.figure import Figure
from backend.features.initial_pose.first_pose import first_pose, kabsch
from backend.features.landmark_points import landmark_points
from backend.people.tracks import LANDMARK_INDEX
from smpl_rig import rotations
from smpl_rig.body import Body

from ..performed_track import performed_track


def test_begins_at_the_answer_or_where_the_3d_points_limbs(body: Body) -> None:
    track = performed_track(body, np.zeros(10), perform(body.rest_joints(np.zeros(10)), 5.0))
    answer = rotations.to_matrix(rotations.exp(np.random.default_rng(2).normal(size=(len(track), 24, 3))))
    figure = Figure.of(TorchBody(body), landmark_points(body))
    seen = evidence(track, track.observed, None, answer, figure.device)
    pelvis, bend = first_pose(seen, figure, torch.zeros(10))
    np.testing.assert_allclose(pelvis, answer[:, 0], atol=1e-6)
    np.testing.assert_allclose(rotation_vectors.to_matrix(bend[:, 1:]), answer[:, 1:], atol=1e-5)

    pelvis, bend = first_pose(replace(seen, guess=None), figure, torch.zeros(10))
    local = torch.cat((pelvis[:, None], rotation_vectors.to_matrix(bend[:, 1:])), dim=1)
    begun = figure.landmarks(local, torch.zeros(len(track), 3), torch.zeros(10))
    knee, ankle = LANDMARK_INDEX["left_knee"], LANDMARK_INDEX["left_ankle"]
    shin, seen_shin = (places[:, ankle] - places[:, knee] for places in (begun, seen.world))
    along = torch.nn.functional.cosine_similarity(shin, seen_shin, dim=-1)
    assert along.min() > 0.95


def test_kabsch_finds_the_rotation_and_never_a_reflection() -> None:
    random = np.random.default_rng(1)
    points = random.normal(size=(20, 4, 3))
    turn = rotations.to_matrix(rotations.exp(random.normal(size=(20, 3))))
    found = kabsch(torch.tensor(points).float(), torch.tensor(points @ turn.swapaxes(1, 2)).float()).numpy()
    np.testing.assert_allclose(found, turn, atol=1e-4)
    mirrored = torch.tensor(points * np.array([-1, 1, 1])).float()
    np.testing.assert_allclose(torch.det(kabsch(torch.tensor(points).float(), mirrored)).numpy(), 1, atol=1e-5)
