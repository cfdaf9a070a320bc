"""How much each frame of a window has to do with each other frame."""

from __future__ import annotations

import torch
from torch import Tensor


def affinity_map(queries: Tensor, keys: Tensor, visible: Tensor | None = None) -> Tensor:
    """Softmax over the frames of the dot products, which are not scaled (MPS-Net, eq. 5).

    Args:
        queries: (B, T, D).
        keys: (B, T, D).
        visible: (B, T) bool; frames to which no attention is paid are False. Where all are, all count.

    Returns:
        (B, T, T); each row sums to 1.
    """
    affinity = queries @ keys.transpose(1, 2)  # (B, T, T)
    if visible is not None:
        hidden = ~visible & visible.any(dim=1, keepdim=True)  # (B, T)
        affinity = affinity.masked_fill(hidden[:, None], -torch.inf)
    return affinity.softmax(dim=-1)


def self_similarity_map(features: Tensor, visible: Tensor | None = None) -> Tensor:
    """NSSM, the normalised self-similarity map softmax(X X^T): (B, T, D) -> (B, T, T) (MPS-Net, section 3.1)."""
    return affinity_map(features, features, visible)
