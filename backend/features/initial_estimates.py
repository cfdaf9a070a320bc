"""Pose, shape and camera that another program found in each frame, for the networks that start from such estimates.

Read are the files that 4D-Humans (HMR2 with PHALP's tracker, ``demo_*.pkl``) and CLIFF (``*_cliff_*.npz``) write.
Nothing in them is run: pickles go through :mod:`smpl_rig.pickles`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.models import rotation6d
from backend.models.frame_features import FrameFeatures
from backend.models.regressor import MEAN_CAMERA
from backend.people.sort import overlaps
from backend.people.tracks import Track
from smpl_rig import rotations
from smpl_rig.errors import LimberError
from smpl_rig.pickles import PickleError, read_pickle
from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from .crops import square_boxes

Floats = NDArray[np.floating[Any]]

#: A prediction is a person's if their boxes overlap by more (intersection over union).
MIN_OVERLAP = 0.25
#: No footage has more frames.
_LAST_FRAME = 1e9
#: How far from orthonormal a rotation matrix may be.
_MATRIX_TOLERANCE = 1e-2


class PredictionError(LimberError):
    """A file of another program's predictions is not what that program writes."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """N bodies found in footage, each in one frame.

    Attributes:
        frames: (N,) of the footage, from 0.
        boxes: (N, 4) x, y, width, height of the person, pixels.
        rotations: (N, 24, 3, 3) local, the pelvis's in camera axes.
        betas: (N, 10).
        scale: (N,) pixels that a metre takes where the body is.
        origin: (N, 2) pixel at which the body's origin is seen.
    """

    frames: NDArray[np.int64]
    boxes: Floats
    rotations: Floats
    betas: Floats
    scale: Floats
    origin: Floats


@dataclass(frozen=True, eq=False)
class InitialEstimates:
    """What was predicted of one person, for each frame of their track; the mean body where nothing was.

    Attributes:
        pose6d: (T, 24, 6), see :mod:`backend.models.rotation6d`.
        betas: (T, 10).
        camera: (T, 3) in the square about the track's box, see :mod:`backend.models.crop_camera`.
        predicted: (T,) bool.
    """

    pose6d: Tensor
    betas: Tensor
    camera: Tensor
    predicted: Tensor


def read_predictions(path: str | os.PathLike[str], image_size: tuple[int, int]) -> Predictions:
    """Reads a file of 4D-Humans (.pkl) or CLIFF (.npz).

    Args:
        path: the file.
        image_size: width and height of the footage, pixels.

    Raises:
        PredictionError: if it cannot be read or is malformed; the message names the key.
    """
    path = Path(path)
    readers = {".pkl": _read_phalp, ".npz": _read_cliff}
    if path.suffix not in readers:
        raise PredictionError(f"{path.name} is no file of predictions. Choose 4D-Humans' .pkl or CLIFF's .npz.")
    if not path.is_file():
        raise PredictionError(f"{path} does not exist. Choose 4D-Humans' .pkl or CLIFF's .npz.")
    try:
        return readers[path.suffix](path, image_size)
    except PredictionError as error:
        raise PredictionError(f"{path.name}: {error}") from error


def initial_estimates(predictions: Predictions, track: Track, first_frame: int = 0) -> InitialEstimates:
    """The predictions that are of a track's person: in each frame, that whose box overlaps theirs the most.

    Args:
        predictions: of everybody in the footage.
        track: of one person.
        first_frame: of the footage, the one that the track counts as 0.
    """
    length = len(track)
    pose6d, betas = rotation6d.identity(length, JOINT_COUNT), torch.zeros(length, BETA_COUNT)
    camera, predicted = torch.tensor(MEAN_CAMERA).repeat(length, 1), torch.zeros(length, dtype=torch.bool)
    squares = square_boxes(track.boxes)
    for index in np.flatnonzero(track.observed):
        there = np.flatnonzero(predictions.frames == track.frames[index] + first_frame)
        shared = overlaps(track.boxes[index][None], predictions.boxes[there])[0]
        if shared.max(initial=0.0) <= MIN_OVERLAP:
            continue
        chosen = there[shared.argmax()]
        pose6d[index] = rotation6d.from_matrix(torch.from_numpy(predictions.rotations[chosen]).float())
        betas[index] = torch.from_numpy(predictions.betas[chosen])
        scale, centre, side = predictions.scale[chosen], squares[index, :2], squares[index, 2]
        tx, ty = (predictions.origin[chosen] - centre) / scale
        camera[index] = torch.tensor((2 * scale / side, tx, ty))
        predicted[index] = True
    return InitialEstimates(pose6d, betas, camera, predicted)


def with_estimates(pieces: Iterable[FrameFeatures], estimates: InitialEstimates) -> Iterator[FrameFeatures]:
    """Features of a track together with what was predicted. Frames of which nothing was count as not observed.

    Args:
        pieces: (1, any number of frames, ...), in order.
        estimates: for the same track.
    """
    begin = 0
    for piece in pieces:
        here, device = slice(begin, begin + len(piece)), piece.observed.device
        yield replace(
            piece,
            observed=piece.observed & estimates.predicted[here].to(device),
            initial_pose6d=estimates.pose6d[here][None].to(device),
            initial_betas=estimates.betas[here][None].to(device),
            initial_camera=estimates.camera[here][None].to(device),
        )
        begin += len(piece)


# --- 4D-Humans -----------------------------------------------------------------------------------------------------


def _read_phalp(path: Path, _image_size: tuple[int, int]) -> Predictions:
    """A dictionary of frames, in each of which every key has a list with an entry for each person."""
    try:
        content = read_pickle(path)
    except PickleError as error:
        raise PredictionError(f"it cannot be read. {error}") from error
    if not isinstance(content, dict):
        raise PredictionError(f"it holds a {type(content).__name__}, expected 4D-Humans' dictionary of frames.")
    found: list[tuple[Any, ...]] = []
    for name, frame in content.items():
        try:
            found += _people_of_frame(frame)
        except PredictionError as error:
            raise PredictionError(f"frame '{name}', {error}") from error
    columns = list(zip(*found, strict=True)) or [()] * 6
    return Predictions(
        frames=np.array(columns[0], dtype=np.int64),
        boxes=np.reshape(columns[1], (-1, 4)),
        rotations=np.reshape(columns[2], (-1, JOINT_COUNT, 3, 3)),
        betas=np.reshape(columns[3], (-1, BETA_COUNT)),
        scale=np.reshape(columns[4], -1),
        origin=np.reshape(columns[5], (-1, 2)),
    )


def _people_of_frame(frame: Any) -> Iterator[tuple[Any, ...]]:
    """Frame, box, rotations, betas, scale and origin of everybody who was seen and not merely expected there."""
    if not isinstance(frame, dict):
        raise PredictionError(f"which is a {type(frame).__name__}, expected a dictionary.")
    keys = ("bbox", "tracked_time", "smpl", "camera_bbox", "center", "scale")
    for key in ("time", *keys):
        if key not in frame:
            raise PredictionError(f"key '{key}' is missing.")
    for key in keys:
        if not isinstance(frame[key], list) or len(frame[key]) != len(frame[keys[0]]):
            raise PredictionError(f"key '{key}' is no list with an entry for each of the frame's people.")
    (time,) = _frame_numbers("time", [frame["time"]])
    for person in range(len(frame["bbox"])):
        if _numbers(f"tracked_time[{person}]", frame["tracked_time"][person], ()):
            continue
        smpl = frame["smpl"][person]
        if not isinstance(smpl, dict):
            raise PredictionError(f"key 'smpl[{person}]' is a {type(smpl).__name__}, expected a dictionary.")
        root, others = (
            _rotations(f"smpl[{person}].{key}", smpl.get(key), count)
            for key, count in (("global_orient", 1), ("body_pose", JOINT_COUNT - 1))
        )
        s, tx, ty = _numbers(f"camera_bbox[{person}]", frame["camera_bbox"][person], (3,))
        side = _numbers(f"scale[{person}]", frame["scale"][person], (2,)).max()
        if s <= 0 or side <= 0:
            raise PredictionError(f"keys 'camera_bbox[{person}]' and 'scale[{person}]' must be above 0.")
        scale = s * side / 2  # its crop is a square of the longer side
        yield (
            time,
            _numbers(f"bbox[{person}]", frame["bbox"][person], (4,)),
            np.concatenate((root, others)),
            _numbers(f"smpl[{person}].betas", smpl.get("betas"), (BETA_COUNT,)),
            scale,
            _numbers(f"center[{person}]", frame["center"][person], (2,)) + scale * np.array((tx, ty)),
        )


def _rotations(key: str, value: Any, count: int) -> Floats:
    """(count, 3, 3) from as many matrices, or from HMR2's six numbers for each."""
    try:
        six = np.shape(np.asarray(value)) == (count, 6)
    except Exception:  # refused just below, with its key
        six = False
    if six:
        numbers = torch.from_numpy(_numbers(key, value, (count, 6)))
        return rotation6d.to_matrix(rotation6d.from_hmr2_layout(numbers)).numpy()
    return _matrices(key, _numbers(key, value, (count, 3, 3)))


