"""Rotations as six numbers (Zhou et al. 2019, On the Continuity of Rotation Representations in Neural Networks).

The one layout inside Limber's networks is SPIN's, VIBE's and MPS-Net's: the first two columns of the rotation matrix,
read row by row, that is ``R[:, :2].reshape(6)``. HMR2 writes the same two columns one after the other.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def to_matrix(rotation6d: Tensor) -> Tensor:
    """Gram-Schmidt: (..., 6) -> (..., 3, 3); the six numbers need not be orthonormal."""
    columns = rotation6d.unflatten(-1, (3, 2))  # (..., 3, 2)
    first = normalize(columns[..., 0], dim=-1)
    along = (first * columns[..., 1]).sum(-1, keepdim=True)
    second = normalize(columns[..., 1] - along * first, dim=-1)
    return torch.stack((first, second, torch.linalg.cross(first, second)), dim=-1)


def from_matrix(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 6)."""
    return matrix[..., :2].flatten(-2)


def from_hmr2_layout(rotation6d: Tensor) -> Tensor:
    """HMR2's six numbers (..., 6), column after column, in the layout used here."""
    return rotation6d.unflatten(-1, (2, 3)).transpose(-1, -2).flatten(-2)


def identity(*shape: int) -> Tensor:
    """(*shape, 6), no rotation."""
    return from_matrix(torch.eye(3)).expand(*shape, 6).clone()
