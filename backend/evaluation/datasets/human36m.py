"""Human3.6M's subjects 9 and 11 (Ionescu et al. 2014), in the form from which TCMR, MPS-Net and STR read them.

That form is Moon et al.'s (3DMPPE): ``images/s_09_act_02_subact_01_ca_01/s_09_act_02_subact_01_ca_01_000001.jpg``
beside ``annotations/Human36M_subject9_joint_3d.json``, which holds for each action, subaction and frame 17 joints in
millimetres in the world, and ``annotations/Human36M_subject9_camera.json``, which holds for each camera ``R`` and ``t``
from the world to the camera in millimetres, ``f`` and ``c`` in pixels. Images have 50 frames per second; every second
one counts, as in the papers, of all four cameras.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .filmed import JOINT_SETS, DatasetError, FilmedPerson, boxes_about, entry, files, numbers

SUBJECTS = (9, 11)
FRAME_RATE = Fraction(50)
STRIDE = 2
MILLIMETRES = 1000.0
#: From number 2 on.
ACTIONS = (
    "Directions",
    "Discussion",
    "Eating",
    "Greeting",
    "Phoning",
    "Posing",
    "Purchases",
    "Sitting",
    "SittingDown",
    "Smoking",
    "Photo",
    "Waiting",
    "Walking",
    "WalkDog",
    "WalkTogether",
)
_FIRST_ACTION = 2
_SEQUENCE = re.compile(r"s_\d+_act_(\d+)_subact_(\d+)_ca_(\d+)")
_JOINTS = JOINT_SETS["human36m"]


def read(folder: Path) -> Iterator[FilmedPerson]:
    """The person of every sequence of the test's subjects.

    Raises:
        DatasetError: naming the file and what is wrong with it.
    """
    for subject in SUBJECTS:
        annotations = folder / "annotations" / f"Human36M_subject{subject}_joint_3d.json"
        joints = _json(annotations)
        cameras = _json(annotations.with_name(f"Human36M_subject{subject}_camera.json"))
        for images in files(folder / "images", f"s_{subject:02d}_act_*_subact_*_ca_*", "Human3.6M"):
            found = _SEQUENCE.fullmatch(images.name)
            if found:
                action, subaction, camera = (str(int(number)) for number in found.groups())
                of_action = entry(annotations, joints, action)
                of_take = entry(annotations, of_action, subaction)
                yield _person(annotations, images, of_take, int(action), entry(annotations, cameras, camera))


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise DatasetError(f"{path} holds {type(data).__name__}, expected a dictionary.")
    return data


def _person(path: Path, images: Path, take: Mapping[str, Any], action: int, camera: Mapping[str, Any]) -> FilmedPerson:
    if not _FIRST_ACTION <= action < _FIRST_ACTION + len(ACTIONS):
        raise DatasetError(f"{images} is of action {action}, expected {_FIRST_ACTION} to 16.")
    frames = range(0, len(take), STRIDE)
    world = np.array([numbers(path, f"frame {frame}", entry(path, take, str(frame)), (17, 3)) for frame in frames])
    turn, move, focal, centre = (
        numbers(path, key, entry(path, camera, key), shape).astype(np.float64)
        for key, shape in (("R", (3, 3)), ("t", (3,)), ("f", (2,)), ("c", (2,)))
    )
    joints: NDArray[np.float64] = world.reshape(-1, len(_JOINTS), 3) @ turn.T + move
    pixels = joints[..., :2] / joints[..., 2:] * focal + centre
    return FilmedPerson(
        name=images.name,
        actions=np.full(len(frames), ACTIONS[action - _FIRST_ACTION]),
        images=images / f"{images.name}_%06d.jpg",
        first_image=1,
        stride=STRIDE,
        frame_rate=FRAME_RATE,
        boxes=boxes_about(pixels, np.ones(pixels.shape[:2], dtype=bool)),
        valid=np.ones(len(frames), dtype=bool),
        joint_names=_JOINTS,
        joints=joints / MILLIMETRES,
    )
