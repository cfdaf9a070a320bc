"""BlazePose's model files: which there are, where each lies, and what brings it.

All but the heavy landmark model lie inside the mediapipe wheel, which is installed but never imported. Imports nothing
heavy, so that a command can list its choices at once.
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

    @property
    def is_here(self) -> bool:
        return self._path is not None

    def find(self) -> Path:
        """Where it is.

        Raises:
            ModelFileError: if it is not here.
        """
        path = self._path
        if path is None:
            raise ModelFileError(f"BlazePose's file {self.name} is not installed. {self.brought_by}")
        return path

    @property
    def _path(self) -> Path | None:
        folder = self.folder()
        return folder / self.name if folder is not None and (folder / self.name).is_file() else None


def _wheel_folder() -> Path | None:
    try:
        return Path(str(metadata.distribution("mediapipe").locate_file("mediapipe/modules")))
    except metadata.PackageNotFoundError:
        return None


_WHEEL = "Run 'limber setup', or 'pip install --no-deps mediapipe==0.10.21', which brings it."

DETECTOR = ModelFile("pose_detection/pose_detection.tflite", _wheel_folder, _WHEEL)
HEAVY = ModelFile(
    "pose_landmark_heavy.tflite",
    weights_folder,
    "Run 'limber setup --heavy', which brings it, or choose the detector full.",
)
#: The landmark models, by the names under which users choose them as their detector; the best first, and last the one
#: that is always here.
LANDMARKS: Mapping[str, ModelFile] = MappingProxyType(
    {"heavy": HEAVY, "full": ModelFile("pose_landmark/pose_landmark_full.tflite", _wheel_folder, _WHEEL)}
)
#: The best that is here.
AUTO = "auto"
#: What users may ask for.
DETECTORS = (AUTO, *LANDMARKS)


def choose_landmarks(detector: str) -> str:
    """The name of the landmark model by which people are seen, whose file is here.

    Args:
        detector: one of :data:`DETECTORS`.

    Raises:
        ModelFileError: if there is none of that name, or its file is not here.
    """
    if detector == AUTO:
        detector = next((name for name, file in LANDMARKS.items() if file.is_here), [*LANDMARKS][-1])
    if detector not in LANDMARKS:
        raise ModelFileError(
            f"Detector '{detector}' is unknown. Choose {', '.join(DETECTORS[:-1])} or {DETECTORS[-1]}."
        )
    LANDMARKS[detector].find()
    return detector
