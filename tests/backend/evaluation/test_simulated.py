from dataclasses import replace

import numpy as np
import pytest

from backend.evaluation.comparison import SHARED_JOINTS
from backend.evaluation.simulated import (
    Sequence,
    blazepose,
    blazepose_repaired,
    errors_by_joint,
    score,
    shared,
    shows_back,
)
from backend.people.tracks import LANDMARK_INDEX, Track
from smpl_rig.skeleton import INDEX


def has_no_error(joints: np.ndarray, sequence: Sequence) -> bool:
    found = score(joints, sequence)
    errors = [found[name] for name in ("pa_mpjpe", "mpjpe", "acc_err", "pa_mpjpe_back") if np.isfinite(found[name])]
    return (
        max(errors) < 1e-6 and found["pck"] == 100 and np.max(list(errors_by_joint(joints, sequence).values())) < 1e-6
    )


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
    return Sequence(track, np.diag([1000.0, 1000.0, 1.0]), joints, np.tile(np.eye(3), (60, 24, 1, 1)), np.zeros(10))


def test_the_truth_has_no_error(sequence: Sequence) -> None:
    assert has_no_error(shared(sequence.joints), sequence)


def test_what_was_not_observed_does_not_count(sequence: Sequence) -> None:
    wrong = shared(sequence.joints).copy()
    wrong[20] += 5.0
    assert has_no_error(wrong, sequence)


def test_one_joint_that_is_off_costs_its_part(sequence: Sequence) -> None:
    wrong = shared(sequence.joints).copy()
    place = SHARED_JOINTS.index("left_wrist")
    wrong[:, place, 0] += 0.119
    found, by_joint = score(wrong, sequence), errors_by_joint(wrong, sequence)["mpjpe_by_joint"]
    assert found["mpjpe"] == pytest.approx(119 / 12)
    assert by_joint == pytest.approx([119 if joint == place else 0 for joint in range(12)], abs=1e-6)
    assert found["pck"] == 100
    # 24 of the 31 thresholds, 0 to 115 mm, leave out one joint of twelve
    assert found["auc"] == pytest.approx(100 * (24 * 11 / 12 + 7) / 31)


def test_a_joint_beyond_the_threshold_is_not_correct(sequence: Sequence) -> None:
    wrong = shared(sequence.joints).copy()
    wrong[:, SHARED_JOINTS.index("right_knee"), 1] += 0.151
    assert score(wrong, sequence)["pck"] == pytest.approx(100 * 11 / 12)


def test_jitter_is_of_what_moves_about_the_hips(sequence: Sequence) -> None:
    seconds = sequence.track.timestamps_s[:, None]
    moved = np.zeros((60, 12, 3))
    moved[..., 0] = seconds**3  # all together: nothing moves about the hips
    assert score(moved, sequence)["jitter"] == pytest.approx(0, abs=1e-6)
    limbs = [place for place, name in enumerate(SHARED_JOINTS) if not name.endswith("hip")]
    moved[:, limbs, 1] = 5 * seconds**3  # whose third derivative is 30
    assert score(moved, sequence)["jitter"] == pytest.approx(30 * 10 / 12)


def test_the_back_is_scored_by_itself(sequence: Sequence) -> None:
    joints = sequence.joints.copy()
    left, right = INDEX["left_hip"], INDEX["right_hip"]
    joints[:, [left, right]] = (0.1, 0, 0), (-0.1, 0, 0)
    joints[40:, [left, right]] = joints[40:, [right, left]]
    turned = replace(sequence, joints=joints)
    wrong = shared(joints).copy()
    wrong[:40] = np.random.default_rng(3).normal(size=(40, 12, 3))
    assert score(wrong, turned)["pa_mpjpe"] > 100
    assert score(wrong, turned)["pa_mpjpe_back"] == pytest.approx(0, abs=1e-6)
    never = replace(turned, joints=joints[:1].repeat(60, axis=0))
    assert np.isnan(score(shared(never.joints), never)["pa_mpjpe_back"])


def test_back_and_front() -> None:
    joints = np.zeros((2, 24, 3))
    joints[:, INDEX["left_hip"], 0] = 0.1, -0.1  # somebody who faces the camera has their left on its right
    assert shows_back(joints).tolist() == [False, True]


def test_no_answer_has_no_error(sequence: Sequence) -> None:
    nothing = np.full((60, 12, 3), np.nan)
    assert np.isnan(list(score(nothing, sequence).values())).all()
    assert score(nothing, sequence).keys() == score(shared(sequence.joints), sequence).keys()
    assert np.isnan(list(errors_by_joint(nothing, sequence).values())).all()


def test_blazeposes_own_3d_is_bridged_over_gaps(sequence: Sequence) -> None:
    seen = blazepose(sequence)
    assert np.allclose(np.delete(seen, 20, axis=0), np.delete(shared(sequence.joints), 20, axis=0))
    assert np.allclose(seen[20], (seen[19] + seen[21]) / 2)
    without = replace(sequence.track, landmarks3d=np.full((60, 33, 3), np.nan))
    assert np.isnan(blazepose(replace(sequence, track=without))).all()


def test_the_fair_rival_shakes_less_and_stays_where_it_is(sequence: Sequence) -> None:
    noise = np.random.default_rng(1).normal(0, 0.03, sequence.track.landmarks3d.shape)
    shaken = replace(sequence.track, landmarks3d=sequence.track.landmarks3d + noise)
    noisy = replace(sequence, track=shaken)
    raw, smooth = score(blazepose(noisy), noisy), score(blazepose_repaired(noisy), noisy)
    assert smooth["acc_err"] < 0.2 * raw["acc_err"]
    assert smooth["mpjpe"] < raw["mpjpe"]
