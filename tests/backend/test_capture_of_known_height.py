"""Captures of somebody of known shape, whose height is told or not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.capture import CaptureSettings, capture, pose_finder
from backend.demo.choreography import Performance, perform
from backend.demo.clip import RenderedClip
from backend.features.initial_pose import BodyInCamera
from backend.footage import open_footage
from backend.people.tracks import Track
from smpl_rig import rotations
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX, PARENTS
from smpl_rig.stature import StatureError, betas_of_height, stature

from .features.performed_track import K, in_camera, performed_track

TALL_M = 1.95
LIMBS = [INDEX[f"{side}_{end}"] for side in ("left", "right") for end in ("knee", "ankle", "elbow", "wrist")]


def silent(*_: object) -> None:
    """For captures that nobody watches."""


@pytest.fixture(scope="module")
def betas(body: Body) -> np.ndarray:
    """Of somebody tall, and not just a mean person who was stretched."""
    return betas_of_height(body, np.array([0.0, 0.8, -0.6, 0.5, -0.4, 0.3, 0.3, -0.2, 0.2, -0.1]), TALL_M)


@pytest.fixture(scope="module")
def truth(body: Body, betas: np.ndarray) -> Performance:
    return perform(body.rest_joints(betas), 15.0)


@pytest.fixture(scope="module")
def track(body: Body, betas: np.ndarray, truth: Performance) -> Track:
    return performed_track(body, betas, truth)


def found(
    body: Body, track: Track, make_video: Callable[..., Path], network: str, settings: CaptureSettings
) -> BodyInCamera:
    find_pose = pose_finder(network, settings, open_footage(make_video()), body, K, torch.device("cpu"))
    return find_pose(track, track.observed, silent)


def joints_of(body: Body, answer: BodyInCamera) -> np.ndarray:
    """(T, 24, 3) metres, camera axes."""
    local = rotations.from_matrix(answer.rotations.astype(float))
    return forward_kinematics(local, body.rest_joints(answer.betas), answer.transl)[1]


def limbs(body: Body, betas: np.ndarray) -> np.ndarray:
    """(8,) metres."""
    joints = body.rest_joints(betas)
    return np.linalg.norm(joints[LIMBS] - joints[[PARENTS[joint] for joint in LIMBS]], axis=-1)


@pytest.mark.parametrize(("network", "fit"), [("per-frame", True), ("mps-net", True), ("mps-net", False)])
def test_size_and_distance_come_out_right(
    network: str,
    fit: bool,
    body: Body,
    betas: np.ndarray,
    truth: Performance,
    track: Track,
    make_video: Callable[..., Path],
) -> None:
    away = in_camera(truth.joints_world)[:, 0, 2]
    errors = {}
    for height_m in (None, TALL_M):
        answer = found(body, track, make_video, network, CaptureSettings(fit=fit, height_m=height_m))
        too_far = np.abs(joints_of(body, answer)[:, 0, 2] / away - 1).mean()
        too_long = np.abs(limbs(body, answer.betas) / limbs(body, betas) - 1).mean()
        errors[height_m] = np.array([too_far, too_long])
    assert stature(body.vertices_rest(answer.betas)) == pytest.approx(TALL_M, abs=1e-4)
    assert (errors[TALL_M] < 0.04).all()
    assert (errors[TALL_M] < errors[None] / 2).all()


@pytest.fixture
def larger(body: Body) -> Body:
    """By a tenth than the embedded one; no network knows its betas."""
    return replace(body, v_template=1.1 * body.v_template, shapedirs=1.1 * body.shapedirs, name="larger")


def test_another_body_gets_the_height_in_its_own_shapes(
    larger: Body, track: Track, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    settings = CaptureSettings(fit=False, height_m=TALL_M, body=tmp_path / "larger.npz")
    answer = found(larger, track, make_video, "mps-net", settings)
    assert stature(larger.vertices_rest(answer.betas)) == pytest.approx(TALL_M, abs=1e-4)


def test_the_fit_keeps_the_shape_of_a_network_that_knows_the_body(
    body: Body, track: Track, make_video: Callable[..., Path]
) -> None:
    alone, fitted, told = (
        found(body, track, make_video, network, CaptureSettings(fit=fit)).betas
        for network, fit in (("mps-net", False), ("mps-net", True), ("per-frame", True))
    )
    np.testing.assert_allclose(fitted, alone, atol=1e-6)
    assert np.abs(told - alone).max() > 0.1


def test_the_fit_tells_the_shape_of_a_body_that_no_network_knows(
    larger: Body, track: Track, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    alone, fitted = (
        found(larger, track, make_video, "mps-net", CaptureSettings(fit=fit, body=tmp_path / "larger.npz")).betas
        for fit in (False, True)
    )
    assert (alone == 0).all()
    assert np.abs(fitted).max() > 0.1


def test_who_is_taller_walks_farther_before_a_camera_that_stands_higher(rendered_clip: RenderedClip) -> None:
    heights, found = (1.6, 1.92), []
    for height_m in heights:
        captured = capture(rendered_clip.path, CaptureSettings(height_m=height_m, end_s=1.5), silent)
        (motion,) = captured.motions
        assert captured.report["settings"]["height_m"] == height_m
        assert captured.report["heights_m"] == [height_m]
        assert stature(captured.body.vertices_rest(motion.betas)) == pytest.approx(height_m, abs=1e-4)
        assert np.median(motion.joints_world[..., 2].min(axis=1)) == pytest.approx(0.02, abs=0.05)
        walked = np.linalg.norm(motion.pelvis_world[-1, :2] - motion.pelvis_world[0, :2])
        found.append([walked, motion.world_from_camera[0, 2, 3]])
    assert found[0][0] > 0.3
    np.testing.assert_allclose(np.divide(*found[::-1]), heights[1] / heights[0], rtol=0.04)


@pytest.mark.parametrize("height_m", [0.8, 178.0, float("nan")])
def test_a_height_that_the_body_cannot_have_is_refused_before_the_work(
    make_video: Callable[..., Path], height_m: float
) -> None:
    stages = set()

    def listen(stage: str, _fraction: float, _people: int | None = None) -> None:
        stages.add(stage)

    with pytest.raises(StatureError, match=f"cannot stand {height_m:g} m tall: its shapes go from 1.04 to 2.39 m"):
        capture(make_video(), CaptureSettings(height_m=height_m), listen)
    assert stages <= {"body"}
