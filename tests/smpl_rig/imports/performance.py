"""People whose motion is known, and how each program's conventions say it.

Nothing here is taken from the code under test: joints come from SMPL's kinematic chain, cameras from geometry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smpl_rig import kinematics, rotations
from smpl_rig.body import Body

#: World (Z up) to the Y-up worlds that programs use: x stays, up becomes y.
Y_UP_FROM_WORLD = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
#: A level camera looks along world +y: its x is the world's, its y is down.
LEVEL_CAMERA_FROM_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
FRAMES = 12


@dataclass(frozen=True)
class Performance:
    """One person: (T, 24, 4) with the pelvis's in the world, (T, 3) pelvis in the world, betas."""

    local_rotations: np.ndarray
    pelvis: np.ndarray
    betas: np.ndarray
    rest_joints: np.ndarray

    @property
    def joints(self) -> np.ndarray:
        """(T, 24, 3) metres, world."""
        trans = self.pelvis - self.rest_joints[0]
        return kinematics.forward_kinematics(self.local_rotations, self.rest_joints, trans)[1]

    def seen_in(self, axes: np.ndarray, pelvis_at_rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """SMPL's parameters, (T, 72) and ``transl`` (T, 3), in axes (3, 3) or (T, 3, 3) turned from the world's."""
        local = self.local_rotations.copy()
        local[:, 0] = rotations.multiply(rotations.from_matrix(axes), local[:, 0])
        places = (axes @ self.pelvis[..., None])[..., 0]
        return rotations.log(local).reshape(len(local), 72), places - pelvis_at_rest


def perform(body: Body, seed: int, hands: bool = True, frames: int = FRAMES) -> Performance:
    """Everybody moves everything; betas are the person's own."""
    random = np.random.default_rng(seed)
    betas = random.normal(0, 0.8, 10).astype(np.float32).astype(np.float64)
    times = np.arange(frames)[:, None, None] / 10
    vectors = random.uniform(0.1, 0.6, (24, 3)) * np.sin(times + random.uniform(0, 6, (24, 3)))
    if not hands:
        vectors[:, 22:] = 0
    local = rotations.exp(vectors)
    facing = rotations.exp(np.array([0, 0, random.uniform(-2, 2)]))
    upright = rotations.multiply(facing, rotations.from_matrix(Y_UP_FROM_WORLD.T))
    local[:, 0] = rotations.multiply(upright, local[:, 0])
    path = np.stack(
        (0.3 * times[:, 0, 0], 4 + 0.2 * np.sin(times[:, 0, 0]), 0.95 + 0.03 * np.sin(times[:, 0, 0])), axis=-1
    )
    return Performance(local, path, betas, body.rest_joints(betas))
