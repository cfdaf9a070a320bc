"""Self-attention with two attention networks, which SPS-Net and its discriminator have in common."""

from __future__ import annotations

from torch import Tensor, nn

from .affinity import affinity_map


class SelfAttention(nn.Module):
    """The module A: what a frame shows, and what the frames that it attends to show (Chen et al. 2021, section 3.2).

    One attention network says what a frame looks for, the other what it has to give, so that an occluded frame can
    look at frames which do not look at it. Each fully connected layer is followed by a LeakyReLU, whose slope the paper
    leaves open. The inner products are not scaled.

    Args:
        size: d, of the features, of the layers and of the attention vectors.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.Q = _attention_network(size)
        self.K = _attention_network(size)

    def vectors(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """q_i = Q(f_i) and k_i = K(f_i), each (..., d), of features (..., d)."""
        return self.Q(f), self.K(f)

    def latent(self, f: Tensor, q: Tensor, k: Tensor, visible: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The latent representations, and the attention weights that made them.

        Args:
            f: (B, N, d) features.
            q: (B, N, d), from :meth:`vectors`.
            k: (B, N, d), from :meth:`vectors`.
            visible: (B, N) bool, the frames that attention is paid to; where there are none, all.

        Returns:
            h (B, N, d) and a (B, N, N), whose rows sum to 1.
        """
        a = affinity_map(q, k, visible)  # (B, N, N), eq. 1
        return f + a @ f, a  # eq. 2

    def forward(self, f: Tensor) -> Tensor:
        """The latent representations of frames all of which are seen: (B, N, d) -> (B, N, d)."""
        h, _ = self.latent(f, *self.vectors(f))
        return h


def _attention_network(size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, size), nn.LeakyReLU(), nn.Linear(size, size), nn.LeakyReLU())
