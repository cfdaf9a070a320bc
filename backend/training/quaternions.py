"""Unit quaternions w, x, y, z, as in :mod:`smpl_rig.rotations`, batched in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton's product: (..., 4), (..., 4) -> (..., 4)."""
    scalar = a[..., :1] * b[..., :1] - (a[..., 1:] * b[..., 1:]).sum(-1, keepdim=True)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + torch.linalg.cross(a[..., 1:], b[..., 1:])
    return torch.cat((scalar, vector), dim=-1)


def exp(vector: Tensor) -> Tensor:
    """Rotation vectors (..., 3) radians -> unit quaternions (..., 4)."""
    half = vector.norm(dim=-1, keepdim=True) / 2
    return torch.cat((half.cos(), 0.5 * vector * torch.sinc(half / math.pi)), dim=-1)


def log(quaternion: Tensor) -> Tensor:
    """Unit quaternions (..., 4) -> the shorter rotation vectors (..., 3) radians."""
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    length = quaternion[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(length, quaternion[..., :1])
    return quaternion[..., 1:] * torch.where(length > 1e-8, angle / length.clamp_min(1e-8), torch.full_like(angle, 2.0))


def between(a: Tensor, b: Tensor, part: Tensor) -> Tensor:
    """The normalised mean of two near rotations, ``part`` of the way from a to b, the shorter way round."""
    b = torch.where((a * b).sum(-1, keepdim=True) < 0, -b, b)
    return torch.nn.functional.normalize(torch.lerp(a, b, part), dim=-1)


def matrix(quaternion: Tensor) -> Tensor:
    """Unit quaternions (..., 4) -> (..., 3, 3)."""
    w, x, y, z = quaternion.unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
