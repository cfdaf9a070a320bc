import numpy as np
import pytest

from backend.evaluation.held_out import FRAMES, evaluate_held_out, held_out_sequences
from backend.evaluation.rivals import FAIR, RAW
from backend.evaluation.scores import TRUTH
from backend.evaluation.solutions import in_camera_motion
from backend.features.initial_pose import BodyInCamera
from backend.models import choose_network
from backend.training.motions import Library
from smpl_rig.body import Body
from smpl_rig.rotations import exp, from_matrix, multiply, to_matrix


@pytest.fixture(scope="module")
def library() -> Library:
    """Arms that swing; the clips for training stand still, so that whoever confuses them is found out."""
    frames = 200
    vectors = np.zeros((frames, 24, 3))
    vectors[:100, 16, 2] = np.sin(np.arange(100) / 8)
    local = exp(vectors)
    local[:, 0] = multiply(np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0]), local[:, 0])
    return Library(
        rotations=local,
        pelvis=np.tile([0.0, 0.0, 0.95], (frames, 1)),
        starts=np.array([0, 100]),
        lengths=np.array([100, 100]),
        rates=np.array([30.0, 30.0]),
        low=np.zeros(2),
        errors_m=np.zeros(2),
        names=np.array(["swing", "stand"]),
        subjects=np.array(["somebody", "nobody"]),
        sources=np.array(["made here", "made here"]),
        splits=np.array(["test", "train"]),
        refused_names=np.array([], dtype=str),
        refused_reasons=np.array([], dtype=str),
        body="limber",
    )


def test_only_the_test_part_is_drawn_and_always_the_same(library: Library) -> None:
    drawn, again = (list(held_out_sequences(library, 3, seed=1)) for _ in range(2))
    assert [act for act, _ in drawn] == ["somebody"] * 3
    for (_, one), (_, other) in zip(drawn, again, strict=True):
        assert np.array_equal(one.joints, other.joints)
        assert len(one.joints) == FRAMES
        wrists = one.joints[:, 20:22] - one.joints[:, :1]  # either: half of what is drawn is mirrored
        assert np.ptp(wrists, axis=0).max() > 0.1
        assert np.isfinite(one.track.landmarks3d[one.track.observed]).any()


def test_another_part_is_drawn_where_it_is_asked_for(library: Library) -> None:
    network = choose_network("auto")
    rows = evaluate_held_out(library, [network], count=1, seed=0, workers=1, frames=20, part="train")
    assert {row.act for row in rows} == {"nobody"}


def test_another_seed_draws_other_sequences(library: Library) -> None:
    (_, one), (_, other) = (next(held_out_sequences(library, 1, seed)) for seed in (1, 2))
    assert (one.joints != other.joints).any()


def test_every_answer_is_judged(library: Library) -> None:
    network = choose_network("auto")
    rows = evaluate_held_out(library, [network], count=1, seed=0, workers=1, frames=20)
    truth, *judged = rows
    assert truth.answer == TRUTH
    assert truth.pa_mpjpe == pytest.approx(0, abs=1e-3)
    assert truth.pve == pytest.approx(0, abs=1e-3)
    asked = [network, f"{network}, asked once", f"{network}, fitted", f"{network}, fitted, smoothed"]
    assert [row.answer for row in judged] == [RAW, FAIR, "per-frame", "per-frame, smoothed", *asked]
    assert all(0 < row.pa_mpjpe < 400 for row in judged)
    assert [np.isfinite(row.pve) for row in judged] == [False, False] + 6 * [True], "who has a body"
    assert len({row.pa_mpjpe for row in judged}) == 8
    assert judged[3].acc_err < judged[2].acc_err
    assert judged[0].jitter > truth.jitter


def test_a_motion_in_the_camera_has_the_same_joints(library: Library, body: Body) -> None:
    (_, sequence), *_ = held_out_sequences(library, 1, seed=2)
    local = exp(np.random.default_rng(0).normal(0, 0.3, (FRAMES, 24, 3)))
    found = BodyInCamera(
        to_matrix(local), np.linspace(-1, 1, 10), np.tile([0.1, 0.2, 4.0], (FRAMES, 1)), np.ones((FRAMES, 24))
    )
    motion = in_camera_motion(found, sequence.track, sequence.K, body)
    assert np.allclose(motion.joints_world[:, 0], body.rest_joints(found.betas)[0] + found.transl, atol=1e-5)
    assert np.abs(np.sum(motion.local_rotations * from_matrix(found.rotations), axis=-1)).min() > 1 - 1e-6
