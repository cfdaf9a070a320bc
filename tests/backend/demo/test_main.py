"""The whole way, as ``make demo`` goes it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.demo import __main__ as demo
from backend.demo.clip import RenderedClip
from backend.footage import open_footage
from smpl_rig.motion import Motion

WRITTEN = {"person_0.npz", "person_0.fbx", "person_0.bvh", "preview.mp4", "report.json"}


def test_renders_captures_exports_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["backend.demo", "--out", str(tmp_path)])
    assert demo.main() == 0
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN | {"clip.mp4", "comparison.json"}
    assert len(Motion.load(tmp_path / "person_0.npz")) == 120
    assert open_footage(tmp_path / "preview.mp4").duration_s == pytest.approx(4, abs=0.05)
    rows = json.loads((tmp_path / "comparison.json").read_text())
    said = capsys.readouterr().out
    for name, row in rows.items():
        assert f"{name:<34}{row['pa_mpjpe']:>10.1f}{row['mpjpe']:>10.1f}{row['acc_err']:>10.1f}" in said
    assert rows["Limber, raw"]["pa_mpjpe"] < rows["BlazePose's own 3D"]["pa_mpjpe"]
    assert "frames per second" in said


def test_captures_footage_that_is_given(
    rendered_clip: RenderedClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "person_0.npz").touch()  # of an earlier demo, which is written over
    monkeypatch.setattr("sys.argv", ["backend.demo", "--footage", str(rendered_clip.path), "--out", str(tmp_path)])
    assert demo.main() == 0
    assert len(Motion.load(tmp_path / "person_0.npz")) == 120
    assert {path.name for path in tmp_path.iterdir()} == WRITTEN
    assert "PA-MPJPE" not in capsys.readouterr().out


@pytest.mark.parametrize("footage", ["nowhere.mp4", "{grey}"])
def test_footage_that_shows_nobody_or_is_not_there(
    footage: str, make_video: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = footage.format(grey=make_video())
    monkeypatch.setattr("sys.argv", ["backend.demo", "--footage", path, "--out", str(tmp_path)])
    assert demo.main() == (0 if footage == "{grey}" else 1)
    assert not (tmp_path / "person_0.npz").exists()
