"""A folder laid out as 3DPW is, with pickles of Python 2's protocol."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.evaluation.datasets.filmed import DatasetError, boxes_about
from backend.evaluation.datasets.threedpw import read
from smpl_rig import rotations
from smpl_rig.skeleton import JOINT_NAMES

FRAMES = 5


def cameras() -> np.ndarray:
    """From the world to cameras that look along different directions."""
    transforms = np.tile(np.eye(4), (FRAMES, 1, 1))
    transforms[:, :3, :3] = rotations.to_matrix(rotations.exp(np.linspace(0, 2, FRAMES)[:, None] * np.ones((1, 3))))
    transforms[:, :3, 3] = (0.5, -0.2, 4.0)
    return transforms


def sequence(actors: int = 2) -> dict[str, Any]:
    random = np.random.default_rng(0)
    keypoints = np.concatenate((random.uniform(100, 400, (FRAMES, 2, 18)), np.ones((FRAMES, 1, 18))), axis=1)
    return {
        "sequence": "downtown_walking_00",
        "betas": [np.arange(10.0) / 10 + actor for actor in range(actors)],
        "poses": [random.normal(scale=0.5, size=(FRAMES, 72)) for _ in range(actors)],
        "trans": [np.zeros((FRAMES, 3))] * actors,
        "poses_60Hz": [np.zeros((2 * FRAMES, 72))] * actors,
        "betas_clothed": [np.zeros(10)] * actors,
        "genders": ["m", "f"][:actors],
        "texture_maps": [],
        "jointPositions": [random.normal(size=(FRAMES, 72)) for _ in range(actors)],
        "poses2d": [keypoints.copy() for _ in range(actors)],
        "img_frame_ids": np.arange(FRAMES) * 2,
        "cam_poses": cameras(),
        "campose_valid": [np.ones(FRAMES, dtype=np.int8)] * actors,
        "cam_intrinsics": np.eye(3),
    }


def write(folder: Path, data: Any, split: str = "test", name: str = "downtown_walking_00") -> None:
    target = folder / "sequenceFiles" / split
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{name}.pkl").write_bytes(pickle.dumps(data, protocol=2))


def test_each_actor_in_the_camera(tmp_path: Path) -> None:
    data = sequence()
    data["campose_valid"] = [np.array([1, 1, 0, 1, 1], dtype=np.int8), np.ones(FRAMES, dtype=np.int8)]
    write(tmp_path, data)
    write(tmp_path, {}, split="train")
    first, second = read(tmp_path)
    assert (first.name, second.name) == ("downtown_walking_00_0", "downtown_walking_00_1")
    assert first.images == tmp_path / "imageFiles" / "downtown_walking_00" / "image_%05d.jpg"
    assert first.valid.tolist() == [True, True, False, True, True]
    assert second.valid.all()
    assert tuple(first.joint_names) == JOINT_NAMES
    for frame, camera in enumerate(data["cam_poses"]):
        for joint in (0, 17):
            world = data["jointPositions"][0][frame, 3 * joint : 3 * joint + 3]
            np.testing.assert_allclose(first.joints[frame, joint], camera[:3, :3] @ world + camera[:3, 3], atol=1e-9)
        assert second.posed is not None
        root = camera[:3, :3] @ rotations.to_matrix(rotations.exp(data["poses"][1][frame, :3]))
        np.testing.assert_allclose(rotations.to_matrix(second.posed.local_rotations[frame, 0]), root, atol=1e-6)
        knee = rotations.exp(data["poses"][1][frame, 12:15])
        np.testing.assert_allclose(second.posed.local_rotations[frame, 4], knee, atol=1e-9)
    np.testing.assert_allclose(second.posed.betas, np.arange(10.0) / 10 + 1)


def test_frames_in_which_little_was_detected_do_not_count(tmp_path: Path) -> None:
    """Six of the limbs' twelve joints are too few, seven are enough; face and neck do not help."""
    data = sequence(actors=1)
    data["poses2d"][0][1, 2, 2:8] = 0.2
    data["poses2d"][0][2, 2, 2:7] = 0.2
    data["poses2d"][0][3, 2] = 0.0
    write(tmp_path, data)
    (person,) = read(tmp_path)
    assert person.valid.tolist() == [True, False, True, False, True]
    known = data["poses2d"][0][2][:, data["poses2d"][0][2, 2] > 0.3]
    low, high = known[:2].min(axis=1), known[:2].max(axis=1)
    np.testing.assert_allclose(person.boxes[2], [*low, *(high - low)])
    assert np.isnan(person.boxes[3]).all()


def test_a_box_needs_somebody() -> None:
    assert boxes_about(np.ones((2, 3, 2)), np.zeros((2, 3), dtype=bool)).shape == (2, 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cam_poses": np.zeros((FRAMES, 3, 4))}, r"'cam_poses' has shape \(5, 3, 4\).*expected \(5, 4, 4\)"),
        ({"poses2d": [np.zeros((FRAMES, 18, 3))]}, r"'poses2d' has shape \(5, 18, 3\)"),
        ({"jointPositions": [np.zeros((FRAMES - 1, 72))]}, "'jointPositions' has shape"),
        ({"betas": [["fat"]]}, "'betas' has shape"),
        ({"campose_valid": None}, "lacks the key 'campose_valid'"),
        ({"poses": None}, "lacks the key 'poses'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    data = sequence(actors=1) | change
    write(tmp_path, {key: value for key, value in data.items() if value is not None})
    with pytest.raises(DatasetError, match=rf"downtown_walking_00\.pkl.*{said}"):
        list(read(tmp_path))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no \*\.pkl.*3DPW was unpacked"):
        list(read(tmp_path))
    write(tmp_path, [1, 2])
    with pytest.raises(DatasetError, match="holds list, expected a dictionary"):
        list(read(tmp_path))
    (tmp_path / "sequenceFiles/test/downtown_walking_00.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(DatasetError, match=r"asks for 'os\.system'"):
        list(read(tmp_path))
