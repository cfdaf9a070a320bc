"""SPS-Net's discriminator: does this motion look like one that was captured?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from .self_attention import SelfAttention

#: R^82, shape and pose.
JOINT_REPRESENTATION_SIZE = BETA_COUNT + JOINT_COUNT * 3


class SelfAttentionDiscriminator(nn.Module):
    """D, made of a self-attention module A_D and a classifier C_D (Chen et al. 2021, section 3.4, figure 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.A = SelfAttention(JOINT_REPRESENTATION_SIZE)
        self.C = nn.Sequential(nn.Linear(JOINT_REPRESENTATION_SIZE, 1), nn.Sigmoid())

    def forward(self, theta: Tensor, beta: Tensor) -> Tensor:
        """How real each sequence looks, from 0 to 1, eq. 7's D.

        Args:
            theta: (B, N, 72) axis-angle, radians, the pelvis's first; any N.
            beta: (B, 10) shape.

        Returns:
            (B,).
        """
        J = torch.cat((beta[:, None].expand(-1, theta.shape[1], -1), theta), dim=-1)  # (B, N, 82)
        M = self.A(J).mean(dim=1)  # (B, 82), the motion representation
        return self.C(M).squeeze(-1)
