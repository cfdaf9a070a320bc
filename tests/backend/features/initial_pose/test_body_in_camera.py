import numpy as np

from backend.features.initial_pose import FitSettings, confidence
from backend.people.tracks import LANDMARK_COUNT, LANDMARK_INDEX, Track
from smpl_rig.skeleton import INDEX

FRAMES = 4


def track(visibility: np.ndarray) -> Track:
    """Somebody who is not seen in the last frame."""
    landmarks = np.dstack((np.zeros((FRAMES, LANDMARK_COUNT, 2)), visibility))
    observed = np.arange(FRAMES) < FRAMES - 1
    boxes = np.tile([0.0, 0, 100, 200], (FRAMES, 1))
    return Track(0, np.arange(FRAMES), np.arange(FRAMES) / 30, landmarks, np.zeros_like(landmarks), boxes, observed)


def test_what_is_seen_where_the_body_is_is_sure() -> None:
    sure = confidence(track(np.ones((FRAMES, LANDMARK_COUNT))), np.zeros((FRAMES, LANDMARK_COUNT)), FitSettings())
    np.testing.assert_allclose(sure[:-1], 1)
    np.testing.assert_array_equal(sure[-1], 0)


def test_what_is_hidden_or_elsewhere_is_not() -> None:
    visibility, apart = np.ones((FRAMES, LANDMARK_COUNT)), np.zeros((FRAMES, LANDMARK_COUNT))
    visibility[:, [LANDMARK_INDEX["left_elbow"], LANDMARK_INDEX["left_wrist"]]] = 0.2
    for name in ("right_ankle", "right_heel", "right_foot_index"):
        apart[:, LANDMARK_INDEX[name]] = 0.5
    sure = confidence(track(visibility), apart, FitSettings())[0]
    np.testing.assert_allclose(sure[INDEX["left_elbow"]], 0.2)
    assert sure[INDEX["right_ankle"]] < 1e-6
    assert sure[INDEX["right_foot"]] < 1e-6
    np.testing.assert_allclose(sure[[INDEX["head"], INDEX["right_elbow"], INDEX["left_knee"]]], 1)