# --- CLIFF ---------------------------------------------------------------------------------------------------------


def _read_cliff(path: Path, image_size: tuple[int, int]) -> Predictions:
    """Arrays with a row for each person found in any frame."""
    keys = ("pose", "shape", "global_t", "focal_l", "detection_all")
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            raw = {key: archive[key] for key in keys if key in archive.files}
    except Exception as error:  # a damaged archive can raise nearly anything
        raise PredictionError(f"it cannot be read as CLIFF's .npz ({error}).") from error
    for key in keys:
        if key not in raw:
            raise PredictionError(f"key '{key}' is missing.")
    count = len(raw["shape"]) if raw["shape"].ndim else 0
    detections = raw["detection_all"]
    if detections.ndim != 2 or len(detections) != count or detections.shape[1] < 5:
        raise PredictionError(f"key 'detection_all' has shape {detections.shape}, expected ({count}, 5 or more).")
    detections = _numbers("detection_all", detections[:, :5], (count, 5))
    if raw["pose"].ndim == 2:
        vectors = _numbers("pose", raw["pose"], (count, 3 * JOINT_COUNT)).reshape(count, JOINT_COUNT, 3)
        local = rotations.to_matrix(rotations.exp(vectors))
    else:
        local = _matrices("pose", _numbers("pose", raw["pose"], (count, JOINT_COUNT, 3, 3)))
    transl = _numbers("global_t", raw["global_t"], (count, 3))
    focal_px = _numbers("focal_l", raw["focal_l"], (count,))
    if (transl[:, 2] <= 0).any() or (focal_px <= 0).any():
        raise PredictionError("keys 'global_t' and 'focal_l' must put every body before the camera.")
    scale = focal_px / transl[:, 2]
    return Predictions(
        frames=_frame_numbers("detection_all", detections[:, 0]),
        boxes=np.concatenate((detections[:, 1:3], detections[:, 3:5] - detections[:, 1:3]), axis=-1),
        rotations=local,
        betas=_numbers("shape", raw["shape"], (count, BETA_COUNT)),
        scale=scale,
        origin=np.array(image_size) / 2 + scale[:, None] * transl[:, :2],
    )


