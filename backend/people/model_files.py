"""Where BlazePose's two models lie: inside the mediapipe wheel, which is installed but never imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from smpl_rig.errors import LimberError

DETECTOR = "mediapipe/modules/pose_detection/pose_detection.tflite"
LANDMARKS = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"


class ModelFileError(LimberError):
    """A model's file is not in this environment."""


def interpreter(file: str, threads: int) -> Any:
    """A LiteRT interpreter, ready to run.

    Raises:
        ModelFileError: if the wheel that carries the file is not installed.
    """
    try:
        path = Path(str(metadata.distribution("mediapipe").locate_file(file)))
    except metadata.PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise ModelFileError(
            f"BlazePose's file {file} is not installed. "
            "Run 'limber setup', or 'pip install --no-deps mediapipe==0.10.21', which brings it."
        )
    loaded = Interpreter(model_path=str(path), num_threads=threads)
    loaded.allocate_tensors()
    return loaded
