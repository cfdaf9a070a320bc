"""What a 3D keeps of depth, and what it adds, is told as it was made."""

import numpy as np
import pytest

from backend.body import limber_body
from backend.evaluation.bone_depths import bone_errors, bones, depths, errors_of, true_landmarks
from backend.evaluation.simulated import Sequence
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.people.tracks import LANDMARK_COUNT, LANDMARK_INDEX, LANDMARK_NAMES, Track

FRAMES = 40
ALONG_THE_AXIS = np.array([0.0, 0.0, 4.0])


def landmarks(seed: int = 0) -> np.ndarray:
    """(FRAMES, 33, 3) metres, the middle of the hips 4 m before the camera."""
    points = 0.4 * np.random.default_rng(seed).standard_normal((FRAMES, LANDMARK_COUNT, 3))
    return points - hips(points) + ALONG_THE_AXIS


def hips(points: np.ndarray) -> np.ndarray:
    return points[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=1, keepdims=True)


def test_every_landmark_hangs_on_one_bone_of_each_side() -> None:
    ends = [end for of_sides in bones().values() for bone in of_sides for end in bone.ends]
    assert set(LANDMARK_NAMES) <= set(ends)
    assert len(ends) == len(set(ends))


def test_what_is_kept_and_what_is_added() -> None:
    seen = landmarks() - ALONG_THE_AXIS
    wrist, fingers = LANDMARK_INDEX["left_wrist"], [LANDMARK_INDEX[f"left_{n}"] for n in ("pinky", "index", "thumb")]
    elbow = LANDMARK_INDEX["left_elbow"]
    forearm = seen[:, wrist, 2] - seen[:, elbow, 2]
    moved = seen[:, elbow, 2] + 0.4 * forearm + 0.05 - seen[:, wrist, 2]
    seen[:, [wrist, *fingers], 2] += moved[:, None]  # the hand goes along
    found = depths(landmarks(), seen)
    left, right = (bone_errors([side]) for side in found["wrist"])
    assert (left.kept, left.ahead_m) == pytest.approx((0.4, 0.05), abs=1e-5)
    assert (right.kept, right.ahead_m) == pytest.approx((1.0, 0.0), abs=1e-5)
    for name, of_sides in found.items():
        if name != "wrist":
            assert bone_errors(of_sides).kept == pytest.approx(1.0, abs=1e-5), name


def test_what_stays_is_told_from_what_wanders() -> None:
    generator = np.random.default_rng(0)
    clips = []
    for _ in range(300):
        true = 0.3 * generator.standard_normal(200)
        clips.append((true, 0.5 * true + 0.03 * generator.standard_normal() + 0.06 * generator.standard_normal(200)))
    found = bone_errors(clips)
    assert found.kept == pytest.approx(0.5, abs=0.02)
    assert found.leaning_m == pytest.approx(0.03, rel=0.15)
    assert found.swaying_m == pytest.approx(0.06, rel=0.05)


def test_who_is_seen_beside_the_middle_is_turned_as_the_crop_is() -> None:
    """Deep along their own line of sight, not along the camera's axis."""
    turn = 0.5
    about = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    found = depths(landmarks() @ about.T, landmarks() - ALONG_THE_AXIS)
    for name, of_sides in found.items():
        assert bone_errors(of_sides).kept == pytest.approx(1.0, abs=1e-4), name


def test_too_little_3d_tells_nothing() -> None:
    seen = landmarks() - ALONG_THE_AXIS
    seen[5:] = np.nan
    assert np.isnan(bone_errors(depths(landmarks(), seen)["knee"]).kept)


def test_the_truth_of_a_sequence_is_on_its_body() -> None:
    """Somebody in T-pose who turns about: all of their depth is kept where the 3D is the truth."""
    body = limber_body()
    angles = np.linspace(-0.6, 0.6, FRAMES)
    upright = np.diag([1.0, -1.0, -1.0])  # y points down, and they face the camera
    turned = np.array([[[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]] for a in angles]) @ upright
    rotations = np.tile(np.eye(3), (FRAMES, 24, 1, 1))
    rotations[:, 0] = turned
    rest = body.rest_joints(np.zeros(10))
    joints = np.einsum("tij,nj->tni", turned, rest - rest[0]) + ALONG_THE_AXIS
    nothing = np.full((FRAMES, LANDMARK_COUNT, 3), np.nan)
    boxes, observed = np.tile([0.0, 0, 100, 100], (FRAMES, 1)), np.ones(FRAMES, dtype=bool)

    def told(seen: np.ndarray) -> Sequence:
        track = Track(0, np.arange(FRAMES), np.arange(FRAMES) / 30, nothing, seen, boxes, observed)
        return Sequence(track, np.eye(3), joints, rotations, np.zeros(10))

    places = true_landmarks(told(nothing), LandmarkSkin(landmark_points(body)))[0].numpy()
    nose, ankle = LANDMARK_INDEX["nose"], LANDMARK_INDEX["left_ankle"]
    assert (places[:, nose, 1] < joints[:, 0, 1]).all()
    assert (places[:, ankle, 1] > joints[:, 0, 1]).all()
    found = errors_of([told(places - hips(places))])
    assert found["wrist"].kept == pytest.approx(1.0, abs=0.01)
    assert found["wrist"].swaying_m < 0.002, "but for the hips lying off the axis"