# --- both ----------------------------------------------------------------------------------------------------------


def _numbers(key: str, value: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        array = np.asarray(value)
    except Exception as error:  # a stand-in that was given no proper state
        raise PredictionError(f"key '{key}' is not an array: {error}") from error
    if array.dtype.kind not in "iuf":
        raise PredictionError(f"key '{key}' holds {array.dtype}, expected numbers.")
    if array.shape != shape:
        raise PredictionError(f"key '{key}' has shape {array.shape}, expected {shape}.")
    if not np.isfinite(array).all():
        raise PredictionError(f"key '{key}' holds values that are not finite numbers.")
    return array.astype(np.float64)


def _frame_numbers(key: str, value: Any) -> NDArray[np.int64]:
    numbers = _numbers(key, value, (len(value),))
    if (numbers != np.floor(numbers)).any() or (numbers < 0).any() or (numbers > _LAST_FRAME).any():
        raise PredictionError(f"key '{key}' holds frames that are not numbered from 0.")
    return numbers.astype(np.int64)


def _matrices(key: str, matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = np.abs(matrices.swapaxes(-1, -2) @ matrices - np.eye(3))
    if apart.max(initial=0) > _MATRIX_TOLERANCE or (np.linalg.det(matrices) < 0).any():
        raise PredictionError(f"key '{key}' holds matrices that are no rotations.")
    return matrices
