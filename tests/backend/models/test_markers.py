"""Markers lie on the body's skin, at both sides alike, and move as its vertices do."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from backend.body import TorchBody
from backend.models.markers import MARKER_COUNT, MARKER_NAMES, MarkerBody, Markers, embedded_markers, surface_markers
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX

AT = {name: row for row, name in enumerate(MARKER_NAMES)}


@pytest.fixture(scope="module")
def markers(body: Body) -> Markers:
    return surface_markers(body)


def rotations(count: int, seed: int = 0) -> Tensor:
    """(count, 24, 3, 3)."""
    vectors = 0.5 * torch.randn(count * 24, 3, generator=torch.Generator().manual_seed(seed))
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).view(-1, 3, 3)
    return torch.linalg.matrix_exp(skew).view(count, 24, 3, 3)


def test_there_are_the_papers_26() -> None:
    assert MARKER_COUNT == 26
    assert len(set(MARKER_NAMES)) == 26


def test_the_file_is_of_the_embedded_body(markers: Markers) -> None:
    shipped = embedded_markers()
    for one, other in (
        (shipped.points.template, markers.points.template),
        (shipped.points.shapedirs, markers.points.shapedirs),
        (shipped.points.weights, markers.points.weights),
        (shipped.joints, markers.joints),
        (shipped.joint_shapedirs, markers.joint_shapedirs),
    ):
        assert np.abs(np.asarray(one) - np.asarray(other)).max() <= 5.1e-6, "rounded to five places"
    assert np.allclose(shipped.points.weights.sum(1), 1, atol=1e-4)


def test_each_is_a_vertex_of_its_own(body: Body, markers: Markers) -> None:
    from_vertices = np.linalg.norm(markers.points.template[:, None] - body.v_template[None], axis=-1)
    assert (from_vertices.min(1) == 0).all()
    assert len(set(from_vertices.argmin(1))) == MARKER_COUNT
    apart = np.linalg.norm(markers.points.template[:, None] - markers.points.template[None], axis=-1)
    assert apart[~np.eye(MARKER_COUNT, dtype=bool)].min() > 0.04, "no two say the same"


def test_left_and_right_mirror_each_other(markers: Markers) -> None:
    places = markers.points.template
    for name in MARKER_NAMES:
        if name.startswith("left_"):
            mirrored = places[AT[f"right_{name.removeprefix('left_')}"]] * [-1, 1, 1]
            assert np.abs(places[AT[name]] - mirrored).max() < 0.005, name
            assert places[AT[name], 0] > 0.05, name
        elif not name.startswith("right_"):
            assert abs(places[AT[name], 0]) < 0.01, name


def test_they_are_where_their_names_say(markers: Markers) -> None:
    """Y up, facing +Z."""
    at = {name: markers.points.template[row] for name, row in AT.items()}
    joints = {name: markers.joints[row] for name, row in INDEX.items()}
    from_top = ("face", "chest", "navel", "left_hip", "left_knee", "left_ankle", "left_toe")
    heights = [at[name][1] for name in from_top]
    assert heights == sorted(heights, reverse=True)
    for front, behind in (("face", "nape"), ("chest", "back"), ("navel", "sacrum"), ("left_toe", "left_heel")):
        assert at[front][2] - at[behind][2] > 0.1, (front, behind)
    outwards = ("left_shoulder", "left_elbow", "left_wrist", "left_hand")
    sideways = [at[name][0] for name in outwards]
    assert sideways == sorted(sideways)
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        distance = np.linalg.norm(at[f"left_{name}"] - joints[f"left_{name}"])
        assert 0.01 < distance < 0.2, name


def test_they_move_as_their_vertices_do(body: Body, torch_body: TorchBody, markers: Markers) -> None:
    """The embedded body has no pose corrections, which markers leave out."""
    assert not torch_body.has_pose_corrections
    from_vertices = np.linalg.norm(markers.points.template[:, None] - body.v_template[None], axis=-1)
    chosen = from_vertices.argmin(1)
    turned, betas = rotations(4), torch.randn(4, 10, generator=torch.Generator().manual_seed(1))
    at_pelvis = -torch_body.rest_joints(betas)[:, 0]
    vertices = torch_body.vertices(turned, betas, at_pelvis)[:, chosen]
    found = MarkerBody(markers)(turned, betas)
    assert torch.allclose(found, vertices, atol=1e-5)


def test_at_rest_they_are_measured_from_the_pelvis(markers: Markers) -> None:
    at_rest = torch.eye(3).expand(1, 24, 3, 3)
    found = MarkerBody(markers)(at_rest, torch.zeros(1, 10))[0].numpy()
    assert np.allclose(found, markers.points.template - markers.joints[INDEX["pelvis"]], atol=1e-6)
    turned = at_rest.clone()
    half_turn = torch.diag(torch.tensor([-1.0, 1.0, -1.0]))
    turned[:, INDEX["pelvis"]] = half_turn
    assert np.allclose(MarkerBody(markers)(turned, torch.zeros(1, 10))[0].numpy(), found * [-1, 1, -1], atol=1e-6)


def test_a_bent_elbow_moves_the_hand_alone(markers: Markers) -> None:
    at_rest = torch.eye(3).expand(1, 24, 3, 3).clone()
    bent = at_rest.clone()
    bent[:, INDEX["left_elbow"]] = torch.tensor([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    module, betas = MarkerBody(markers), torch.zeros(1, 10)
    moved = (module(bent, betas) - module(at_rest, betas)).norm(dim=-1)[0]
    assert moved[AT["left_hand"]] > 0.3
    assert moved[AT["left_wrist"]] > 0.2
    for name in MARKER_NAMES:
        if name not in {"left_hand", "left_wrist", "left_elbow"}:
            assert moved[AT[name]] < 1e-5, name


def test_another_body_has_markers_of_its_own(body: Body) -> None:
    larger = replace(body, v_template=body.v_template * 1.1)
    assert np.allclose(surface_markers(larger).joints, surface_markers(body).joints * 1.1, atol=1e-6)
    found = surface_markers(larger).points.template
    assert np.linalg.norm(found - surface_markers(body).points.template * 1.1, axis=1).max() < 0.03
