from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.evaluation.renders import REVISION
from backend.evaluation.scenes import CAMERA_HEIGHT_M, FRAME_RATE, Scene, draw_scene
from backend.training.variety import Clips
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.body import Body, skin
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX


@pytest.fixture(scope="module")
def clips() -> Clips:
    """One clip of two seconds: somebody who strides along x and raises the left arm."""
    frames = 60
    local = np.tile(rotations.IDENTITY, (frames, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    local[:, INDEX["left_shoulder"]] = rotations.exp(np.linspace(0, 1, frames)[:, None] * np.array([0, 0, 1.2]))
    pelvis = np.column_stack((np.linspace(0, 1, frames), np.zeros(frames), np.full(frames, 0.95)))
    return Clips(
        rotations=torch.tensor(local, dtype=torch.float32),
        pelvis=torch.tensor(pelvis, dtype=torch.float32),
        starts=torch.tensor([0]),
        lengths=torch.tensor([frames]),
        rates=torch.tensor([30.0]),
        low=torch.tensor([0.0]),
    )


def numbers(scene: Scene) -> np.ndarray:
    return np.concatenate(
        [np.ravel(part) for part in (scene.joints_world, scene.betas, scene.camera.K, scene.background[::50])]
    )


def test_the_same_number_draws_the_same_scene(body: Body, clips: Clips) -> None:
    first, again, other = (draw_scene(body, clips, seed=3, number=number, frames=30) for number in (1, 1, 2))
    np.testing.assert_array_equal(numbers(first), numbers(again))
    assert first.outfit == again.outfit != other.outfit
    assert np.abs(first.betas - other.betas).max() > 0.1


def test_scenes_that_are_drawn_otherwise_are_another_revision(body: Body, clips: Clips) -> None:
    """Films of one revision are compared with each other. Where this fails, raise it and put the new places here."""
    wrists = [draw_scene(body, clips, seed=0, number=number, frames=30).joints_world[-1, 20] for number in range(3)]
    drawn = {4: [(-1.02, 0.03, 0.90), (0.13, 0.00, 1.29), (0.57, -1.07, 1.72)]}
    np.testing.assert_allclose(wrists, drawn[REVISION], atol=0.01)


@pytest.mark.parametrize("number", range(4))
def test_somebody_on_the_floor_in_the_picture(body: Body, clips: Clips, number: int) -> None:
    scene = draw_scene(body, clips, seed=0, number=number, frames=30)
    _, joints = forward_kinematics(scene.local_rotations, body.rest_joints(scene.betas), scene.trans)
    np.testing.assert_allclose(joints, scene.joints_world, atol=1e-9)
    lowest = skin(body, scene.betas, scene.local_rotations, scene.trans)[..., 2].min()
    assert abs(lowest) < 0.01
    camera = scene.camera
    assert CAMERA_HEIGHT_M[0] < camera.world_from_camera[2, 3] < CAMERA_HEIGHT_M[1]
    seen = (joints - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3] @ camera.K.T
    pixels = seen[..., :2] / seen[..., 2:]
    assert (seen[..., 2] > 0).all()
    assert ((pixels > 0) & (pixels < (camera.width, camera.height))).all(axis=-1).mean() > 0.9
    assert scene.background.shape == (camera.height, camera.width, 3)


def test_authored_motion_plants_its_feet(body: Body) -> None:
    scene = draw_scene(body, None, seed=1, number=0, frames=1)
    assert scene.planted is not None
    for side, column in (("left", 0), ("right", 1)):
        still = scene.planted[1:, column] & scene.planted[:-1, column]
        speed = np.linalg.norm(np.diff(scene.joints_world[:, INDEX[f"{side}_ankle"]], axis=0), axis=-1) * FRAME_RATE
        assert still.any()
        assert speed[still].max() < 1e-6
