import pytest

from backend.commands.progress_bar import ProgressBar


def test_a_bar_for_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as progress:
        progress("people", 0.5, 2)
        progress("people", 0.25)
        progress("people", 1.0)
        progress("pose", 1.0)
    people, pose = capsys.readouterr().err.strip().split("\n")  # a carriage return draws a bar again
    assert people.split("\r")[-1].startswith("people    100%")
    assert pose.split("\r")[-1].startswith("pose      100%")


def test_silent_for_other_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(silent=True) as progress:
        progress("people", 1.0)
    assert capsys.readouterr() == ("", "")
