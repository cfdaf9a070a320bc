"""How much each frame of a window has to do with each other frame."""

from __future__ import annotations

import torch
from torch import Tensor

from .precision import in_full_precision


@in_full_precision
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
    return affinity.softmax(dim=-1) if visible is None else softmax_of_visible(affinity, visible[:, None])


def self_similarity_map(features: Tensor, visible: Tensor | None = None) -> Tensor:
    """NSSM, the normalised self-similarity map softmax(X X^T): (B, T, D) -> (B, T, T) (MPS-Net, section 3.1)."""
    return affinity_map(features, features, visible)


def softmax_of_visible(scores: Tensor, visible: Tensor) -> Tensor:
    """Softmax (..., N) over those scores that are ``visible`` (..., N); the others get 0. Where none is, all count."""
    hidden = ~visible & visible.any(dim=-1, keepdim=True)
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-1)
