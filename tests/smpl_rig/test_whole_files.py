from pathlib import Path

import pytest

from smpl_rig.whole_files import whole_file


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    with whole_file(path) as part:
        part.write_text("frame,x\n")
        assert not path.exists()
        assert part.parent == tmp_path
    assert path.read_text() == "frame,x\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_what_was_there_stays_if_writing_fails(raised: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    path.write_text("before")

    def fail() -> None:
        with whole_file(path) as part:
            part.write_text("half")
            raise raised

    with pytest.raises(raised):
        fail()
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "gone" / "take.csv"):
        pass
