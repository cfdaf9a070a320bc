from __future__ import annotations

import subprocess
import sys

import pytest

from backend.people import model_files


def test_a_file_that_is_not_installed_is_named_with_what_brings_it() -> None:
    with pytest.raises(model_files.ModelFileError, match=r"mediapipe/nothing\.tflite.*mediapipe==0\.10\.21"):
        model_files.interpreter("mediapipe/nothing.tflite", 1)


def test_mediapipe_is_never_imported() -> None:
    script = "import sys, backend.people.tracking as t; t.PeopleTracker(1); sys.exit('mediapipe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
