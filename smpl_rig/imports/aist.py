"""AIST++'s motions (Li et al. 2021) and what choreographing programs write in their layout: a plain pickle.

``smpl_poses`` (F, 72) axis-angle and ``smpl_trans`` (F, 3) in a world with Y up. ``smpl_scaling`` (1,), where it is
there, is how many of the translation's units (centimetres) a metre of SMPL's body has. 60 frames per second.
"""

from __future__ import annotations

import numpy as np

from .content import Content, ImportedFileError, numbers
from .smpl_result import FROM_Y_UP, SmplResult, from_axis_angles

FRAME_RATE = 60.0


def is_aist(content: Content) -> bool:
    return "smpl_poses" in content


def aist_people(content: Content, frame_rate: float) -> list[SmplResult]:
    """The dancer of a file.

    Raises:
        ImportedFileError: naming the key that is wrong.
    """
    poses = numbers(content, "smpl_poses", ("F", 72))
    trans = numbers(content, "smpl_trans", (len(poses), 3))
    if "smpl_scaling" in content:
        scaling = numbers({"smpl_scaling": np.atleast_1d(np.asarray(content["smpl_scaling"]))}, "smpl_scaling", (1,))
        if scaling[0] <= 0:
            raise ImportedFileError(f"Key 'smpl_scaling' is {scaling[0]}, expected a number greater than 0.")
        trans = trans / scaling[0]
    return [
        SmplResult(
            source="aist++",
            person=0,
            local_rotations=from_axis_angles(poses),
            trans=trans,
            world_from_file=FROM_Y_UP,
            times_s=np.arange(len(poses)) / frame_rate,
            frame_rate=frame_rate,
            betas=np.zeros(10),
        )
    ]
