"""MPS-Net (Wei, Lin, Liu, Liao 2022, Capturing Humans in Motion: Temporal-Attentive 3D Human Pose and Shape Estimation
from Monocular Video).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .affinity import affinity_map, self_similarity_map, softmax_of_visible
from .frame_features import Estimate, FrameFeatures
from .regressor import IterativeRegressor
from .temporal_network import Frames, TemporalNetwork, one_frame_out

LENGTH = 16  # T
CURRENT = 8  # t, counted from a window's first frame
GROUP = 3  # frames in a group, and groups in a layer
#: The frames by which HAFI refines the current one, which lies in their middle.
ADJACENT = slice(CURRENT - LENGTH // 4, CURRENT + LENGTH // 4 + 1)


@dataclass(frozen=True)
class MPSNetConfig:
    """Sizes; the defaults are the paper's (sections 3 and 4).

    Attributes:
        features: of a frame's feature x_t, and of z_t.
        reduction: m, by which MoCA's transformations make a feature smaller.
        attention: size to which HAFI brings a feature, and of the layers that find its attention values.
        regressor: of the regressor's two layers.
    """

    features: int = 2048
    reduction: int = 2
    attention: int = 256
    regressor: int = 1024


PAPER = MPSNetConfig()
LANDMARK = MPSNetConfig(features=512)


class MPSNet(TemporalNetwork):
    """Attention guided by self-similarity (MoCA), then hierarchical integration of neighbouring frames (HAFI).

    Readings, where the paper leaves a choice:

    - "T/2 adjacent frames" are the current frame's four neighbours on either side, which with it make three groups of
      three, as figure 5 draws them; table 2's parameters leave room for one set of HAFI's layers, which all groups and
      their integration share.
    - HAFI's activation is tanh, also between its last layer and the softmax. No frame of a group can then weigh less
      than e^-1 / (e^-1 + 2 e) = 0.063 or more than e / (e + 2 e^-1) = 0.787.
    - Neither map is scaled by its features' size, and no convolution has a bias.
    - Frames in which the person was not seen get no attention in any of the maps, and no weight in HAFI, unless there
      are no others. HAFI's bounds hold where all frames were seen.

    An estimate's auxiliary values are "NSSM", "attention map" and "MoCA map", each (B, T, T) with rows that sum to 1,
    and HAFI's attention values "a" (B, 4, 3): of the three groups, first to last, and of their integration.
    """

    def __init__(self, config: MPSNetConfig = PAPER) -> None:
        super().__init__()
        self.window = one_frame_out(LENGTH, CURRENT)
        self.moca = MoCA(config.features, config.reduction)
        self.hafi = HAFI(config.features, config.attention)
        self.regressor = IterativeRegressor(config.features, config.regressor)

    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        X = features.global_features  # (B, T, features)
        return {"X": X, "theta": self.moca.theta(X), "phi": self.moca.phi(X), "g": self.moca.g(X)}

    def over_window(self, frames: Frames) -> Estimate:
        Z, maps = self.moca(**frames.work, visible=frames.observed)  # (B, T, features)
        z_t, a = self.hafi(Z[:, ADJACENT], frames.observed[:, ADJACENT])  # (B, features)
        pose6d, betas, camera = self.regressor(z_t[:, None])  # (B, 1, ...)
        current = frames.frame_indices[:, CURRENT : CURRENT + 1]
        return Estimate(pose6d, betas, camera, current, auxiliary={**maps, "a": a})


class MoCA(nn.Module):
    """Motion continuity attention (section 3.1, figure 4)."""

    def __init__(self, features: int, reduction: int) -> None:
        super().__init__()
        self.theta = nn.Linear(features, features // reduction, bias=False)  # eq. 4
        self.phi = nn.Linear(features, features // reduction, bias=False)  # eq. 3
        self.g = nn.Linear(features, features // reduction, bias=False)  # eq. 2
        self.rho = nn.Conv2d(2, 1, kernel_size=1, bias=False)
        self.W_z = nn.Linear(features // reduction, features, bias=False)

    def forward(
        self, X: Tensor, theta: Tensor, phi: Tensor, g: Tensor, visible: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Z, and the maps that made it.

        Args:
            X: (B, T, features).
            theta: (B, T, features / m), theta(X).
            phi: (B, T, features / m), phi(X).
            g: (B, T, features / m), g(X).
            visible: (B, T) bool, frames that attention is paid to.

        Returns:
            (B, T, features) and the maps by name, each (B, T, T).
        """
        nssm = self_similarity_map(X, visible)
        attention_map = affinity_map(theta, phi, visible)  # eq. 5
        recalibrated = self.rho(torch.stack((nssm, attention_map), dim=1)).squeeze(1)  # (B, 2, T, T) -> (B, T, T)
        moca_map = softmax_of_visible(recalibrated, visible[:, None])
        Y = moca_map @ g  # (B, T, features / m), eq. 1
        Z = self.W_z(Y) + X  # (B, T, features), eq. 6
        return Z, {"NSSM": nssm, "attention map": attention_map, "MoCA map": moca_map}


class HAFI(nn.Module):
    """Hierarchical attentive feature integration (section 3.2, figure 5)."""

    def __init__(self, features: int, attention: int) -> None:
        super().__init__()
        self.resize = nn.Linear(features, attention)
        self.attention = nn.Sequential(
            nn.Linear(GROUP * attention, attention),
            nn.Tanh(),
            nn.Linear(attention, attention),
            nn.Tanh(),
            nn.Linear(attention, GROUP),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Refines the frame in the middle.

        Args:
            z: (B, 9, features).
            visible: (B, 9) bool, frames that may weigh something.

        Returns:
            z_t (B, features) and the attention values (B, 4, 3), of the groups and of their integration.
        """
        z, visible = z.unflatten(1, (GROUP, GROUP)), visible.unflatten(1, (GROUP, GROUP))  # (B, 3, 3, ...)
        z, a_of_groups = self.integrate(z, visible)  # (B, 3, features), (B, 3, 3)
        z_t, a = self.integrate(z, visible.any(dim=-1))  # (B, features), (B, 3)
        return z_t, torch.cat((a_of_groups, a[:, None]), dim=1)

    def integrate(self, z: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """One feature of three, and what each of them weighed: (..., 3, features) -> (..., features), (..., 3)."""
        z_concat = self.resize(z).flatten(-2)  # (..., 3 * attention)
        a = softmax_of_visible(self.attention(z_concat), visible)  # (..., 3)
        return (a[..., None] * z).sum(dim=-2), a
