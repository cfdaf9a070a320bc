"""One person as a file tells it in SMPL's parameters, before a body is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from ..skeleton import BETA_COUNT, JOINT_COUNT
from .content import Content, mapping

Floats = NDArray[np.floating[Any]]

#: What imported Motions say produced them; their motion is meant as it is, and nothing smooths it unasked.
SOURCES = ("aist++", "amass", "asf/amc", "bvh", "gltf", "gvhmr", "phalp", "skeleton", "vibe", "wham")
#: What files that tell no frame rate are taken to have.
ASSUMED_RATE = 30.0
#: Worlds with Y up, as most programs that estimate poses have them.
FROM_Y_UP = WORLD_FROM_BODY
#: Cameras, of which no file tells how they are tilted.
FROM_CAMERA = WORLD_FROM_LEVEL_CAMERA
#: Where SMPL-X's pelvis is in its T-pose (mean shape, neutral, metres). SMPL's 24 joint bodies have it 13 cm higher,
#: and ``transl`` moves each from its own place.
SMPLX_PELVIS: NDArray[np.float64] = np.array([0.0031, -0.3514, 0.0120])


@dataclass(frozen=True, eq=False)
class Filming:
    """The same person seen from the camera that filmed them.

    Attributes:
        orientation: (T, 4) the pelvis's rotation in the camera's axes.
        trans: (T, 3) metres, camera; the pelvis lies at its place in the T-pose + trans.
        K: (3, 3) pinhole camera in pixels.
        image_size: (2,) width and height in pixels.
        boxes: (T, 4) pixel x, y, width, height of the person; NaN where unknown.
    """

    orientation: Floats
    trans: Floats
    K: Floats
    image_size: NDArray[np.int64]
    boxes: Floats


@dataclass(frozen=True, eq=False)
class SmplResult:
    """One person over T frames.

    Attributes:
        source: which program's layout it was.
        person: from 0.
        local_rotations: (T, 24, 4) unit quaternions; the pelvis's is its orientation in the file's axes.
        trans: (T, 3) metres, the file's axes; the pelvis lies at its place in the T-pose + trans.
        world_from_file: (3, 3) rotation from the file's axes to the world's (Z up).
        times_s: (T,) increasing.
        frame_rate: frames per second.
        betas: (10,) of SMPL's shape space.
        pelvis_at_rest: (3,) metres, the pelvis's place in the T-pose where the file's body is not of SMPL's 24 joints;
            None where it is.
        is_on_floor: whether the file's floor is at height 0.
        gender: of the file's body.
        filming: the camera; None if the file tells of none.
    """

    source: str
    person: int
    local_rotations: Floats
    trans: Floats
    world_from_file: Floats
    times_s: Floats
    frame_rate: float
    betas: Floats
    pelvis_at_rest: Floats | None = None
    is_on_floor: bool = False
    gender: str = "neutral"
    filming: Filming | None = None


def each_subject(
    content: Content, person: Callable[[Content, str, int, float], SmplResult], frame_rate: float
) -> list[SmplResult]:
    """The people of a file that holds a mapping for each subject.

    Args:
        content: of the file.
        person: reads one subject, given its mapping, what errors call it, its number and the frame rate.
        frame_rate: frames per second.

    Raises:
        ImportedFileError: naming the subject and the key that is wrong.
    """
    return [
        person(mapping(content[subject], f"Subject {subject}"), f"Subject {subject}", number, frame_rate)
        for number, subject in enumerate(content)
    ]


def from_axis_angles(vectors: Floats) -> Floats:
    """(T, 3 N) axis-angle of the first N of SMPL's joints -> (T, 24, 4) quaternions, the rest straight."""
    given = rotations.exp(vectors.reshape(len(vectors), -1, 3))
    return with_hands(given)


def with_hands(local_rotations: Floats) -> Floats:
    """(T, N, 4), N up to 24 -> (T, 24, 4): joints that a file leaves out, of the hands, stay straight."""
    whole = np.tile(rotations.IDENTITY, (len(local_rotations), JOINT_COUNT, 1))
    whole[:, : local_rotations.shape[1]] = local_rotations
    return whole


def one_shape(betas: Floats) -> Floats:
    """(F, 10 or more) or (10 or more,) -> (10,): a person has one shape, the mean of what each frame says."""
    mean: Floats = betas.reshape(-1, betas.shape[-1]).mean(axis=0)[:BETA_COUNT]
    return mean


def guessed_camera(width: float, height: float) -> Floats:
    """(3, 3): the focal length is the picture's diagonal, as CLIFF and WHAM take it where nothing is known."""
    focal = float(np.hypot(width, height))
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def no_boxes(frames: int) -> Floats:
    """(T, 4) of nothing known."""
    return np.full((frames, 4), np.nan)
