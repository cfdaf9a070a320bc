"""EMDB (Kaufmann et al. 2023), as published: ``P*/{sequence}/P*_{sequence}_data.pkl`` beside ``images/%05d.jpg``.

Of each sequence, ``smpl`` holds ``poses_root`` (T, 3) and ``poses_body`` (T, 69), axis-angle in the world, and
``betas``; ``camera`` holds ``extrinsics`` (T, 4, 4) from the world to the camera; ``bboxes`` holds ``bboxes`` (T, 4),
corners in pixels, and ``good_frames_mask`` says in which frames the person can be seen. Images have 30 frames per
second. The files hold no joints, so that SMPL's licensed bodies are needed: the protocol compares its 24 joints on the
body of the person's gender (``eth-ait/emdb``). TAR is evaluated on EMDB 1, the sequences marked ``emdb1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig.body import GENDERS
from smpl_rig.skeleton import BETA_COUNT

from .filmed import DatasetError, FilmedPerson, entry, files, numbers, pickled, posed_in_camera

FRAME_RATE = Fraction(30)


def read(folder: Path, part: str = "emdb1") -> Iterator[FilmedPerson]:
    """The person of every sequence of a part.

    Raises:
        DatasetError: naming the file and what is wrong with it.
    """
    for path in files(folder, "P*/*/*_data.pkl", "EMDB"):
        data = pickled(path)
        if entry(path, data, part):
            yield _person(path, data)


def _person(path: Path, data: dict[str, Any]) -> FilmedPerson:
    gender = str(entry(path, data, "gender"))
    if gender not in GENDERS:
        raise DatasetError(f"{path}: 'gender' is '{gender}', expected one of {', '.join(GENDERS)}.")
    smpl, camera, boxes = (entry(path, data, key) for key in ("smpl", "camera", "bboxes"))
    root = numbers(path, "poses_root", entry(path, smpl, "poses_root"), (None, 3))
    frames = len(root)
    body = numbers(path, "poses_body", entry(path, smpl, "poses_body"), (frames, 69))
    betas = numbers(path, "betas", entry(path, smpl, "betas"), (BETA_COUNT,))
    extrinsics = numbers(path, "extrinsics", entry(path, camera, "extrinsics"), (frames, 4, 4))
    corners = numbers(path, "bboxes", entry(path, boxes, "bboxes"), (frames, 4))
    return FilmedPerson(
        name=str(entry(path, data, "name")),
        actions=np.full(frames, path.parent.name),
        images=path.parent / "images" / "%05d.jpg",
        first_image=0,
        stride=1,
        frame_rate=FRAME_RATE,
        boxes=_from_corners(corners),
        valid=numbers(path, "good_frames_mask", entry(path, data, "good_frames_mask"), (frames,)) > 0,
        joint_names=(),
        joints=np.zeros((frames, 0, 3)),
        posed=posed_in_camera(gender, betas, np.concatenate((root, body), axis=1), extrinsics[:, :3, :3]),
    )


def _from_corners(corners: NDArray[Any]) -> NDArray[np.float64]:
    """x, y, width, height; NaN where a box is turned inside out, as EMDB marks those that are not known."""
    boxes = np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1).astype(np.float64)
    boxes[(boxes[:, 2:] <= 0).any(axis=1)] = np.nan
    return boxes
