"""WHAM's ``wham_output.pkl`` (Shin et al. 2024): a file of joblib.

For each subject ``pose`` (F, 72) axis-angle and ``trans`` (F, 3) in the camera, ``pose_world`` and ``trans_world`` in a
world with Y up, ``betas`` (F, 10), ``frame_ids`` (F,) of the footage, with gaps. Translations are SMPL's ``transl``.
"""

from __future__ import annotations

import numpy as np

from .. import rotations
from .content import Content, frame_numbers, numbers
from .smpl_result import (
    FROM_Y_UP,
    Filming,
    SmplResult,
    each_subject,
    from_axis_angles,
    guessed_camera,
    no_boxes,
    one_shape,
)

#: The file does not tell the picture's size. What matters is the angle of view, which goes by the diagonal.
_PICTURE = (1920, 1080)


def is_wham(content: Content) -> bool:
    return bool(content) and all(hasattr(person, "keys") and "pose_world" in person for person in content.values())


def wham_people(content: Content, frame_rate: float) -> list[SmplResult]:
    """The people of a file.

    Raises:
        ImportedFileError: naming the subject and the key that is wrong.
    """
    return each_subject(content, _person, frame_rate)


def _person(content: Content, where: str, number: int, frame_rate: float) -> SmplResult:
    pose = numbers(content, "pose_world", ("F", 72), where)
    frames = len(pose)
    in_camera = numbers(content, "pose", (frames, 72), where)
    return SmplResult(
        source="wham",
        person=number,
        local_rotations=from_axis_angles(pose),
        trans=numbers(content, "trans_world", (frames, 3), where),
        world_from_file=FROM_Y_UP,
        times_s=frame_numbers(content, "frame_ids", frames, where) / frame_rate,
        frame_rate=frame_rate,
        betas=one_shape(numbers(content, "betas", (frames, 10), where)),
        filming=Filming(
            orientation=rotations.exp(in_camera[:, :3]),
            trans=numbers(content, "trans", (frames, 3), where),
            K=guessed_camera(*_PICTURE),
            image_size=np.array(_PICTURE),
            boxes=no_boxes(frames),
        ),
    )
