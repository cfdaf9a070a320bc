from pathlib import Path

import pytest

from backend.cli import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulated", "--motions", "{folder}", "--networks", "nosuch"], "Network 'nosuch' is unknown"),
        (["simulated", "--motions", "{folder}"], "There is no motion"),
        (["footage", "{folder}/gone.mp4"], "gone.mp4 does not exist"),
        (["smoothing", "--films", "{folder}"], "holds no films (clip_*.npz)"),
        (["smoothing", "--films", "{folder}", "--learn", "4"], "nothing to learn from. Name --motions"),
        (["dataset", "nosuch", "{folder}"], "Dataset 'nosuch' is unknown"),
        (["dataset", "3dpw", "{folder}"], "Choose the folder into which 3DPW was unpacked"),
    ],
)
def test_says_what_is_wrong(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *[argument.format(folder=tmp_path) for argument in arguments]]) == 1
    assert said in capsys.readouterr().err.splitlines()[-1]
