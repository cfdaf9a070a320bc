from dataclasses import replace

import numpy as np
import pytest

from backend.evaluation.comparison import SHARED_JOINTS
from backend.evaluation.simulated import Sequence, blazepose, blazepose_repaired, score, shared
from backend.people.tracks import LANDMARK_INDEX, Track
from smpl_rig.skeleton import INDEX

NO_ERROR = pytest.approx({"pa_mpjpe": 0, "mpjpe": 0, "acc_err": 0}, abs=1e-6)


@pytest.fixture
def sequence() -> Sequence:
    """Joints that wave about; the detector's 3D is the truth, but of frame 20 it knows nothing."""
    rng = np.random.default_rng(0)
    frames = np.arange(60)
    joints = rng.normal(size=(1, 24, 3)) + 0.1 * np.sin(frames / 6 + rng.uniform(0, 6, (24, 3, 1))).transpose(2, 0, 1)
    landmarks3d = np.zeros((60, 33, 3))
    for name in SHARED_JOINTS:
        landmarks3d[:, LANDMARK_INDEX[name]] = joints[:, INDEX[name]]
    landmarks3d[20] = np.nan
    observed = frames != 20
    landmarks2d = np.concatenate((500 + 100 * np.nan_to_num(landmarks3d[..., :2]), np.ones((60, 33, 1))), axis=-1)
    landmarks2d[20] = (np.nan, np.nan, 0)
    boxes = np.tile([400.0, 300, 200, 300], (60, 1))
    track = Track(0, frames, frames / 30, landmarks2d, landmarks3d, boxes, observed)
    return Sequence(track, np.diag([1000.0, 1000.0, 1.0]), joints)


def test_the_truth_has_no_error(sequence: Sequence) -> None:
    assert score(shared(sequence.joints), sequence) == NO_ERROR


def test_what_was_not_observed_does_not_count(sequence: Sequence) -> None:
    wrong = shared(sequence.joints).copy()
    wrong[20] += 5.0
    assert score(wrong, sequence) == NO_ERROR


def test_one_joint_that_is_off_costs_its_part(sequence: Sequence) -> None:
    wrong = shared(sequence.joints).copy()
    wrong[:, SHARED_JOINTS.index("left_wrist"), 0] += 0.12
    assert score(wrong, sequence)["mpjpe"] == pytest.approx(10)  # 120 mm of one in twelve


def test_no_answer_has_no_error(sequence: Sequence) -> None:
    assert np.isnan(list(score(np.full((60, 12, 3), np.nan), sequence).values())).all()


def test_blazeposes_own_3d_is_bridged_over_gaps(sequence: Sequence) -> None:
    seen = blazepose(sequence)
    assert np.allclose(np.delete(seen, 20, axis=0), np.delete(shared(sequence.joints), 20, axis=0))
    assert np.allclose(seen[20], (seen[19] + seen[21]) / 2)
    without = replace(sequence.track, landmarks3d=np.full((60, 33, 3), np.nan))
    assert np.isnan(blazepose(replace(sequence, track=without))).all()


def test_the_fair_rival_shakes_less_and_stays_where_it_is(sequence: Sequence) -> None:
    noise = np.random.default_rng(1).normal(0, 0.03, sequence.track.landmarks3d.shape)
    shaken = replace(sequence.track, landmarks3d=sequence.track.landmarks3d + noise)
    noisy = Sequence(shaken, sequence.K, sequence.joints)
    raw, smooth = score(blazepose(noisy), noisy), score(blazepose_repaired(noisy), noisy)
    assert smooth["acc_err"] < 0.2 * raw["acc_err"]
    assert smooth["mpjpe"] < raw["mpjpe"]
