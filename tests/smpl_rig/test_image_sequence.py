from pathlib import Path

import pytest

from smpl_rig.image_sequence import images_of, is_image_sequence


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def test_folder_counts_its_pictures_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "10.png", "2.PNG", "notes.txt", ".hidden.png")
    (tmp_path / "1.png").mkdir()
    assert is_image_sequence(tmp_path)
    assert images_of(tmp_path) == [(0, tmp_path / "2.PNG"), (1, tmp_path / "10.png")]


def test_pattern_takes_its_numbers_from_the_names(tmp_path: Path) -> None:
    touch(tmp_path, "a_9.png", "a_0009.png", "a_0012.png", "a_10000.png", "a_x.png", "b_0010.png", "a_0010.png.bak")
    found = images_of(tmp_path / "a_%04d.png")
    assert [(number, image.name) for number, image in found] == [
        (9, "a_0009.png"),
        (12, "a_0012.png"),
        (10000, "a_10000.png"),
    ]
    assert [number for number, _ in images_of(tmp_path / "a_%d.png")] == [9, 9, 12, 10000]


def test_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    assert is_image_sequence(tmp_path / "100%d.mp4")
    touch(tmp_path, "100%d.mp4")
    assert not is_image_sequence(tmp_path / "100%d.mp4")
    assert not is_image_sequence(tmp_path / "clip.mp4")


def test_pattern_in_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        images_of(tmp_path / "nowhere" / "%04d.png")
