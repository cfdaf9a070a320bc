"""BlazePose's model files: which there are, where each lies, and what brings it.

Two lie inside the mediapipe wheel, which is installed but never imported. Imports nothing heavy, so that a command can
list its choices at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from backend.cache import weights_folder
from smpl_rig.errors import LimberError


class ModelFileError(LimberError):
    """A model's file is unknown, or not here, or cannot be brought or read."""


@dataclass(frozen=True)
class ModelFile:
    """One model's.

    Attributes:
        name: its path in ``folder``.
        folder: gives where it is looked for; None if there is no such place here.
        brought_by: what a user is to do for it.
    """

    name: str
    folder: Callable[[], Path | None]
    brought_by: str

    def find(self) -> Path:
        """Where it is.

        Raises:
            ModelFileError: if it is not here.
        """
        folder = self.folder()
        if folder is None or not (folder / self.name).is_file():
            raise ModelFileError(f"BlazePose's file {self.name} is not installed. {self.brought_by}")
        return folder / self.name


def _wheel_folder() -> Path | None:
    try:
        return Path(str(metadata.distribution("mediapipe").locate_file("mediapipe/modules")))
    except metadata.PackageNotFoundError:
        return None


_WHEEL = "Run 'limber setup', or 'pip install --no-deps mediapipe==0.10.21', which brings it."

DETECTOR = ModelFile("pose_detection/pose_detection.tflite", _wheel_folder, _WHEEL)
#: The landmark models, by the names under which users choose them as their detector.
LANDMARKS: Mapping[str, ModelFile] = MappingProxyType(
    {
        "full": ModelFile("pose_landmark/pose_landmark_full.tflite", _wheel_folder, _WHEEL),
        "heavy": ModelFile(
            "pose_landmark_heavy.tflite",
            weights_folder,
            "Run 'limber setup --heavy', which brings it, or choose the detector full.",
        ),
    }
)
DEFAULT_LANDMARKS = "full"


def landmarks_file(name: str) -> Path:
    """Where the landmark model of that name is.

    Raises:
        ModelFileError: if there is none of that name, or its file is not here.
    """
    if name not in LANDMARKS:
        raise ModelFileError(f"Detector '{name}' is unknown. Choose {' or '.join(LANDMARKS)}.")
    return LANDMARKS[name].find()
