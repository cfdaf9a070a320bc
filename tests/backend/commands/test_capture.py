import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend import cli
from backend.commands.capture import summary
from backend.demo.clip import RenderedClip
from smpl_rig.motion import Motion


def test_captures_exports_and_reports(
    rendered_clip: RenderedClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["capture", str(rendered_clip.path), "-o", str(out), "--end", "0.5", "--export", "fbx,bvh", "--preview"]
    assert cli.main([*arguments, "--height", "1.83", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((out / "report.json").read_text())
    assert report["footage"]["frames_read"] == 16
    assert report["frames_per_second"] > 0
    assert report["heights_m"] == [1.83]
    assert {Path(path).name for path in report["written"]} == {
        "person_0.npz",
        "person_0.fbx",
        "person_0.bvh",
        "preview.mp4",
    }
    assert all(Path(path).stat().st_size > 0 for path in report["written"])
    assert len(Motion.load(out / "person_0.npz")) == 16
    assert {path.name for path in out.iterdir()} == {*(Path(path).name for path in report["written"]), "report.json"}


@pytest.mark.parametrize(("people", "said"), [(0, "0 people"), (1, "1 person"), (2, "2 people")])
def test_the_summary_counts_people_in_words_and_says_how_tall_they_are(people: int, said: str) -> None:
    report = {
        "warnings": ["It is dark."],
        "footage": {"frames_read": 16},
        "people_found": [{"person": number} for number in range(people)],
        "people_captured": list(range(people)),
        "heights_m": [1.742, 1.6][:people],
        "frames_per_second": 20.5,
        "device": "cpu",
    }
    counted = ["warning: It is dark.", f"16 frames, {said} found, 20.5 frames per second on cpu"]
    tall = ["person 0 is 1.74 m tall", "person 1 is 1.60 m tall"][:people]
    assert summary(report).splitlines() == [*counted, *tall]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["capture", "nowhere.mp4", "-o", "{out}"], "nowhere.mp4"),
        (["capture", "{video}", "-o", "{out}", "--network", "mps-net-paper"], "has no weights"),
        (["capture", "{video}", "-o", "{out}", "--body", "nobody.npz"], "nobody.npz"),
        (["capture", "{video}", "-o", "{out}", "--fov", "500"], "500"),
        (["capture", "{video}", "-o", "{out}", "--height", "0.7"], "cannot stand 0.7 m tall"),
        (["capture", "{video}", "-o", "{video}/inside"], "inside"),
    ],
)
def test_says_what_is_wrong(
    arguments: list[str],
    said: str,
    make_video: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"out": tmp_path / "out", "video": make_video()}
    assert cli.main([argument.format(**places) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert said in error.splitlines()[-1]
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["--smoothness", "2"],
        ["--export", "fbx,doc"],
        ["--fov", "50", "--focal-px", "9"],
        ["--person", "bob"],
        ["--detector", "tiny"],
    ],
)
def test_refuses_options_that_cannot_be(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["capture", "x.mp4", "-o", "out", *arguments])
    assert exit_.value.code == 2


@pytest.mark.parametrize("height", ["178", "0.49", "-1.7", "nan", "178cm"])
def test_refuses_a_height_that_nobody_has(height: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["capture", "x.mp4", "-o", "out", f"--height={height}"])
    assert exit_.value.code == 2
    assert f"argument --height: {height} does not lie between 0.5 and 2.5: give" in capsys.readouterr().err


def test_an_interrupt_leaves_nothing_half_written(rendered_clip: RenderedClip, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "backend.cli", "capture", str(rendered_clip.path), "-o", str(out), "--preview"]

    def heed_interrupts() -> None:  # a test run in the background may hand down that they are ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)  # noqa: PLW1509
    deadline = time.monotonic() + 60
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert list(out.iterdir()) == []
