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


def to_vector(rotation6d: Tensor) -> Tensor:
    """The shorter rotation vectors, radians: (..., 6) -> (..., 3)."""
    quaternion = _quaternion(to_matrix(rotation6d))
    cosine, axis = quaternion[..., :1], quaternion[..., 1:]  # of half the angle; the axis times its sine
    sine = axis.norm(dim=-1, keepdim=True)
    still = sine < 1e-7
    # half the angle over its sine, which tends to 1
    ratio = torch.where(still, torch.ones_like(sine), torch.atan2(sine, cosine) / sine.masked_fill(still, 1.0))
    return 2 * ratio * axis


def _quaternion(matrix: Tensor) -> Tensor:
    """Unit quaternions w, x, y, z, w >= 0: (..., 3, 3) -> (..., 4)."""
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (row.unbind(-1) for row in matrix.unbind(-2))
    rows = (
        1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01,
        m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20,
        m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m21 + m12,
        m10 - m01, m02 + m20, m21 + m12, 1 - m00 - m11 + m22,
    )  # fmt: skip
    products = torch.stack(rows, dim=-1).unflatten(-1, (4, 4))  # four times q q^T
    # every row is a multiple of q; that of its largest component is never near zero
    largest = products.diagonal(dim1=-2, dim2=-1).argmax(-1)[..., None, None]
    quaternion = normalize(products.take_along_dim(largest, dim=-2).squeeze(-2), dim=-1)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def from_hmr2_layout(rotation6d: Tensor) -> Tensor:
    """HMR2's six numbers (..., 6), column after column, in the layout used here."""
    return rotation6d.unflatten(-1, (2, 3)).transpose(-1, -2).flatten(-2)


def identity(*shape: int) -> Tensor:
    """(*shape, 6), no rotation."""
    return from_matrix(torch.eye(3)).expand(*shape, 6).clone()
