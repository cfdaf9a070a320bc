"""The regressor with iterative error feedback that HMR introduced and SPIN, VIBE, MPS-Net and STR use."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from . import rotation6d
from .precision import in_full_precision

POSE_SIZE = JOINT_COUNT * 6
CAMERA_SIZE = 3
#: Scale and shift of a body that fills its crop.
MEAN_CAMERA = (0.9, 0.0, 0.0)


class IterativeRegressor(nn.Module):
    """Pose, shape and camera from one feature vector, corrected step by step (Kanazawa et al. 2018, section 3.2).

    The layers and buffers have SPIN's names. Between the two layers stands dropout only, no non-linearity, as there.

    Args:
        features: size of the feature vector.
        hidden: size of both layers.
        iterations: corrections made.
    """

    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor

    def __init__(self, features: int = 2048, hidden: int = 1024, iterations: int = 3) -> None:
        super().__init__()
        self.iterations = iterations
        self.fc1 = nn.Linear(features + POSE_SIZE + BETA_COUNT + CAMERA_SIZE, hidden)
        self.drop1 = nn.Dropout()
        self.fc2 = nn.Linear(hidden, hidden)
        self.drop2 = nn.Dropout()
        self.decpose = nn.Linear(hidden, POSE_SIZE)
        self.decshape = nn.Linear(hidden, BETA_COUNT)
        self.deccam = nn.Linear(hidden, CAMERA_SIZE)
        for decoder in (self.decpose, self.decshape, self.deccam):
            nn.init.xavier_uniform_(decoder.weight, gain=0.01)
        self.register_buffer("init_pose", rotation6d.identity(1, JOINT_COUNT).flatten(1))
        self.register_buffer("init_shape", torch.zeros(1, BETA_COUNT))
        self.register_buffer("init_cam", torch.tensor([MEAN_CAMERA]))

    @in_full_precision
    def forward(
        self,
        features: Tensor,
        pose6d: Tensor | None = None,
        betas: Tensor | None = None,
        camera: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Starts from the mean body, or from an estimate.

        Args:
            features: (..., features).
            pose6d: (..., 24, 6).
            betas: (..., 10).
            camera: (..., 3).

        Returns:
            (..., 24, 6), (..., 10) and (..., 3).
        """
        leading = features.shape[:-1]
        pose = self.init_pose.expand(*leading, -1) if pose6d is None else pose6d.flatten(-2)
        betas = self.init_shape.expand(*leading, -1) if betas is None else betas
        camera = self.init_cam.expand(*leading, -1) if camera is None else camera
        for _ in range(self.iterations):
            hidden = torch.cat((features, pose, betas, camera), dim=-1)
            hidden = self.drop1(self.fc1(hidden))
            hidden = self.drop2(self.fc2(hidden))
            pose = pose + self.decpose(hidden)
            betas = betas + self.decshape(hidden)
            camera = camera + self.deccam(hidden)
        return pose.unflatten(-1, (JOINT_COUNT, 6)), betas, camera
