"""What every dataset comes down to: one person in one piece of footage, with the truth in the camera's axes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import rotations
from smpl_rig.errors import LimberError
from smpl_rig.pickles import PickleError, read_pickle
from smpl_rig.skeleton import JOINT_COUNT

Floats = NDArray[np.floating[Any]]

#: The joints of each convention, by name, in its order.
JOINT_SETS: Mapping[str, tuple[str, ...]] = {
    name: tuple(joints) for name, joints in json.loads((Path(__file__).parent / "joint_sets.json").read_text()).items()
}


class DatasetError(LimberError):
    """A dataset's files are missing, or are not laid out as its authors publish them."""


@dataclass(frozen=True, eq=False)
class Posed:
    """SMPL's parameters over T frames, in the camera's axes.

    Attributes:
        gender: of the body that they belong to.
        betas: (10,).
        local_rotations: (T, 24, 4) unit quaternions; the pelvis's is its orientation in the camera's axes.
    """

    gender: str
    betas: Floats
    local_rotations: Floats


@dataclass(frozen=True, eq=False)
class FilmedPerson:
    """One person in a sequence of T frames.

    Attributes:
        name: of the sequence, with the person's number where there are several.
        actions: (T,) of the frames, by which errors are told apart.
        images: pattern of the images, or a video.
        first_image: number of the image that shows the truth's first frame.
        stride: images from one frame of the truth to the next.
        frame_rate: of the images.
        boxes: (T, 4) pixel x, y, width, height about the person; NaN where they are not known.
        valid: (T,) frames that the protocol counts.
        joint_names: J names, as in SMPL's skeleton or :data:`JOINT_SETS`.
        joints: (T, J, 3) metres, camera axes, about any origin.
        posed: SMPL's parameters, where the dataset has them.
    """

    name: str
    actions: NDArray[np.str_]
    images: Path
    first_image: int
    stride: int
    frame_rate: Fraction
    boxes: Floats
    valid: NDArray[np.bool_]
    joint_names: Sequence[str]
    joints: Floats
    posed: Posed | None = None


def posed_in_camera(gender: str, betas: Floats, poses: Floats, camera_from_world: Floats) -> Posed:
    """From (T, 72) axis-angle vectors in the world and (T, 3, 3) rotations of the camera."""
    local = rotations.exp(poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3))
    local[:, 0] = rotations.multiply(rotations.from_matrix(camera_from_world), local[:, 0])
    return Posed(gender, betas.astype(np.float64), local)


def boxes_about(keypoints: Floats, seen: NDArray[np.bool_]) -> Floats:
    """(T, 4) pixel x, y, width, height about the points (T, P, 2) that are seen (T, P); NaN where none is."""
    known = np.where(seen[..., None], keypoints, np.nan)
    boxes = np.full((len(keypoints), 4), np.nan)
    somebody = seen.any(axis=1)
    low, high = np.nanmin(known[somebody], axis=1), np.nanmax(known[somebody], axis=1)
    boxes[somebody] = np.concatenate((low, high - low), axis=-1)
    return boxes


def files(folder: Path, pattern: str, dataset: str) -> list[Path]:
    """Files of a dataset, sorted.

    Raises:
        DatasetError: if there is none.
    """
    found = sorted(folder.glob(pattern))
    if not found:
        raise DatasetError(f"{folder} holds no {pattern}. Choose the folder into which {dataset} was unpacked.")
    return found


def pickled(path: Path) -> dict[str, Any]:
    """A dataset's pickle, of Python 2 or 3, which must be a dictionary.

    Raises:
        DatasetError: if it is damaged, no dictionary, or asks for anything but values and arrays.
    """
    try:
        data = read_pickle(path)
    except (OSError, PickleError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise DatasetError(f"{path} holds {type(data).__name__}, expected a dictionary.")
    return data


def entry(path: Path, data: Mapping[str, Any], key: str) -> Any:
    """A value of a file.

    Raises:
        DatasetError: if there is none of that key.
    """
    if key not in data:
        raise DatasetError(f"{path} lacks the key '{key}'.")
    return data[key]


def numbers(path: Path, key: str, value: Any, shape: Sequence[int | None]) -> Floats:
    """A value of a file as numbers of a shape; None stands for any size.

    Raises:
        DatasetError: if it is of another shape or kind.
    """
    array = np.asarray(value)
    fits = array.ndim == len(shape) and all(
        wanted in {None, size} for wanted, size in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in "biuf":
        expected = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
        raise DatasetError(
            f"{path}: '{key}' has shape {array.shape} and type {array.dtype}, expected {expected} numbers."
        )
    return array
