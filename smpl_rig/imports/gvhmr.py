"""GVHMR's results (Shen et al. 2024): SMPL-X's pelvis and 21 joints, in a world with Y up and in the camera.

``hmr4d_results.pt`` holds ``smpl_params_global`` and ``smpl_params_incam``, each with ``global_orient`` (F, 3),
``body_pose`` (F, 63), ``transl`` (F, 3), ``betas`` (F, 10), and ``K_fullimg`` (F, 3, 3). Archives (.npz) that are made
of it hold the world's under these names, the camera's with ``_incam`` behind them, and ``img_width``, ``img_height``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from .content import Content, Floats, ImportedFileError, mapping, numbers
from .smpl_result import (
    FROM_Y_UP,
    SMPLX_PELVIS,
    Filming,
    SmplResult,
    from_axis_angles,
    guessed_camera,
    no_boxes,
    one_shape,
)

#: What archives made of it may hold.
ARCHIVE_KEYS = (
    *(f"{key}{ending}" for key in ("global_orient", "body_pose", "transl") for ending in ("", "_incam")),
    "betas",
    "K_fullimg",
    "img_width",
    "img_height",
)


def is_gvhmr(content: Content) -> bool:
    return "smpl_params_global" in content


def is_gvhmr_archive(keys: Collection[str]) -> bool:
    return "global_orient" in keys and "body_pose" in keys


def gvhmr_people(content: Content, frame_rate: float) -> list[SmplResult]:
    """The person of ``hmr4d_results.pt``, its tensors turned into arrays.

    Raises:
        ImportedFileError: naming the key that is wrong.
    """
    world = mapping(content["smpl_params_global"], "Key 'smpl_params_global'")
    result = _person(world, "smpl_params_global", frame_rate)
    if "smpl_params_incam" not in content:
        raise ImportedFileError("Key 'smpl_params_incam' is missing.")
    in_camera = mapping(content["smpl_params_incam"], "Key 'smpl_params_incam'")
    frames = len(result.times_s)
    K, size = _camera(content, frames)
    return [_filmed(result, in_camera, "smpl_params_incam", "", K, size)]


def gvhmr_archive_people(content: Content, frame_rate: float) -> list[SmplResult]:
    """The person of an archive made of GVHMR's results.

    Raises:
        ImportedFileError: naming the key that is wrong.
    """
    result = _person(content, "", frame_rate)
    if "global_orient_incam" not in content:
        return [result]
    frames = len(result.times_s)
    if "K_fullimg" in content:
        K, size = _camera(content, frames)
    else:
        width, height = (float(numbers(content, f"img_{side}", (1,))[0]) for side in ("width", "height"))
        K, size = guessed_camera(width, height), np.array([width, height])
    return [_filmed(result, content, "", "_incam", K, size)]


def _camera(content: Content, frames: int) -> tuple[Floats, NDArray[np.int64]]:
    """(3, 3) and the picture's width and height: GVHMR takes the middle of the picture for the principal point."""
    K = numbers(content, "K_fullimg", (frames, 3, 3))[0]
    size = np.rint(2 * K[:2, 2]).astype(np.int64)
    if size.min() < 1 or min(K[0, 0], K[1, 1]) <= 0:
        raise ImportedFileError(
            f"Key 'K_fullimg' has focal lengths {K[0, 0]:g}, {K[1, 1]:g} and its principal point at {K[0, 2]:g}, "
            f"{K[1, 2]:g}, expected pixels of a picture."
        )
    return K, size


def _person(content: Content, where: str, frame_rate: float) -> SmplResult:
    orient = numbers(content, "global_orient", ("F", 3), where)
    frames = len(orient)
    body = numbers(content, "body_pose", (frames, 63), where)
    return SmplResult(
        source="gvhmr",
        person=0,
        local_rotations=from_axis_angles(np.concatenate((orient, body), axis=1)),
        trans=numbers(content, "transl", (frames, 3), where),
        world_from_file=FROM_Y_UP,
        times_s=np.arange(frames) / frame_rate,
        frame_rate=frame_rate,
        betas=one_shape(numbers(content, "betas", (frames, 10), where)),
        pelvis_at_rest=SMPLX_PELVIS,
    )


def _filmed(
    result: SmplResult, content: Content, where: str, ending: str, K: Floats, size: NDArray[np.int64]
) -> SmplResult:
    frames = len(result.times_s)
    filming = Filming(
        orientation=rotations.exp(numbers(content, f"global_orient{ending}", (frames, 3), where)),
        trans=numbers(content, f"transl{ending}", (frames, 3), where),
        K=K,
        image_size=size,
        boxes=no_boxes(frames),
    )
    return replace(result, filming=filming)
