"""VIBE's motion discriminator, against which MPS-Net learns too: does this motion look like one that was captured?"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from smpl_rig.skeleton import JOINT_COUNT

#: Rotation vectors of all joints but the pelvis: how somebody faces says nothing of how they move.
BODY_POSE_SIZE = (JOINT_COUNT - 1) * 3


@dataclass(frozen=True)
class MotionDiscriminatorConfig:
    """Sizes; the defaults are VIBE's.

    Attributes:
        hidden: of the GRU and of the layers that weigh its frames.
        dropout: in the layers that weigh frames.
    """

    hidden: int = 1024
    dropout: float = 0.2


VIBE = MotionDiscriminatorConfig()


class MotionDiscriminator(nn.Module):
    """D_M: two GRU layers, whose frames self-attention sums up (Kocabas et al. 2020, section 3.2)."""

    def __init__(self, config: MotionDiscriminatorConfig = VIBE) -> None:
        super().__init__()
        self.gru = nn.GRU(BODY_POSE_SIZE, config.hidden, num_layers=2, batch_first=True)
        self.phi = nn.Sequential(
            nn.Linear(config.hidden, config.hidden),
            nn.Tanh(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.hidden),
            nn.Tanh(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, 1),
            nn.Tanh(),
        )
        self.last = nn.Linear(config.hidden, 1)

    def forward(self, theta: Tensor) -> Tensor:
        """1 for motion that was captured, 0 for motion that a network answered with, as far as it can tell.

        Args:
            theta: (B, T, 72) rotation vectors, radians, the pelvis's first; any T.

        Returns:
            (B,), not bounded.
        """
        h, _ = self.gru(theta[..., -BODY_POSE_SIZE:])  # (B, T, hidden)
        alpha = self.phi(h).softmax(dim=1)  # (B, T, 1)
        r = (alpha * h).sum(dim=1)  # (B, hidden)
        return self.last(r).squeeze(-1)
