"""A folder laid out as EMDB is."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.evaluation.datasets.emdb import read
from backend.evaluation.datasets.filmed import DatasetError
from smpl_rig import rotations

FRAMES = 4


def sequence() -> dict[str, Any]:
    random = np.random.default_rng(1)
    extrinsics = np.tile(np.eye(4), (FRAMES, 1, 1))
    extrinsics[:, :3, :3] = rotations.to_matrix(rotations.exp(random.normal(size=(FRAMES, 3))))
    return {
        "gender": "female",
        "name": "P0_09_outdoor_walk",
        "emdb1": True,
        "emdb2": False,
        "n_frames": FRAMES,
        "good_frames_mask": np.array([True, False, True, True]),
        "camera": {"intrinsics": np.eye(3), "extrinsics": extrinsics, "width": 1440, "height": 1920},
        "smpl": {
            "poses_root": random.normal(size=(FRAMES, 3)),
            "poses_body": random.normal(size=(FRAMES, 69)),
            "trans": np.zeros((FRAMES, 3)),
            "betas": np.arange(10.0),
        },
        "kp2d": np.zeros((FRAMES, 24, 2)),
        "bboxes": {
            "bboxes": np.array([[10.0, 20, 110, 320], [0, 0, 0, 0], [50, 60, 40, 90], [1, 2, 3, 4]]),
            "invalid_idxs": np.array([1, 2]),
        },
    }


def write(folder: Path, data: Any, name: str = "09_outdoor_walk") -> None:
    target = folder / "P0" / name
    target.mkdir(parents=True, exist_ok=True)
    (target / f"P0_{name}_data.pkl").write_bytes(pickle.dumps(data))


def test_the_person_in_the_camera(tmp_path: Path) -> None:
    data = sequence()
    write(tmp_path, data)
    write(tmp_path, sequence() | {"emdb1": False}, name="10_outdoor_run")
    (person,) = read(tmp_path)
    assert person.name == "P0_09_outdoor_walk"
    assert person.actions.tolist() == ["09_outdoor_walk"] * FRAMES
    assert person.images == tmp_path / "P0" / "09_outdoor_walk" / "images" / "%05d.jpg"
    assert person.valid.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(person.boxes[[0, 3]], [[10, 20, 100, 300], [1, 2, 2, 2]])
    assert np.isnan(person.boxes[1:3]).all()
    assert person.posed is not None
    assert person.posed.gender == "female"
    for frame in range(FRAMES):
        turn = data["camera"]["extrinsics"][frame, :3, :3]
        root = turn @ rotations.to_matrix(rotations.exp(data["smpl"]["poses_root"][frame]))
        np.testing.assert_allclose(rotations.to_matrix(person.posed.local_rotations[frame, 0]), root, atol=1e-6)
        hand = rotations.exp(data["smpl"]["poses_body"][frame, -3:])
        np.testing.assert_allclose(person.posed.local_rotations[frame, 23], hand, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gender": "m"}, "'gender' is 'm'"),
        ({"smpl": {"poses_root": np.zeros((FRAMES, 3))}}, "lacks the key 'poses_body'"),
        ({"good_frames_mask": np.ones(FRAMES + 1)}, r"'good_frames_mask' has shape \(5,\)"),
        ({"bboxes": {"bboxes": np.zeros((FRAMES, 5))}}, "'bboxes' has shape"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    write(tmp_path, sequence() | change)
    with pytest.raises(DatasetError, match=rf"P0_09_outdoor_walk_data\.pkl.*{said}"):
        list(read(tmp_path))
