from collections.abc import Callable
from pathlib import Path

import pytest

from backend import cli


@pytest.mark.parametrize(
    "command",
    [
        ["capture", "{footage}", "-o", "{folder}/out"],
        ["evaluate", "footage", "{footage}", "--networks", "per-frame"],
    ],
)
def test_people_are_seen_by_the_detector_that_is_asked_for(
    command: list[str],
    make_video: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is not installed where this looks for it."""
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "cache"))
    arguments = [argument.format(footage=make_video(), folder=tmp_path) for argument in command]
    assert cli.main([*arguments, "--detector", "heavy"]) == 1
    assert "Run 'limber setup --heavy', which brings it" in capsys.readouterr().err
