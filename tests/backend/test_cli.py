import re
import subprocess
import sys

import pytest

from backend import cli
from smpl_rig.errors import LimberError


def test_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    listed = re.findall(r"^ {4}([a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    assert " ".join(listed) == (
        "capture serve body import-weights networks import export retarget train evaluate setup"
    )


def test_help_waits_for_nothing_heavy() -> None:
    heavy = ("torch", "scipy", "cv2", "vtk", "fastapi", "tensorboard")
    asked = f"import sys, backend.cli; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [(LimberError("No such thing."), 1, "limber: No such thing."), (KeyboardInterrupt(), 130, "limber: interrupted")],
)
def test_what_went_wrong_is_said_in_one_line(
    raised: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_arguments: object) -> None:
        raise raised

    monkeypatch.setattr("backend.body.limber_body", fail)
    assert cli.main(["body"]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)
