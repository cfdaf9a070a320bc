"""Landmarks of a body in a known pose, seen exactly: the fit finds the pose again."""

from dataclasses import replace

import numpy as np
import pytest

from backend.body import TorchBody
from backend.demo.choreography import Performance, perform
from backend.evaluation.metrics import pa_mpjpe
from backend.features.initial_pose import BodyInCamera, solve
from backend.features.landmark_points import landmark_points
from backend.people.tracks import Track
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX

from ..performed_track import K, in_camera, performed_track


@pytest.fixture(scope="module")
def truth(body: Body) -> Performance:
    return perform(body.rest_joints(np.zeros(10)), 15.0)


@pytest.fixture(scope="module")
def track(body: Body, truth: Performance) -> Track:
    return performed_track(body, np.zeros(10), truth)


def fit(body: Body, track: Track, turns: np.ndarray | None = None, guess: BodyInCamera | None = None) -> BodyInCamera:
    points = landmark_points(body)
    return solve(track, track.observed, K, TorchBody(body), points, lambda _fraction: None, guess=guess, turns=turns)


def joints_of(body: Body, fitted: BodyInCamera) -> np.ndarray:
    local = rotations.from_matrix(fitted.rotations.astype(float))
    return forward_kinematics(local, body.rest_joints(fitted.betas), fitted.transl)[1]


def true_joints(truth: Performance) -> np.ndarray:
    return in_camera(truth.joints_world)


def test_exact_landmarks_give_the_pose_back(body: Body, truth: Performance, track: Track) -> None:
    fitted = fit(body, track)
    joints = joints_of(body, fitted)
    assert pa_mpjpe(joints, true_joints(truth), track.observed) < 25
    projected = joints @ K.T
    expected = true_joints(truth) @ K.T
    pixels = projected[..., :2] / projected[..., 2:] - expected[..., :2] / expected[..., 2:]
    limbs = [INDEX[f"{side}_{name}"] for side in ("left", "right") for name in ("knee", "ankle", "elbow", "wrist")]
    assert np.linalg.norm(pixels[:, limbs], axis=-1).mean() < 0.02 * track.boxes[:, 3].mean()
    assert fitted.confidence.mean() > 0.8


def test_rotations_are_rotations_and_knees_bend_forward(body: Body, track: Track) -> None:
    fitted = fit(body, track)
    product = fitted.rotations @ fitted.rotations.swapaxes(-1, -2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-5)
    knees = rotations.log(rotations.from_matrix(fitted.rotations[:, [4, 5]].astype(float)))
    assert knees[..., 0].min() > -0.15


def without(track: Track, gap: slice) -> Track:
    landmarks, world, boxes = track.landmarks2d.copy(), track.landmarks3d.copy(), track.boxes.copy()
    observed = track.observed.copy()
    landmarks[gap], world[gap], boxes[gap], observed[gap] = (np.nan, np.nan, 0), np.nan, np.nan, False
    return replace(track, landmarks2d=landmarks, landmarks3d=world, boxes=boxes, observed=observed)


def test_a_camera_that_turns_while_nobody_is_seen(body: Body, track: Track) -> None:
    """It is jerked by 12 degrees in the gap; people do not jump with it."""
    gap = slice(20, 25)
    angle = np.radians(12) * np.clip((np.arange(len(track)) - 22) / 2, 0, 1)
    turns = rotations.to_matrix(rotations.exp(angle[:, None] * (0, 1, 0)))
    rays = np.concatenate((track.landmarks2d[..., :2], np.ones((len(track), 33, 1))), axis=-1) @ np.linalg.inv(K).T
    seen = rays @ turns @ K.T
    landmarks = np.concatenate((seen[..., :2] / seen[..., 2:], track.landmarks2d[..., 2:]), axis=-1)
    followed = without(replace(track, landmarks2d=landmarks, landmarks3d=track.landmarks3d @ turns), gap)
    still = joints_of(body, fit(body, without(track, gap)))[gap]
    told = joints_of(body, fit(body, followed, turns))[gap] @ turns[gap].swapaxes(1, 2)
    untold = joints_of(body, fit(body, followed))[gap] @ turns[gap].swapaxes(1, 2)
    assert np.linalg.norm(told - still, axis=-1).mean() < 0.05
    assert np.linalg.norm(untold - still, axis=-1).mean() > 0.15


