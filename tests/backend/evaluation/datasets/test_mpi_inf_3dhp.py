"""A folder laid out as MPI-INF-3DHP's test set is, with files of MATLAB 7.3."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from backend.evaluation.datasets.filmed import DatasetError
from backend.evaluation.datasets.mpi_inf_3dhp import read

FRAMES = 4


def sequence() -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    return {
        "annot2": random.uniform(500, 900, (FRAMES, 1, 17, 2)),
        "annot3": random.normal(size=(FRAMES, 1, 17, 3)),
        "univ_annot3": random.normal(scale=500, size=(FRAMES, 1, 17, 3)),
        "valid_frame": np.array([[1], [0], [1], [1]], dtype=np.uint8),
        "activity_annotation": np.array([[1], [1], [5], [7]], dtype=np.uint8),
        "bb_crop": np.zeros((FRAMES, 34)),
    }


def write(folder: Path, data: dict[str, np.ndarray], subject: str = "TS1") -> None:
    target = folder / "mpi_inf_3dhp_test_set" / subject
    target.mkdir(parents=True, exist_ok=True)
    with h5py.File(target / "annot_data.mat", "w", userblock_size=512) as file:
        for key, array in data.items():
            file[key] = array


def test_the_person_in_the_camera(tmp_path: Path) -> None:
    data = sequence()
    write(tmp_path, data)
    (person,) = read(tmp_path)
    assert person.name == "TS1"
    assert person.images == tmp_path / "mpi_inf_3dhp_test_set" / "TS1" / "imageSequence" / "img_%06d.jpg"
    assert person.first_image == 1
    assert person.valid.tolist() == [True, False, True, True]
    assert person.actions.tolist() == ["Standing/Walking", "Standing/Walking", "On The Floor", "Miscellaneous"]
    assert (person.joint_names[0], person.joint_names[8], person.joint_names[14]) == ("head_top", "right_hip", "pelvis")
    np.testing.assert_allclose(1000 * person.joints, data["univ_annot3"][:, 0])
    low, high = data["annot2"][:, 0].min(axis=1), data["annot2"][:, 0].max(axis=1)
    np.testing.assert_allclose(person.boxes, np.concatenate((low, high - low), axis=1))
    (same,) = read(tmp_path / "mpi_inf_3dhp_test_set")
    assert same.images == person.images


@pytest.mark.parametrize(("subject", "counted"), [("TS2", True), ("TS5", False)])
def test_frames_with_a_joint_outside_the_picture_do_not_count(tmp_path: Path, subject: str, counted: bool) -> None:
    """Pictures taken outdoors are 1080 pixels high, those from the studio 2048."""
    data = sequence()
    data["annot2"][2, 0, 3, 1] = 1500
    data["annot2"][3, 0, 3, 0] = -1
    write(tmp_path, data, subject)
    (person,) = read(tmp_path)
    assert person.valid.tolist() == [True, False, counted, False]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("annot2", np.zeros((FRAMES, 1, 28, 2)), r"'annot2' has shape \(4, 1, 28, 2\)"),
        ("univ_annot3", np.zeros((3, 1, 17, 3)), "'univ_annot3' has shape"),
        ("valid_frame", None, "lacks the key 'valid_frame'"),
        ("activity_annotation", np.full((FRAMES, 1), 8), "numbers outside 1 to 7"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, key: str, value: np.ndarray | None, said: str) -> None:
    data = sequence() | {key: value}
    write(tmp_path, {name: array for name, array in data.items() if array is not None})
    with pytest.raises(DatasetError, match=rf"TS1/annot_data\.mat.*{said}"):
        list(read(tmp_path))


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="into which MPI-INF-3DHP's test set was unpacked"):
        list(read(tmp_path))
    write(tmp_path, {})
    (tmp_path / "mpi_inf_3dhp_test_set/TS1/annot_data.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(DatasetError, match=r"is no file of MATLAB 7\.3"):
        list(read(tmp_path))
