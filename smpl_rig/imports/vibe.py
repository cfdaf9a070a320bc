"""VIBE's ``vibe_output.pkl`` (Kocabas et al. 2020), which MPS-Net and TCMR write too: a file of joblib.

For each subject ``pose`` (F, 72) axis-angle in the camera, ``betas`` (F, 10), ``frame_ids`` (F,), and weak-perspective
cameras: ``pred_cam`` (F, 3) scale, x, y of the crop ``bboxes`` (F, 4) centre and size in pixels, and ``orig_cam``
(F, 4) scale x, scale y, x, y of the whole picture, both in pictures from -1 to 1. Depth is what a camera with the
picture's diagonal as its focal length makes of the scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .content import Content, Floats, ImportedFileError, frame_numbers, numbers
from .smpl_result import FROM_CAMERA, Filming, SmplResult, each_subject, from_axis_angles, guessed_camera, one_shape


def is_vibe(content: Content) -> bool:
    return bool(content) and all(hasattr(person, "keys") and "orig_cam" in person for person in content.values())


def vibe_people(content: Content, frame_rate: float) -> list[SmplResult]:
    """The people of a file.

    Raises:
        ImportedFileError: naming the subject and the key that is wrong.
    """
    return each_subject(content, _person, frame_rate)


def _person(content: Content, where: str, number: int, frame_rate: float) -> SmplResult:
    pose = numbers(content, "pose", ("F", 72), where)
    frames = len(pose)
    crop_camera = numbers(content, "pred_cam", (frames, 3), where)
    camera = numbers(content, "orig_cam", (frames, 4), where)
    crops = numbers(content, "bboxes", (frames, 4), where)
    for key, positive in (("pred_cam", crop_camera[:, 0]), ("orig_cam", camera[:, :2]), ("bboxes", crops[:, 2:])):
        if positive.min() <= 0:
            raise ImportedFileError(f"{where}: Key '{key}' holds a scale or a size that is not greater than 0.")
    size = _picture_size(crop_camera, camera, crops)
    K = guessed_camera(*size)
    pixels_per_metre = crop_camera[:, 0] * crops[:, 2] / 2
    trans = np.column_stack((camera[:, 2:], K[0, 0] / pixels_per_metre))
    local = from_axis_angles(pose)
    return SmplResult(
        source="vibe",
        person=number,
        local_rotations=local,
        trans=trans,
        world_from_file=FROM_CAMERA,
        times_s=frame_numbers(content, "frame_ids", frames, where) / frame_rate,
        frame_rate=frame_rate,
        betas=one_shape(numbers(content, "betas", (frames, 10), where)),
        filming=Filming(
            orientation=local[:, 0],
            trans=trans,
            K=K,
            image_size=size,
            boxes=np.column_stack((crops[:, :2] - crops[:, 2:] / 2, crops[:, 2:])),
        ),
    )


def _picture_size(crop_camera: Floats, camera: Floats, crops: Floats) -> NDArray[np.int64]:
    """(2,) pixels: a metre has as many in the crop as in the picture."""
    pixels = crop_camera[:, :1] * crops[:, 2:3]  # twice a metre's
    return np.rint(np.median(pixels / camera[:, :2], axis=0)).astype(np.int64)
