"""3DPW (von Marcard et al. 2018), as published: ``sequenceFiles/{split}/*.pkl`` beside ``imageFiles/{sequence}``.

The files are pickles of Python 2. Of each actor, ``poses`` (T, 72) axis-angle in the world, ``betas``,
``jointPositions`` (T, 72) metres in the world, ``poses2d`` (T, 3, 18) in the order of OpenPose's COCO model and
``campose_valid`` (T,); of each sequence, ``cam_poses`` (T, 4, 4) from the world to the camera. Images have 30 frames
per second, and so have these arrays.

As the VIBE family does (VIBE, TCMR, MPS-Net and those that build on them), a frame counts if its camera is valid and
more than six of the twelve joints of the limbs were detected in it, and the body is the neutral one.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT, JOINT_NAMES

from .filmed import JOINT_SETS, FilmedPerson, boxes_about, entry, files, numbers, pickled, posed_in_camera

FRAME_RATE = Fraction(30)
LEAST_CONFIDENCE = 0.3
LEAST_JOINTS = 6
_KEYPOINTS = len(JOINT_SETS["3dpw_2d"])
#: The limbs' joints among them.
_LIMBS = slice(2, 14)


def read(folder: Path, split: str = "test") -> Iterator[FilmedPerson]:
    """Every actor of every sequence.

    Raises:
        DatasetError: naming the file and what is wrong with it.
    """
    for path in files(folder / "sequenceFiles" / split, "*.pkl", "3DPW"):
        data = pickled(path)
        for actor in range(len(entry(path, data, "poses"))):
            yield _actor(folder, path, data, actor)


def _actor(folder: Path, path: Path, data: dict[str, Any], actor: int) -> FilmedPerson:
    poses = numbers(path, "poses", data["poses"][actor], (None, JOINT_COUNT * 3))
    frames = len(poses)

    def of_actor(key: str, *shape: int | None) -> Any:
        return numbers(path, key, entry(path, data, key)[actor], shape)

    cameras = numbers(path, "cam_poses", entry(path, data, "cam_poses"), (frames, 4, 4)).astype(np.float64)
    joints = of_actor("jointPositions", frames, JOINT_COUNT * 3).reshape(frames, JOINT_COUNT, 3)
    keypoints = of_actor("poses2d", frames, 3, _KEYPOINTS).transpose(0, 2, 1)  # (T, 18, 3)
    seen = keypoints[..., 2] > LEAST_CONFIDENCE
    return FilmedPerson(
        name=f"{path.stem}_{actor}",
        actions=np.full(frames, path.stem),
        images=folder / "imageFiles" / path.stem / "image_%05d.jpg",
        first_image=0,
        stride=1,
        frame_rate=FRAME_RATE,
        boxes=boxes_about(keypoints[..., :2], seen),
        valid=(of_actor("campose_valid", frames) > 0) & (seen[:, _LIMBS].sum(axis=1) > LEAST_JOINTS),
        joint_names=JOINT_NAMES,
        joints=np.einsum("tij,tkj->tki", cameras[:, :3, :3], joints) + cameras[:, None, :3, 3],
        posed=posed_in_camera("neutral", of_actor("betas", None)[:BETA_COUNT], poses, cameras[:, :3, :3]),
    )
