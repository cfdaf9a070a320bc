"""A person as a camera sees them, and in axes that stand still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import rotations
from smpl_rig.kinematics import forward_kinematics

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class PersonSeen:
    """A person as the camera sees them.

    Attributes:
        camera_rotations: (T, 24, 3, 3) local rotations, the pelvis's in camera axes.
        transl: (T, 3) metres, camera axes; the pelvis lies at ``rest_joints[0] + transl``.
        rest_joints: (24, 3) metres, body frame.
        times_s: (T,).
        observed: (T,) bool.
        turns: (T, 3, 3) from the camera's axes in each frame to axes that stand still; None if the camera does.
    """

    camera_rotations: Floats
    transl: Floats
    rest_joints: Floats
    times_s: Floats
    observed: NDArray[np.bool_]
    turns: Floats | None = None

    def standing_still(self) -> tuple[Floats, Floats]:
        """(T, 24, 4) local rotations and (T, 24, 3) joints in metres, in axes that stand still."""
        local, transl = rotations.from_matrix(self.camera_rotations.astype(np.float64)), self.transl
        if self.turns is not None:
            local[:, 0] = rotations.multiply(rotations.from_matrix(self.turns), local[:, 0])
            transl = np.einsum("tij,tj->ti", self.turns, self.rest_joints[0] + transl) - self.rest_joints[0]
        _, joints = forward_kinematics(local, self.rest_joints, transl)
        return local, joints
