"""A captured person's take as SMPL counts it, as it is seen: edited keys, constraints and layers included."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..exports.take import Take
from ..skeleton import JOINT_NAMES, PARENTS
from .animation import frame_rate
from .character import motion_of
from .prepared import Sampled, rigid


def smpl_take(armature: Any, sample: Sampled) -> Take:
    """The take of a captured person's armature, at the scene's rate.

    Args:
        armature: it holds its capture, whose body and betas the take has.
        sample: its bones as they are seen.

    Raises:
        CharacterError: if the armature holds no capture.
    """
    motion = motion_of(armature)
    bones = [sample.names.index(name) for name in JOINT_NAMES]
    rest = rotations.from_matrix(sample.rest[bones, :3, :3])  # (24, 4)
    posed = rotations.from_matrix(rigid(sample.posed[:, bones, :3, :3]))  # (T, 24, 4)
    from_rest = rotations.multiply(posed, rotations.conjugate(rest))
    turned = rotations.multiply(from_rest, rotations.from_matrix(WORLD_FROM_BODY))
    local = turned.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            local[:, joint] = rotations.multiply(rotations.conjugate(turned[:, parent]), turned[:, joint])
    heads = sample.rest[bones, :3, 3]  # as large as the armature's object makes them
    rest_joints = motion.rest_joints[0].astype(np.float64) + (heads - heads[0]) @ WORLD_FROM_BODY
    return Take(
        local_rotations=rotations.make_continuous(local),
        trans=sample.posed[:, bones[0], :3, 3] - rest_joints[0],
        rest_joints=rest_joints,
        betas=motion.betas,
        gender=motion.gender,
        frame_rate=frame_rate(armature.users_scene[0]),
    )
