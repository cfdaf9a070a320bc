"""Forward kinematics of the 24 joint tree, in numpy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .skeleton import PARENTS

Array = NDArray[Any]


def global_rotations(local_rotations: Array) -> Array:
    """Local (T, 24, 4) quaternions -> rotations (T, 24, 4) in the frame of the root's parent (the world)."""
    result = np.empty_like(local_rotations)
    for joint, parent in enumerate(PARENTS):
        local = local_rotations[:, joint]
        if parent < 0:
            result[:, joint] = local
        else:
            rotations.multiply(result[:, parent], local, out=result[:, joint])
    return result


def relative_rotations(turned: Array) -> Array:
    """Rotations in the world (T, 24, 4) -> relative to each joint's parent (T, 24, 4): undoes global_rotations."""
    result = np.empty_like(turned)
    for joint, parent in enumerate(PARENTS):
        own = turned[:, joint]
        if parent < 0:
            result[:, joint] = own
        else:
            rotations.relative(turned[:, parent], own, out=result[:, joint])
    return result


def joint_positions(turned: Array, rest_joints: Array, trans: Array) -> Array:
    """Places of the joints (T, 24, 3), metres, from their rotations in the world (T, 24, 4).

    Args:
        turned: (T, 24, 4) unit quaternions.
        rest_joints: (24, 3) metres, joints of the rest pose in the body frame, shaped by the betas.
        trans: (T, 3) metres, or (3,); the pelvis lies at ``rest_joints[0] + trans``.
    """
    positions = np.empty_like(turned, shape=(*turned.shape[:-1], 3))
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            positions[:, joint] = rest_joints[joint] + trans
        else:
            offset = rest_joints[joint] - rest_joints[parent]
            positions[:, joint] = positions[:, parent] + rotations.rotate(turned[:, parent], offset)
    return positions


def forward_kinematics(local_rotations: Array, rest_joints: Array, trans: Array) -> tuple[Array, Array]:
    """SMPL's kinematic chain (Loper et al. 2015, eq. 4).

    Args:
        local_rotations: (T, 24, 4) unit quaternions; the pelvis's is its orientation in the world.
        rest_joints: (24, 3) metres, joints of the rest pose in the body frame, shaped by the betas.
        trans: (T, 3) metres; the pelvis lies at ``rest_joints[0] + trans``.

    Returns:
        Rotations (T, 24, 4) and positions (T, 24, 3) of the joints in the world.
    """
    turned = global_rotations(local_rotations)
    return turned, joint_positions(turned, rest_joints, trans)
