"""Folders to a library, from the command line too."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from backend.training.motions import LibraryError, building, load_library, read_library
from backend.training.motions.__main__ import main
from smpl_rig.body import Body

from ....foreign_figure import Build, foreign_figure
from .test_reading import standing, write_amass, write_archive


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: Body) -> Path:
    """A folder with two clips that are known, one of AMASS, one of somebody, and one that is broken."""
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(building, "limber_body", lambda: body)
    folder = tmp_path / "motions"
    (folder / "HumanEva" / "S1").mkdir(parents=True)
    write_archive(folder / "cmu_salsa_01.npz", foreign_figure(Build(arms_down=0.6)))
    write_archive(folder / "cmu_soccer_test_1.npz", foreign_figure(Build(), seed=1))
    write_amass(folder / "HumanEva" / "S1" / "Walking_1_poses.npz", *standing(), 120.0)
    (folder / "broken.npz").write_bytes(b"broken")
    return folder


def test_a_folder_becomes_a_library(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    library = load_library([folder], lambda done, of: told.append((done, of)))
    assert library.names.tolist() == ["HumanEva/S1/Walking_1_poses", "cmu_salsa_01", "cmu_soccer_test_1"]
    assert library.splits.tolist() == ["validation", "train", "test"]
    assert library.subjects.tolist()[:2] == ["humaneva/s1", "salsa, two partners dancing together"]
    assert library.sources.tolist() == ["motions/HumanEva/S1", "made here", "made here"]
    assert library.refused_names.tolist() == ["broken"]
    assert "not a readable archive" in library.refused_reasons[0]
    assert library.lengths.tolist() == [30, 40, 40]
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)
    assert library.clips("train").rotations.shape == (40, 24, 4)


def test_it_is_made_once_for_the_same_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_library([folder])
    monkeypatch.setattr(building, "build_library", lambda *_: pytest.fail("was made again"))
    again = load_library([folder, folder])
    np.testing.assert_array_equal(again.rotations, first.rotations)
    moved = folder.parent / "elsewhere" / "motions"
    shutil.copytree(folder, moved)
    np.testing.assert_array_equal(load_library([moved]).pelvis, first.pelvis)


def test_a_changed_file_makes_it_anew(folder: Path) -> None:
    load_library([folder])
    write_archive(folder / "cmu_salsa_01.npz", foreign_figure(Build(), frames=50))
    assert load_library([folder]).lengths.tolist() == [30, 50, 40]


def test_a_name_that_two_folders_have_is_kept_once(folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    write_archive(other / "cmu_salsa_01.npz", foreign_figure(Build(), frames=77))
    library = load_library([folder, other])
    assert library.lengths[library.names == "cmu_salsa_01"].tolist() == [40]
    assert "Another folder holds a clip of this name." in library.refused_reasons.tolist()


def test_folders_without_motion_are_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="is no folder"):
        load_library([folder / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LibraryError, match="There is no motion"):
        load_library([tmp_path / "empty"])
    (tmp_path / "ill").mkdir()
    shutil.copy(folder / "broken.npz", tmp_path / "ill")
    with pytest.raises(LibraryError, match="None of 1 files can be used; of the first, broken: "):
        load_library([tmp_path / "ill"])


def test_the_command_writes_the_library_and_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent / "out" / "library.npz"
    assert main([str(folder), "-o", str(out)]) == 0
    assert len(read_library(out).names) == 3
    printed = capsys.readouterr().out
    assert "made here" in printed
    assert "SMPL itself" in printed
    assert "left out: broken: " in printed


def test_the_command_says_what_is_wrong(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere"), "-o", str(tmp_path / "a.npz")]) == 2
    assert "error: " in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main([str(folder), "-o", str(tmp_path / "file" / "a.npz")]) == 2
    assert "cannot be written" in capsys.readouterr().err
