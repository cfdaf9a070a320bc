"""Files of torch and of joblib on a body."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backend.results import import_motions
from smpl_rig import rotations
from smpl_rig.errors import LimberError
from smpl_rig.imports.smpl_result import SMPLX_PELVIS

FRAMES = 20
Y_UP_FROM_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def parameters(pelvis: np.ndarray, orient: np.ndarray) -> dict[str, torch.Tensor]:
    body = np.zeros((FRAMES, 63))
    body[:, 9:12] = [0.8, 0, 0]  # the left knee
    return {
        "body_pose": torch.tensor(body).float(),
        "betas": torch.zeros(FRAMES, 10),
        "global_orient": torch.tensor(orient).float(),
        "transl": torch.tensor(pelvis - SMPLX_PELVIS).float(),
    }


@pytest.fixture
def walk() -> tuple[np.ndarray, dict[str, Any]]:
    """Somebody glides along world x; where their pelvis is, and GVHMR's file of it."""
    pelvis = np.stack((np.linspace(0, 2, FRAMES), np.full(FRAMES, 3.0), np.full(FRAMES, 0.95)), axis=-1)
    upright = np.zeros((FRAMES, 3))
    flipped = np.tile(rotations.log(rotations.from_matrix(np.diag([1.0, -1, -1]))), (FRAMES, 1))
    in_camera = pelvis @ np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    content = {
        "smpl_params_global": parameters(pelvis @ Y_UP_FROM_WORLD.T, upright),
        "smpl_params_incam": parameters(in_camera, flipped),
        "K_fullimg": torch.tensor([[1000.0, 0, 320], [0, 1000, 240], [0, 0, 1]]).repeat(FRAMES, 1, 1),
        "net_outputs": {"static_conf_logits": torch.zeros(1, FRAMES, 6)},
    }
    return pelvis, content


def test_a_file_of_torch(walk: tuple[np.ndarray, dict[str, Any]], tmp_path: Path) -> None:
    pelvis, content = walk
    path = tmp_path / "hmr4d_results.pt"
    torch.save(content, path)
    (motion,) = import_motions(path, frame_rate=25)
    moved = motion.pelvis_world - pelvis
    np.testing.assert_allclose(moved, np.tile(moved[0] * [0, 0, 1], (FRAMES, 1)), atol=1e-4)
    np.testing.assert_allclose(motion.poses[:, 12:15], np.tile([0.8, 0, 0], (FRAMES, 1)), atol=1e-4)
    camera = motion.world_from_camera[0]
    np.testing.assert_allclose(camera[:3, :3], [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-4)
    assert tuple(motion.image_size) == (640, 480)


def test_a_file_of_torch_runs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hmr4d_results.pt"
    torch.save({"smpl_params_global": Path("code")}, path)
    with pytest.raises(LimberError, match=r"hmr4d_results\.pt is no file of tensors"):
        import_motions(path)


def test_a_pickle_with_torchs_ending(tmp_path: Path) -> None:
    path = tmp_path / "dance.pth"
    path.write_bytes(pickle.dumps({"smpl_poses": np.zeros((5, 72)), "smpl_trans": np.zeros((5, 3))}))
    (motion,) = import_motions(path)
    assert (len(motion), motion.mocap_framerate, motion.model) == (5, 60, "aist++")
    path.write_bytes(b"nothing")
    with pytest.raises(LimberError, match=r"dance\.pth: The pickle is damaged"):
        import_motions(path)
