"""Films by cameras that turn, whose truth is known by construction."""

import json
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.camera_paths import KINDS, Panorama, camera_path
from backend.evaluation.moving_cameras import laid_on, rows_of, table
from backend.evaluation.scenes import FRAME_RATE, Scene, draw_scene
from backend.footage import open_footage
from backend.rendering import Camera
from smpl_rig import rotations
from smpl_rig.body import Body

TIMES = np.arange(120) / FRAME_RATE


@pytest.fixture(scope="module")
def scene(body: Body) -> Scene:
    return draw_scene(body, None, seed=3, number=0, frames=120)


@pytest.mark.parametrize("kind", KINDS)
def test_a_camera_keeps_the_person_in_sight(kind: str, scene: Scene) -> None:
    poses = camera_path(kind, scene.camera, scene.joints_world[:, 0], TIMES, np.random.default_rng(0))
    np.testing.assert_allclose(
        poses[:, :3, :3] @ poses[:, :3, :3].swapaxes(1, 2), np.tile(np.eye(3), (120, 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(poses[:, :3, :3]), 1)
    seen = np.einsum("tji,tj->ti", poses[:, :3, :3], scene.joints_world[:, 0] - poses[:, :3, 3]) @ scene.camera.K.T
    pixels = seen[:, :2] / seen[:, 2:]
    assert (seen[:, 2] > 1).all()
    assert ((pixels > 0) & (pixels < (scene.camera.width, scene.camera.height))).all()
    turned = np.ptp(poses[:, :3, :3], axis=0).max() > 0.02
    assert turned == (kind != "still")
    assert (np.ptp(poses[:, :3, 3], axis=0).max() > 0.5) == (kind == "moving")


def test_a_panorama_turns_as_the_camera_does() -> None:
    """A direction shows the same colour wherever in the picture it is seen."""
    panorama = Panorama(np.random.default_rng(0))
    K = np.array([[400.0, 0, 320], [0, 400, 180], [0, 0, 1]])
    random, pose = np.random.default_rng(1), np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    turned = pose.copy()
    turned[:3, :3] = pose[:3, :3] @ rotations.to_matrix(rotations.exp(np.array([0.05, 0.2, 0.1])))
    before, after = (panorama.seen_by(Camera(K, each, 640, 360)).astype(int) for each in (pose, turned))
    pixels = random.uniform((200, 100), (440, 260), (300, 2)).round()
    rays = np.column_stack((pixels + 0.5, np.ones(300))) @ np.linalg.inv(K).T @ pose[:3, :3].T @ turned[:3, :3] @ K.T
    there = (rays[:, :2] / rays[:, 2:] - 0.5).round().astype(int)
    x, y = pixels.astype(int).T
    same = np.abs(before[y, x] - after[there[:, 1], there[:, 0]]).max(axis=-1) < 12
    assert same.mean() > 0.9  # but at the edges of the rectangles
    assert before.std() > 10


def test_a_path_is_laid_on_another_without_being_scaled() -> None:
    random = np.random.default_rng(0)
    target = np.cumsum(random.normal(size=(50, 3)), axis=0)
    turn = rotations.to_matrix(rotations.exp(np.array([0, 0, 2.0])))
    np.testing.assert_allclose(laid_on(target @ turn.T + (1, 2, 3), target), target, atol=1e-9)
    twice = laid_on(2 * target, target)
    np.testing.assert_allclose(np.ptp(twice, axis=0), 2 * np.ptp(target, axis=0), atol=1e-9)


def test_watching_a_pan_makes_the_path_right(body: Body, scene: Scene, tmp_path: Path) -> None:
    short = slice(0, 45)
    poses = camera_path("panning", scene.camera, scene.joints_world[short, 0], TIMES[short], np.random.default_rng(0))
    still, watched = rows_of(0, "panning", tmp_path, body, scene, poses)
    assert (still.taken, watched.taken) == ("still", "watched")
    assert watched.widest_deg > 15
    assert still.turn_deg > 0.3 * watched.widest_deg
    assert watched.turn_deg < 0.5
    assert watched.path_cm < 0.7 * still.path_cm
    assert "panning" in table([still, watched])
    assert json.dumps(vars(watched))
    assert sum(1 for _ in open_footage(tmp_path / "000_panning.mp4").frames()) == 45
