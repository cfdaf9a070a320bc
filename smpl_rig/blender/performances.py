"""What captured people do in the world, as their keys now say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import kinematics, rotations
from ..retarget.retargeting import Performance
from ..retarget.rig import RigError
from ..skeleton import JOINT_NAMES
from .animation import keys_digest, sampled_curves, take_frames
from .armature import pelvis_places, rest_rotations, smpl_rotations
from .character import motion_of

Array = NDArray[Any]


def performance_of(armature: Any) -> tuple[Performance, Array]:
    """What a captured person does in the world, as the keys now say, and the frames (T,) of the scene it is done at.

    Raises:
        CharacterError: if the armature holds no capture.
        RigError: if its object is scaled unevenly.
    """
    motion = motion_of(armature)
    frames = take_frames(armature, motion)
    turn_paths = [f'pose.bones["{name}"].rotation_quaternion' for name in JOINT_NAMES]
    location_path = f'pose.bones["{JOINT_NAMES[0]}"].location'
    rest: dict[str, Array] = dict.fromkeys(turn_paths, rotations.IDENTITY) | {location_path: np.zeros(3)}
    values = sampled_curves(armature, rest, frames)
    turns = rotations.normalize(np.stack([values[path] for path in turn_paths], axis=1))
    local = smpl_rotations(turns, rest_rotations(armature))
    joints = motion.rest_joints.astype(np.float64)
    trans = pelvis_places(values[location_path], armature) - joints[0]
    turned, places = kinematics.forward_kinematics(local, joints, trans)
    performance = Performance(turned, places, joints, motion.contacts.astype(np.float64), motion.timestamps_s)
    place, turn, scale = armature.matrix_world.decompose()
    if min(scale) <= 0 or max(scale) - min(scale) > 1e-3 * max(scale):
        raise RigError(f"'{armature.name}' is scaled unevenly. Apply its scale first.")
    return performance.grown(float(scale.x)).moved(np.array(turn), np.array(place)), frames


def performance_digest(armature: Any) -> str:
    """Tells whether :func:`performance_of` a captured person is the same as at another time."""
    placed = " ".join(f"{value:.5f}" for row in armature.matrix_world for value in row)
    return f"{keys_digest(armature)} {placed}"
