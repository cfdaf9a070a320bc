from dataclasses import replace

import numpy as np
import pytest

from backend.evaluation.answers import networks_to_measure, row_of, true_shape
from backend.evaluation.protocol import Shape
from backend.evaluation.simulated import Sequence
from backend.evaluation.solutions import embedded_body
from backend.models import NetworkError, choose_network
from backend.people.tracks import Track
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.rotations import exp, to_matrix

FRAMES = 8


@pytest.fixture(scope="module")
def sequence() -> Sequence:
    """Somebody of some shape in poses at random, 4 m away; landmarks that are not looked at."""
    rng = np.random.default_rng(0)
    body, betas = embedded_body(), rng.normal(size=10)
    local = exp(rng.normal(0, 0.3, (FRAMES, 24, 3)))
    transl = np.array([0.1, 0.2, 4.0]) + rng.normal(0, 0.01, (FRAMES, 3))
    _, joints = forward_kinematics(local, body.rest_joints(betas), transl)
    frames = np.arange(FRAMES)
    observed = frames != 3
    track = Track(
        0,
        frames,
        frames / 30,
        np.zeros((FRAMES, 33, 3)),
        np.zeros((FRAMES, 33, 3)),
        np.tile([0.0, 0, 1, 1], (FRAMES, 1)),
        observed,
    )
    return Sequence(track, np.eye(3), joints, to_matrix(local), betas)


def test_the_truth_stands_where_its_joints_are(sequence: Sequence) -> None:
    standing = replace(sequence, rotations=np.tile(np.eye(3), (FRAMES, 24, 1, 1)), betas=np.zeros(10))
    body = embedded_body()
    vertices = true_shape(standing).vertices
    assert vertices is not None
    wanted = body.v_template - body.rest_joints(np.zeros(10))[0] + sequence.joints[:, :1]
    assert np.allclose(vertices, wanted, atol=1e-5)


def test_vertices_are_scored_from_the_hips(sequence: Sequence) -> None:
    truth = true_shape(sequence)
    assert truth.vertices is not None

    def pve(shape: Shape) -> float:
        return row_of("act", 0, "answer", shape, truth, sequence).pve

    assert pve(truth) == pytest.approx(0, abs=1e-3)
    elsewhere = np.array([0.3, 0.0, -1.0])
    assert pve(Shape(truth.joints + elsewhere, truth.vertices + elsewhere)) == pytest.approx(0, abs=1e-3)
    assert pve(Shape(truth.joints, truth.vertices + np.array([0, 0.03, 0]))) == pytest.approx(30, abs=1e-3)
    unseen = truth.vertices.copy()
    unseen[3] += 1.0
    assert pve(Shape(truth.joints, unseen)) == pytest.approx(0, abs=1e-3)
    assert np.isnan(pve(Shape(truth.joints)))


def test_a_larger_body_has_a_vertex_error_where_its_joints_have_it(sequence: Sequence) -> None:
    """A body scaled about its hips: every point is off by a tenth of its distance from them."""
    truth = true_shape(sequence)
    assert truth.vertices is not None
    hips = truth.joints[:, 6:8].mean(axis=1, keepdims=True)
    larger = Shape(hips + 1.1 * (truth.joints - hips), hips + 1.1 * (truth.vertices - hips))
    row = row_of("act", 0, "answer", larger, truth, sequence)
    seen = sequence.track.observed
    assert row.pve == pytest.approx(100 * np.linalg.norm(truth.vertices - hips, axis=-1)[seen].mean(), rel=1e-3)
    assert row.mpjpe == pytest.approx(100 * np.linalg.norm(truth.joints - hips, axis=-1)[seen].mean(), rel=1e-3)
    assert row.pa_mpjpe == pytest.approx(0, abs=1e-3)


def test_networks_are_named_or_all_that_have_weights() -> None:
    assert networks_to_measure(["auto", "per-frame", choose_network("auto")]) == [choose_network("auto")]
    assert choose_network("auto") in networks_to_measure(None)
    assert "per-frame" not in networks_to_measure(None)
    with pytest.raises(NetworkError, match="unknown"):
        networks_to_measure(["nobody"])
