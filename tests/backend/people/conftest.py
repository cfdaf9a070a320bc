"""Pictures of the embedded body with what mediapipe itself sees in them (see make_golden.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.footage import open_footage
from backend.people.detection import PersonDetector
from backend.people.landmarks import LandmarkModel

GOLDEN = Path(__file__).parent / "golden"
SHARED_FOOTAGE = Path(__file__).resolve().parents[3].parent / "shared" / "footage"


@dataclass(frozen=True, eq=False)
class Golden:
    """A picture (H, W, 3) RGB and what mediapipe makes of it: pixels, metres."""

    image: np.ndarray
    score: float
    keypoints: np.ndarray
    landmarks: np.ndarray
    world: np.ndarray


def _answers() -> dict[str, dict[str, list[list[float]]]]:
    return json.loads((GOLDEN / "landmarks.json").read_text())


def _golden(image: np.ndarray, answer: dict) -> Golden:
    return Golden(image, answer["score"], *(np.array(answer[key]) for key in ("keypoints", "landmarks", "world")))


def read_picture(name: str) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(GOLDEN / name)), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="session")
def rendered() -> dict[str, Golden]:
    return {
        name: _golden(read_picture(name), answer) for name, answer in _answers().items() if name.startswith("body_")
    }


@pytest.fixture(scope="session")
def real_frames() -> Callable[[str], list[Golden]]:
    """Frames of a shared clip; skips where the clip is absent."""

    def frames(clip: str) -> list[Golden]:
        if not (SHARED_FOOTAGE / clip).is_file():
            pytest.skip(f"shared/footage/{clip} is absent")
        wanted = {
            int(name.removeprefix(f"{clip}@").removesuffix(".png")): answer
            for name, answer in _answers().items()
            if name.startswith(f"{clip}@") and answer
        }
        read = open_footage(SHARED_FOOTAGE / clip).frames()
        return [_golden(frame.image, wanted[frame.index]) for frame in read if frame.index in wanted]

    return frames


@pytest.fixture(scope="session")
def detector() -> PersonDetector:
    return PersonDetector(threads=2)


@pytest.fixture(scope="session")
def landmark_model() -> LandmarkModel:
    return LandmarkModel(2, "full")
