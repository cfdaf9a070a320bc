"""Recordings of Pose2Sim (Pagnon et al. 2022): people filmed by calibrated cameras, and where their joints were found.

Files are sought in the folder and those in it: one ``*.toml`` with the calibration, videos, and a ``.trc`` for each
person. In the calibration each camera has ``matrix`` (3, 3) and ``distortions`` (k1, k2, p1, p2) in pixels, and
``rotation`` (Rodrigues' vector) and ``translation`` (metres) from the world, Z up, to the camera. The name of its video
ends in the camera's number (``cam_01``, ``static_cam01.mp4``). A ``.trc`` holds markers over time, Y up: the world's x,
y and z are its z, x and y. Its first frame is taken to be the videos' first. All cameras are scored.

Joints were triangulated from a 2D detector's, so that they are known to a centimetre or two, hips less.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .filmed import DatasetError, FilmedPerson, boxes_about, entry, files, numbers

Floats = NDArray[np.floating[Any]]

_UNITS = {"m": 1.0, "mm": 0.001}
_JOINTS = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
_MARKERS = {f"{side}_{joint.lower()}": f"{side[0].upper()}{joint}" for joint in _JOINTS for side in ("left", "right")}
_VIDEOS = {".mp4", ".mov", ".avi", ".mkv", ".m4v", ".mpg", ".webm"}
#: Rows of a ``.trc`` before its numbers: three of the file, two of the columns.
_HEAD = 5


@dataclass(frozen=True, eq=False)
class _Camera:
    """Of the world (Z up, metres): Rodrigues' vectors (3,), the lens (3, 3) and (4,), pixels."""

    name: str
    rotation: Floats
    translation: Floats
    K: Floats
    distortions: Floats


def read(folder: Path) -> Iterator[FilmedPerson]:
    """Every person before every camera.

    Raises:
        DatasetError: naming the file and what is wrong with it.
    """
    calibrations = files(folder, "**/*.toml", "the recording")
    calibrated = [path for path in calibrations if "calib" in path.name.lower()] or calibrations
    if len(calibrated) > 1:
        raise DatasetError(
            f"{folder} holds several calibrations: {calibrated[0].name}, {calibrated[1].name}. Keep one."
        )
    cameras = _cameras(calibrated[0])
    videos = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _VIDEOS]
    for markers in files(folder, "**/*.trc", "the recording"):
        frame_rate, joints = _joints(markers)
        for camera in cameras:
            yield _person(markers, joints, frame_rate, camera, _video_of(camera, videos, folder))


def _person(markers: Path, joints: Floats, frame_rate: Fraction, camera: _Camera, video: Path) -> FilmedPerson:
    turn = cv2.Rodrigues(camera.rotation)[0]
    frames, count, _ = joints.shape
    pixels, _ = cv2.projectPoints(
        np.nan_to_num(joints).reshape(-1, 3), camera.rotation, camera.translation, camera.K, camera.distortions
    )
    known = np.isfinite(joints).all(axis=-1)  # (T, J)
    return FilmedPerson(
        name=f"{markers.stem}, {camera.name}",
        actions=np.full(frames, markers.stem),
        images=video,
        first_image=0,
        stride=1,
        frame_rate=frame_rate,
        boxes=boxes_about(pixels.reshape(frames, count, 2), known),
        valid=known.all(axis=1),
        joint_names=tuple(_MARKERS),
        joints=np.nan_to_num(joints) @ turn.T + camera.translation,
    )


def _cameras(path: Path) -> list[_Camera]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    found = []
    for name, data in content.items():
        if isinstance(data, dict) and "matrix" in data:
            if data.get("fisheye"):
                raise DatasetError(f"{path}: '{name}' is a fisheye camera, which is not understood.")
            lens = [numbers(path, key, entry(path, data, key), shape) for key, shape in
                    (("rotation", (3,)), ("translation", (3,)), ("matrix", (3, 3)), ("distortions", (4,)))]  # fmt: skip
            found.append(_Camera(name, *(values.astype(np.float64) for values in lens)))
    if not found:
        raise DatasetError(f"{path} holds no camera with a 'matrix'.")
    return found


def _video_of(camera: _Camera, videos: list[Path], folder: Path) -> Path:
    number = _last_number(camera.name)
    found = [video for video in videos if number is not None and _last_number(video.stem) == number]
    if len(found) != 1:
        told = f"{found[0].name} and {found[1].name}" if found else "none"
        raise DatasetError(f"{folder}: of the videos one must end in the number of '{camera.name}'; found {told}.")
    return found[0]


def _last_number(name: str) -> int | None:
    digits = re.search(r"(\d+)\D*$", name)
    return int(digits[1]) if digits else None


def _joints(path: Path) -> tuple[Fraction, Floats]:
    """Frames per second and joints (T, 12, 3), metres, world; NaN where they are not known."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if len(lines) <= _HEAD or not lines[0].startswith("PathFileType"):
        raise DatasetError(f"{path} is no .trc file: it begins with {lines[0][:20] if lines else ''!r}.")
    told = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    unit = entry(path, told, "Units")
    if unit not in _UNITS:
        raise DatasetError(f"{path}: 'Units' is '{unit}', expected one of {', '.join(_UNITS)}.")
    markers = [name for name in lines[3].split("\t")[2:] if name.strip()]
    missing = [name for name in _MARKERS.values() if name not in markers]
    if missing:
        raise DatasetError(f"{path} has no marker '{missing[0]}'.")
    values = _values(path, lines[_HEAD:], 2 + 3 * len(markers))
    places = values[:, 2:].reshape(len(values), len(markers), 3)[:, [markers.index(name) for name in _MARKERS.values()]]
    return _rate(path, entry(path, told, "DataRate")), _UNITS[unit] * places[..., [2, 0, 1]]


def _rate(path: Path, text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except ValueError as error:
        raise DatasetError(f"{path}: 'DataRate' is '{text}', expected a number.") from error
    if rate <= 0:
        raise DatasetError(f"{path}: 'DataRate' is {rate}, expected more than 0.")
    return rate


def _values(path: Path, lines: list[str], columns: int) -> Floats:
    """(T, columns); NaN where a cell is empty."""
    rows = []
    for number, line in enumerate(lines, _HEAD + 1):
        if not line.strip():
            continue
        cells = [*line.split("\t"), *[""] * columns][:columns]
        try:
            rows.append([float(cell) if cell.strip() else np.nan for cell in cells])
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: {error}.") from error
    if not rows:
        raise DatasetError(f"{path} holds no frame.")
    return np.array(rows)
