"""STC-Net: per-frame estimates and body-aware features, five maps of how frames belong together, residual refinement.

Chanda et al., Enhanced Spatio-Temporal Context for Temporally Consistent Robust 3D Human Motion Recovery from Monocular
Videos (2023). The layers have the paper's names.

Where the paper leaves something open:

- Windows are said not to overlap, and their border frames to be averaged across neighbours, for which two windows must
  have answers: so windows have one frame in common.
- A linear layer from 112 x 112 x 16 to 2048 numbers would have 411 million weights, so the maps are averaged over
  squares before Gamma_3. H in eq. 2 is what Gamma_3 gives.
- Phi_1 and Phi_2 halve the camera's 512 numbers, as Phi_3 and Phi_4 do with the 2048 of H. The 1 x 1 convolutions have
  no bias, as MPS-Net's have none. No softmax follows Phi_6, so an unobserved frame, to which none of the five maps
  attends, has no part in the fused one either. Phi_6 begins as the mean of the five.
- The per-frame estimates serve the maps only: by eq. 3 the predictor g reads Z and nothing else, and what it is
  initialised with is SPIN's weights. The initial shape is not read.
- The 85 numbers of Theta are translation, 24 axis-angle rotations and shape. Here rotations have six numbers, and the
  camera, from which the body's place follows, stands for the translation: 157 numbers are refined.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from .affinity import affinity_map, self_similarity_map
from .frame_features import Estimate, FrameFeatures
from .precision import in_full_precision
from .regressor import CAMERA_SIZE, POSE_SIZE, IterativeRegressor
from .temporal_network import Frames, TemporalNetwork, Window

THETA_SIZES = (POSE_SIZE, BETA_COUNT, CAMERA_SIZE)


@dataclass(frozen=True)
class STCNetConfig:
    """Sizes; the paper's by default.

    Attributes:
        length: frames in a window, W.
        stride: frames from the beginning of one window to that of the next; the paper's share their border frame.
        map_channels: channels of the body-aware maps; 0 where there are none.
        pooled: places along a side of a map that is left after averaging.
        features: numbers of the global feature vector that are read beside the maps.
        spatial: numbers of H after Gamma_3, and of Z.
        lifted: numbers of pose after Gamma_1 and of the camera after Gamma_2.
        regressor: hidden size of the predictor g.
        hidden: hidden size of the LSTM.
        layers: layers of the LSTM.
    """

    length: int = 16
    stride: int = 15
    map_channels: int = 16
    pooled: int = 7
    features: int = 0
    spatial: int = 2048
    lifted: int = 512
    regressor: int = 1024
    hidden: int = 2048
    layers: int = 3


PAPER = STCNetConfig()
#: The feature vector of landmarks is body-aware itself: maps drawn from the same landmarks would add nothing to it.
#: More windows see each frame, so that motion does not break from one window to the next.
LANDMARK = STCNetConfig(stride=5, map_channels=0, features=512, spatial=512, lifted=128, regressor=512, hidden=256)


class STCNet(TemporalNetwork):
    """Reads W frames and answers for all of them; the paper's windows share their border frame (section 3.3).

    Each estimate comes with the coarse one (eq. 3) as its step, and in ``auxiliary`` with the maps, (B, W, W) each:
    ``nssm_h``, ``nssm_pose``, ``nssm_camera``, ``am_h``, ``am_camera`` and what Phi_6 makes of them, ``fused``.
    """

    def __init__(self, config: STCNetConfig = PAPER) -> None:
        super().__init__()
        self.config = config
        self.window = Window(config.length, config.stride, range(config.length), 0)
        read = {"local_maps": config.map_channels, "global_features": config.features}
        self.needs = (*(name for name, size in read.items() if size), "initial_pose6d", "initial_camera")

        self.gamma_1 = nn.Linear(POSE_SIZE, config.lifted)
        self.gamma_2 = nn.Linear(CAMERA_SIZE, config.lifted)
        self.gamma_3 = nn.Linear(config.map_channels * config.pooled**2 + config.features, config.spatial)
        self.phi_1 = nn.Linear(config.lifted, config.lifted // 2, bias=False)
        self.phi_2 = nn.Linear(config.lifted, config.lifted // 2, bias=False)
        self.phi_3 = nn.Linear(config.spatial, config.spatial // 2, bias=False)
        self.phi_4 = nn.Linear(config.spatial, config.spatial // 2, bias=False)
        self.phi_5 = nn.Linear(config.spatial, config.spatial // 2, bias=False)
        self.phi_6 = nn.Conv2d(5, 1, kernel_size=1, bias=False)
        nn.init.constant_(self.phi_6.weight, 1 / 5)
        self.phi_7 = nn.Linear(config.spatial // 2, config.spatial, bias=False)

        self.g = IterativeRegressor(config.spatial, config.regressor)
        self.zeta = nn.LSTM(config.spatial + sum(THETA_SIZES), config.hidden, config.layers, batch_first=True)
        self.residual = nn.Linear(config.hidden, sum(THETA_SIZES))
        nn.init.xavier_uniform_(self.residual.weight, gain=0.01)  # the first residuals are small, as SPIN's are

    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        """Features, pose and camera lifted, and their projections for the attention maps."""
        assert features.initial_pose6d is not None
        assert features.initial_camera is not None
        h = self.gamma_3(self._body_aware(features))  # (B, T, spatial)
        omega = self.gamma_2(features.initial_camera)  # (B, T, lifted)
        return {
            "h": h,
            "pose": self.gamma_1(features.initial_pose6d.flatten(-2)),
            "omega": omega,
            "omega_queries": self.phi_1(omega),
            "omega_keys": self.phi_2(omega),
            "h_queries": self.phi_3(h),
            "h_keys": self.phi_4(h),
            "h_values": self.phi_5(h),
        }

    @in_full_precision
    def _residuals(self, z: Tensor, theta: Tensor) -> Tensor:
        """(B, W, spatial) and (B, W, 157) -> (B, W, 157), eq. 4."""
        states, _ = self.zeta(torch.cat((z, theta), dim=-1))  # (B, W, hidden)
        residuals: Tensor = self.residual(states)
        return residuals

    def _body_aware(self, features: FrameFeatures) -> Tensor:
        """(B, T, numbers that Gamma_3 reads): of maps and feature vector what has a size in the configuration."""
        parts = []
        if self.config.map_channels:
            assert features.local_maps is not None
            maps = features.local_maps  # (B, T, 16, 112, 112)
            pooled = adaptive_avg_pool2d(maps.flatten(0, 1), self.config.pooled)  # (B * T, 16, 7, 7)
            parts.append(pooled.flatten(1).unflatten(0, maps.shape[:2]))
        if self.config.features:
            parts.append(features.global_features)
        return torch.cat(parts, dim=-1)

    def over_window(self, frames: Frames) -> Estimate:
        """Section 3.2 to eq. 2, then the coarse estimate and its refinement (section 3.3)."""
        work, observed = frames.work, frames.observed
        maps = {
            "nssm_h": self_similarity_map(work["h"], observed),
            "nssm_pose": self_similarity_map(work["pose"], observed),
            "nssm_camera": self_similarity_map(work["omega"], observed),
            "am_h": affinity_map(work["h_queries"], work["h_keys"], observed),
            "am_camera": affinity_map(work["omega_queries"], work["omega_keys"], observed),
        }
        fused = self.phi_6(torch.stack(tuple(maps.values()), dim=1)).squeeze(1)  # (B, 5, W, W) -> (B, W, W)
        y = self.phi_7(fused @ work["h_values"])  # (B, W, spatial)
        z = work["h"] + y  # eq. 2

        pose6d, betas, camera = self.g(z)  # eq. 3
        coarse = Estimate(pose6d, betas, camera, frames.frame_indices)
        theta = torch.cat((pose6d.flatten(-2), betas, camera), dim=-1)  # (B, W, 157)
        theta = theta + self._residuals(z, theta)  # eq. 5
        pose, betas, camera = theta.split(THETA_SIZES, dim=-1)
        return Estimate(
            pose6d=pose.unflatten(-1, (JOINT_COUNT, 6)),
            betas=betas,
            camera=camera,
            frame_indices=frames.frame_indices,
            steps=(coarse,),
            auxiliary={**maps, "fused": fused},
        )