def test_one_mistaken_frame_does_not_move_the_person(body: Body, truth: Performance, track: Track) -> None:
    """Landmarks in no body's order, seen for a moment, as between two gaps."""
    landmarks = track.landmarks2d.copy()
    landmarks[10] = landmarks[10, np.random.default_rng(0).permutation(33)]
    found = fit(body, replace(track, landmarks2d=landmarks))
    apart = np.linalg.norm(joints_of(body, found)[:, 0] - true_joints(truth)[:, 0], axis=-1)
    assert apart[10] < 0.25, "metres"


def test_a_gap_is_bridged_with_no_confidence(body: Body, truth: Performance, track: Track) -> None:
    gap = slice(20, 25)
    fitted = fit(body, without(track, gap))
    joints = joints_of(body, fitted)
    assert np.isfinite(joints).all()
    assert (fitted.confidence[gap] == 0).all()
    assert np.linalg.norm(joints[gap, 0] - true_joints(truth)[gap, 0], axis=-1).max() < 0.5


def test_a_known_shape_is_kept_and_posed(body: Body) -> None:
    """Of somebody tall and wide, whom the landmarks alone tell from the mean person, though not so well."""
    betas = np.array([2.0, -1.0, 0.5, 0, 0, 0, 0, 0, 0, 0])
    truth = perform(body.rest_joints(betas), 15.0)
    seen = performed_track(body, betas, truth)
    solved = [
        solve(seen, seen.observed, K, TorchBody(body), landmark_points(body), lambda _done: None, betas=known)
        for known in (betas, None)
    ]
    np.testing.assert_allclose(solved[0].betas, betas, atol=1e-6)
    away = [np.abs(joints_of(body, each)[:, 0, 2] / true_joints(truth)[:, 0, 2] - 1).mean() for each in solved]
    assert away[0] < 0.02
    assert away[0] < away[1]


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_very_short_tracks(body: Body, track: Track, frames: int) -> None:
    fitted = fit(body, track.of_frames(slice(frames)))
    assert fitted.rotations.shape == (frames, 24, 3, 3)
    assert np.isfinite(fitted.transl).all()


def test_legs_out_of_sight_stay_plausible(body: Body, track: Track) -> None:
    landmarks = track.landmarks2d.copy()
    landmarks[:, 25:, 2] = 0
    fitted = fit(body, replace(track, landmarks2d=landmarks))
    assert np.isfinite(fitted.rotations).all()
    assert fitted.confidence[:, [INDEX["left_ankle"], INDEX["right_knee"]]].max() < 0.1
    assert fitted.confidence[:, INDEX["left_elbow"]].mean() > 0.5


@pytest.mark.parametrize(("wrong_by", "allowed_mm"), [(0.0, 25), (1.0, 80)])
def test_a_network_is_believed_only_as_far_as_the_picture_lets_it(
    body: Body, truth: Performance, track: Track, wrong_by: float, allowed_mm: float
) -> None:
    """It answers with the truth, or with hips, knees and shoulders that are wrong by so many radians."""
    turned = truth.local_rotations.copy()
    for name in ("hip", "knee", "shoulder"):
        for side in ("left", "right"):
            joint = INDEX[f"{side}_{name}"]
            turned[:, joint] = rotations.multiply(turned[:, joint], rotations.exp(np.array([wrong_by, 0.0, 0.0])))
    local = rotations.to_matrix(turned)
    local[:, 0] = WORLD_FROM_LEVEL_CAMERA.T @ local[:, 0]
    guess = BodyInCamera(local, np.zeros(10), np.zeros((len(track), 3)), np.ones((len(track), 24)))
    error = pa_mpjpe(joints_of(body, fit(body, track, guess=guess)), true_joints(truth), track.observed)
    assert error < allowed_mm
