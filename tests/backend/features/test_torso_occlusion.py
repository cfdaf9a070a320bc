"""Wrists beside, before and behind a trunk whose corners are known; a fit whose 3D evidence is on the wrong side."""

import numpy as np
import pytest

from backend.body import TorchBody
from backend.features.initial_pose import BodyInCamera, solve
from backend.features.landmark_points import landmark_points
from backend.features.torso_occlusion import WRISTS, wrists_behind
from backend.people.tracks import LANDMARK_INDEX, Track
from smpl_rig import rotations
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX, JOINT_COUNT

TALL = 600.0
CORNERS = {"left_shoulder": (360, 120), "right_shoulder": (240, 120), "left_hip": (340, 310), "right_hip": (260, 310)}


def seen(wrist: tuple[float, float], visible: float, trunk_visible: float = 1.0, turned: bool = False) -> Track:
    """One frame; ``turned`` shows the back, so that left and right change places."""
    landmarks = np.ones((1, 33, 3))
    for name, corner in CORNERS.items():
        x, y = corner
        landmarks[0, LANDMARK_INDEX[name]] = (600 - x if turned else x, y, trunk_visible)
    landmarks[0, WRISTS[0]], landmarks[0, WRISTS[1]] = (*wrist, visible), (480, 300, 1)
    boxes = np.array([[100.0, 0, 400, TALL]])
    return Track(0, np.zeros(1, int), np.zeros(1), landmarks, np.zeros((1, 33, 3)), boxes, np.ones(1, bool))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("wrist", "visible", "trunk_visible", "expected"),
    [
        ((300, 220), 0.1, 1.0, 1.0),
        ((300, 220), 0.6, 1.0, 0.5),
        ((300, 220), 0.95, 1.0, 0.0),
        ((300, 220), 0.1, 0.3, 0.3),  # a tree hides both
        ((300, 310 + 0.085 * TALL), 0.1, 1.0, 0.5),  # below the hips
        ((300, 310 + 0.2 * TALL), 0.1, 1.0, 0.0),
        ((500, 220), 0.1, 1.0, 0.0),
    ],
)
def test_hidden_wrists(
    wrist: tuple[float, float], visible: float, trunk_visible: float, expected: float, turned: bool
) -> None:
    left, right = wrists_behind(seen(wrist, visible, trunk_visible, turned))[0]
    assert left == pytest.approx(expected, abs=1e-6)
    assert right == 0


def test_a_person_who_is_not_seen_hides_nothing() -> None:
    track = seen((300, 220), 0.1)
    track.landmarks2d[:] = (np.nan, np.nan, 0)
    track.boxes[:], track.observed[:] = np.nan, False
    np.testing.assert_array_equal(wrists_behind(track), np.zeros((1, 2)))


K = np.array([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]])
FRAMES = 6


def _clasped(body: Body) -> tuple[Track, np.ndarray]:
    """Somebody who faces the camera with both hands behind the back; the 3D evidence has the hands in front."""
    vectors = np.zeros((FRAMES, JOINT_COUNT, 3))
    vectors[:, 0] = (np.pi, 0, 0)  # camera axes: y down, z forward
    for side, sign in (("left", 1.0), ("right", -1.0)):
        vectors[:, INDEX[f"{side}_shoulder"]] = (0.5, 0, -1.2 * sign)
        vectors[:, INDEX[f"{side}_elbow"]] = (0, 0, -0.9 * sign)
    rest = body.rest_joints(np.zeros(10))
    transl = np.tile([0.0, 0.2, 4.0], (FRAMES, 1))
    turned, places = forward_kinematics(rotations.exp(vectors), rest, transl)
    points = landmark_points(body)
    matrices = rotations.to_matrix(turned)
    moved = places - np.einsum("tjab,jb->tja", matrices, rest)
    blended = np.einsum("lj,tjab->tlab", points.weights, matrices)
    world = np.einsum("tlab,lb->tla", blended, points.template) + np.einsum("lj,tja->tla", points.weights, moved)
    pixels = world @ K.T
    landmarks = np.concatenate((pixels[..., :2] / pixels[..., 2:], np.ones((FRAMES, 33, 1))), axis=-1)
    hidden = [LANDMARK_INDEX[f"{s}_{p}"] for s in ("left", "right") for p in ("wrist", "pinky", "index", "thumb")]
    landmarks[:, hidden, 2] = 0.2
    told = world - world[:, [23, 24]].mean(axis=1, keepdims=True)
    told[:, hidden, 2] = told[:, [11, 12, 23, 24], 2].mean() - 0.1
    low, high = landmarks[..., :2].min(axis=1), landmarks[..., :2].max(axis=1)
    boxes = np.concatenate((low, high - low), axis=-1)
    times_s = np.arange(FRAMES) / 30
    return Track(0, np.arange(FRAMES), times_s, landmarks, told, boxes, np.ones(FRAMES, bool)), places


def _behind(places: np.ndarray) -> np.ndarray:
    """(T, 2) metres that wrists lie deeper than the trunk, which faces the camera."""
    trunk = places[:, [INDEX[f"{s}_{p}"] for s in ("left", "right") for p in ("shoulder", "hip")], 2].mean(axis=1)
    return np.asarray(places[:, [INDEX["left_wrist"], INDEX["right_wrist"]], 2] - trunk[:, None])


def test_hands_behind_the_back_stay_there(body: Body) -> None:
    track, places = _clasped(body)
    assert _behind(places).min() > 0.1, "the truth has its hands behind its back"
    assert wrists_behind(track).min() > 0.9
    found: BodyInCamera = solve(track, track.observed, K, TorchBody(body), landmark_points(body), lambda _done: None)
    local = rotations.from_matrix(found.rotations.astype(float))
    _, joints = forward_kinematics(local, body.rest_joints(found.betas), found.transl)
    assert _behind(joints).min() > 0.05
