"""The body that is fitted, and its poses as the fit moves them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkPoints, LandmarkSkin

from . import rotation_vectors
from .usual_poses import usual_pose


@dataclass(frozen=True, eq=False)
class Figure:
    """A body with its landmarks.

    Attributes:
        body: it.
        skin: where the landmarks lie on it.
        usual: (24, 3) rotation vectors of how its joints usually turn, radians.
        deviation: (24, 3) of joints from that.
    """

    body: TorchBody
    skin: LandmarkSkin
    usual: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, body: TorchBody, points: LandmarkPoints) -> Figure:
        """On the body's device."""
        device = body.v_template.device
        usual, deviation = (torch.tensor(part, dtype=torch.float32, device=device) for part in usual_pose())
        return cls(body, LandmarkSkin(points).to(device), usual, deviation)

    @property
    def device(self) -> torch.device:
        """Where the fit is done."""
        return self.usual.device

    def landmarks(self, local: Tensor, pelvis: Tensor, betas: Tensor) -> Tensor:
        """(T, 33, 3) in camera axes, from local rotations (T, 24, 3, 3) and the pelvis's place (T, 3)."""
        joints = self.body.rest_joints(betas[None])  # (1, 24, 3)
        turned, places = self.body.forward_kinematics(local, joints, pelvis - joints[:, 0])
        return self.skin(turned, places, joints, betas[None])


def local_rotations(base: Tensor, turn: Tensor, bend: Tensor) -> Tensor:
    """(T, 24, 3, 3): the pelvis turns from its first orientation, the other joints from the T-pose.

    Args:
        base: (T, 3, 3) first orientation of the pelvis.
        turn: (T, 3) rotation vectors of the pelvis from there.
        bend: (T, 24, 3) rotation vectors of the joints; the pelvis's is not read.
    """
    root = base @ rotation_vectors.to_matrix(turn)
    return torch.cat((root[:, None], rotation_vectors.to_matrix(bend[:, 1:])), dim=1)
