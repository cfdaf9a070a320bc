from pathlib import Path

import pytest

from backend.cli import main


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mps-net", "nosuch"], "Network 'nosuch' is unknown. Choose all, or some of mps-net, "),
        (["mps-net", "tar", "--go-on-from", "{folder}"], "tar.safetensors does not exist"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_trained(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mps-net.safetensors").touch()
    named = [argument.format(folder=tmp_path) for argument in arguments]
    assert main(["train", *named, "--motions", str(tmp_path), "-o", str(tmp_path / "runs")]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
