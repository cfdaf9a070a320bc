from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.footage import FootageError, open_footage

from .numbered_pictures import number_of, picture


def write_images(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    return folder


def test_folder_in_natural_order(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", [f"shot {number}.png" for number in range(8, 13)])
    (folder / "notes.txt").write_text("not an image")
    (folder / "._shot 1.png").write_bytes(b"what macOS leaves on other disks")
    footage = open_footage(folder, Fraction(30000, 1001))
    frames = list(footage.frames())
    assert [number_of(frame.image) for frame in frames] == list(range(5))
    assert footage.frame_rate == Fraction(30000, 1001)
    np.testing.assert_allclose([frame.timestamp_s for frame in frames], np.arange(5) * 1001 / 30000)
    assert footage.duration_s == pytest.approx(5 * 1001 / 30000)
    assert footage.warnings == []
    assert [number_of(frame.image) for frame in footage.frames(2 * 1001 / 30000)] == [2, 3, 4]


def test_rate_that_was_assumed_is_said(tmp_path: Path) -> None:
    footage = open_footage(write_images(tmp_path / "shots", ["1.png", "2.png"]))
    assert footage.frame_rate == 24
    assert any("24 frames per second were assumed" in warning for warning in footage.warnings)


def test_pattern_leaves_gaps_in_time(tmp_path: Path) -> None:
    folder = write_images(tmp_path, [f"shot_{number:04d}.jpg" for number in (7, 8, 11)])
    write_images(tmp_path, ["other_0001.jpg"])
    footage = open_footage(folder / "shot_%04d.jpg", Fraction(10))
    assert [frame.timestamp_s for frame in footage.frames()] == pytest.approx([0.0, 0.1, 0.4])
    assert any("2 of the 5 numbers are missing" in warning for warning in footage.warnings)


def test_pattern_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="holds no images"):
        open_footage(tmp_path / "shot_%04d.png")
    with pytest.raises(FootageError, match="folder cannot be read"):
        open_footage(tmp_path / "nowhere" / "shot_%04d.png")


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="holds no images"):
        open_footage(tmp_path)


def test_broken_image_ends_the_sequence_with_a_warning(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", [f"{number}.png" for number in range(6)])
    (folder / "4.png").write_bytes(b"")
    footage = open_footage(folder, Fraction(10))
    assert len(list(footage.frames())) == 4
    assert any("4.png" in warning and "0.300 s" in warning for warning in footage.warnings)


def test_image_of_another_size_ends_the_sequence_with_a_warning(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", ["1.png", "2.png"])
    cv2.imwrite(str(folder / "3.png"), np.zeros((10, 20, 3), np.uint8))
    footage = open_footage(folder, Fraction(10))
    assert len(list(footage.frames())) == 2
    assert any("20 x 10" in warning for warning in footage.warnings)


def test_hash_of_a_sequence_is_of_names_and_contents(tmp_path: Path) -> None:
    first = open_footage(write_images(tmp_path / "a", ["1.png", "2.png"])).sha256
    assert open_footage(write_images(tmp_path / "b", ["1.png", "2.png"])).sha256 == first
    assert open_footage(write_images(tmp_path / "c", ["1.png", "3.png"])).sha256 != first
    folder = write_images(tmp_path / "d", ["1.png", "2.png"])
    cv2.imwrite(str(folder / "2.png"), picture(9))
    assert open_footage(folder).sha256 != first
