from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backend.commands.output_files import keep_earlier, make_folder, print_paths, save_motions
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion


def test_a_folder_is_made_with_those_around_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert [*(tmp_path / "a" / "b").iterdir()] == []


@pytest.mark.parametrize("folder", ["/proc", "/proc/self/fd"])
def test_a_folder_that_takes_no_files_is_refused(folder: str) -> None:
    if not Path(folder).is_dir():
        pytest.skip("Linux has such folders, whoever asks")
    with pytest.raises(LimberError, match=f"Nothing can be written in {folder}"):
        make_folder(Path(folder))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LimberError, match="cannot be made"):
        make_folder(tmp_path / "file")


def test_each_person_has_a_file(make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    motion = make_motion(frames=5)
    (path,) = save_motions([motion], tmp_path)
    assert path == tmp_path / "person_0.npz"
    np.testing.assert_allclose(Motion.load(path).poses, motion.poses, atol=1e-6)


def test_a_folder_that_holds_people_is_not_written_over(tmp_path: Path) -> None:
    keep_earlier(tmp_path)
    keep_earlier(tmp_path / "that is not there yet")
    (tmp_path / "report.json").touch()
    keep_earlier(tmp_path)
    (tmp_path / "person_1.npz").touch()
    with pytest.raises(LimberError, match=r"holds person_1\.npz already.*--overwrite"):
        keep_earlier(tmp_path)


def test_paths_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    print_paths([Path("a.npz"), Path("b.fbx")])
    assert capsys.readouterr().out == "  a.npz\n  b.fbx\n"
