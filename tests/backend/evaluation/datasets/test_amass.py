"""A folder laid out as AMASS is: what is drawn from it to be measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.held_out import held_out_sequences
from backend.training.motions import load_library
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeleton import INDEX

FRAMES, RATE = 480, 120.0


def write(path: Path, knee_rad: float) -> None:
    """SMPL-H's 52 joints: somebody who stands on the right leg and bends the left knee."""
    poses = np.zeros((FRAMES, 156))
    poses[:, :3] = rotations.log(rotations.from_matrix(WORLD_FROM_BODY))
    poses[:, 3 * INDEX["left_knee"]] = knee_rad
    path.parent.mkdir(parents=True)
    np.savez(
        path,
        poses=poses,
        trans=np.tile([0.0, 0, 0.95], (FRAMES, 1)),
        betas=np.zeros(16),
        dmpls=np.zeros((FRAMES, 8)),
        gender=np.str_("male"),
        mocap_framerate=np.float64(RATE),
    )


def test_the_part_that_amass_tests_on_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSM is for tests, CMU for training; the knee tells whose motion it is, at 30 frames per second."""
    monkeypatch.setattr("backend.training.motions.building.cache_folder", lambda: tmp_path)
    write(tmp_path / "AMASS" / "SSM_synced" / "20160330_03333" / "chicken_wings_poses.npz", knee_rad=1.2)
    write(tmp_path / "AMASS" / "CMU" / "120" / "120_01_poses.npz", knee_rad=0.3)
    (act, sequence), *others = held_out_sequences(load_library([tmp_path / "AMASS"]), 1, seed=0, frames=30)
    assert not others
    assert act.startswith("ssm_synced/")
    assert np.diff(sequence.track.timestamps_s) == pytest.approx(1 / 30, abs=1e-4)
    bends = []
    for side in ("left", "right"):  # half of what is drawn is mirrored
        hip, knee, ankle = (sequence.joints[:, INDEX[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
        thigh, shin = knee - hip, ankle - knee
        cosine = (thigh * shin).sum(axis=-1) / np.linalg.norm(thigh, axis=-1) / np.linalg.norm(shin, axis=-1)
        bends.append(np.arccos(cosine))
    bent, straight = sorted(bends, key=np.mean, reverse=True)
    np.testing.assert_allclose(bent - straight, 1.2, atol=0.15)  # a straight knee is not quite straight
