"""The library's archive and what training gets of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from backend.training.motions import Library, LibraryError, read_library
from backend.training.variety import MotionVariety, draw_motion


def library() -> Library:
    """Clips of 10, 20, 30 and 40 frames; of each frame the pelvis's x is its number."""
    lengths = np.array([10, 20, 30, 40])
    rotations = np.zeros((100, 24, 4))
    rotations[..., 0] = 1
    return Library(
        rotations=rotations,
        pelvis=np.arange(100)[:, None] * np.array([1.0, 0, 0]),
        starts=np.array([0, 10, 30, 60]),
        lengths=lengths,
        rates=np.array([30.0, 60, 30, 24]),
        low=np.array([0.0, 0.25, 1, 0]),
        errors_m=np.array([0.001, 0.002, np.nan, 0.004]),
        names=np.array(["a", "b", "c", "a"]),
        subjects=np.array(["s", "t", "u", "s"]),
        sources=np.array(["x", "x", "y", "x"]),
        splits=np.array(["train", "test", "train", "test"]),
        refused_names=np.array(["d"]),
        refused_reasons=np.array(["broken"]),
        body="plain",
    )


def test_a_part_has_its_own_clips_and_frames_alone() -> None:
    clips = library().clips("train")
    assert clips.starts.tolist() == [0, 10]
    assert clips.lengths.tolist() == [10, 30]
    assert clips.rates.tolist() == [30, 30]
    assert clips.low.tolist() == [0, 1]
    assert clips.pelvis[:, 0].tolist() == [*range(10), *range(30, 60)]
    assert {tensor.dtype for tensor in (clips.rotations, clips.pelvis, clips.rates, clips.low)} == {torch.float32}
    motion = draw_motion(clips, 3, 8, MotionVariety(), torch.Generator().manual_seed(0))
    assert motion.rotations.shape == (3, 8, 24, 3, 3)


def test_a_part_that_is_empty_or_unknown_is_said() -> None:
    with pytest.raises(LibraryError, match="no clips for 'validation'"):
        library().clips("validation")
    with pytest.raises(LibraryError, match="no part 'exam'"):
        library().clips("exam")
    with pytest.raises(LibraryError, match="no clips for 'validation'"):
        library().subjects_of("validation")


def test_one_subject_of_a_part_has_its_own_clips_alone() -> None:
    assert library().subjects_of("train") == ["s", "u"]
    clips = library().clips("train", subject="u")
    assert clips.starts.tolist() == [0]
    assert clips.lengths.tolist() == [30]
    assert clips.pelvis[:, 0].tolist() == [*range(30, 60)]


def test_a_subject_of_another_part_is_refused_and_those_there_are_named() -> None:
    with pytest.raises(LibraryError, match="Nothing for 'train' shows 't'; choose one of s, u"):
        library().clips("train", subject="t")


def test_minutes_are_frames_by_rate() -> None:
    np.testing.assert_allclose(library().minutes(), [1 / 180, 1 / 180, 1 / 60, 1 / 36])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "library.npz"
    written = library()
    written.save(path)
    read = read_library(path)
    for key in vars(written):
        np.testing.assert_array_equal(getattr(read, key), getattr(written, key))
    assert [found.name for found in path.parent.iterdir()] == ["library.npz"], "no part is left"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pelvis": np.zeros((9, 3))}, r"'pelvis' has shape \(9, 3\), expected \(100, 3\)"),
        ({"rates": np.zeros(3)}, r"'rates' has shape \(3,\), expected \(4,\)"),
        ({"lengths": np.array([10, 20, 30, 41])}, "'starts' and 'lengths' reach beyond"),
        ({"starts": np.array([-1, 0, 0, 0])}, "'starts' and 'lengths' reach beyond"),
        ({"low": np.array(list("abcd"))}, "'low' holds <U1, expected numbers"),
        ({"splits": np.array(["train", "test", "train", "exam"])}, "'splits' names 'exam'"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(LibraryError, match=said):
        replace(library(), **change)


def test_files_that_are_no_library_are_named(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"none\.npz does not exist. Make it: python -m"):
        read_library(tmp_path / "none.npz")
    path = tmp_path / "a.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(LibraryError, match=r"a\.npz is not a readable motion library"):
        read_library(path)
    np.savez(path, version=99)
    with pytest.raises(LibraryError, match="is of version 99"):
        read_library(path)
    library().save(path)
    content = dict(np.load(path))
    del content["low"]
    np.savez(path, **content)
    with pytest.raises(LibraryError, match="lacks the key 'low'"):
        read_library(path)
    np.savez(path, **content, low=np.array([{}] * 4, dtype=object))
    with pytest.raises(LibraryError, match="not a readable motion library"):
        read_library(path)
