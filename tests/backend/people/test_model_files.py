from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backend.people.interpreter import interpreter
from backend.people.model_files import (
    DETECTOR,
    LANDMARKS,
    ModelFile,
    ModelFileError,
    choose_landmarks,
)


def test_what_set_up_brings_is_here() -> None:
    for path in (DETECTOR.find(), LANDMARKS["full"].find(), LANDMARKS[choose_landmarks("auto")].find()):
        assert path.stat().st_size > 1e6


@pytest.mark.parametrize("folder", [lambda: None, Path])
def test_a_file_that_is_not_installed_is_named_with_what_brings_it(folder: type) -> None:
    with pytest.raises(ModelFileError, match=r"nothing\.tflite is not installed\. Bring it\."):
        ModelFile("nothing.tflite", folder, "Bring it.").find()


def test_the_wheels_files_are_brought_by_set_up() -> None:
    for file in (DETECTOR, LANDMARKS["full"]):
        assert "'limber setup'" in file.brought_by
        assert "mediapipe==0.10.21" in file.brought_by


def test_the_heavy_model_lies_with_the_weights_that_were_brought(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    with pytest.raises(ModelFileError, match=r"pose_landmark_heavy\.tflite .* Run 'limber setup --heavy'"):
        choose_landmarks("heavy")
    assert choose_landmarks("auto") == "full"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "pose_landmark_heavy.tflite").write_bytes(b"")
    assert LANDMARKS[choose_landmarks("heavy")].find() == tmp_path / "weights" / "pose_landmark_heavy.tflite"
    assert choose_landmarks("auto") == "heavy"
    assert choose_landmarks("full") == "full"


def test_a_model_that_nobody_knows_is_refused_with_the_choices() -> None:
    with pytest.raises(ModelFileError, match=r"Detector 'tiny' is unknown\. Choose auto, heavy or full\."):
        choose_landmarks("tiny")


def test_a_file_that_holds_no_model(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"half of something")
    with pytest.raises(ModelFileError, match=r"broken\.tflite holds no model"):
        interpreter(path, 1)


def test_the_choices_wait_for_nothing_heavy() -> None:
    asked = "import sys, backend.people.model_files; sys.exit('ai_edge_litert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_mediapipe_is_never_imported() -> None:
    script = "import sys, backend.people.tracking as t; t.PeopleTracker(1); sys.exit('mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
