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


def from_matrix(rotations: Tensor) -> Tensor:
    """(..., 3, 3) -> unit quaternions (..., 4), by the largest component (Shepperd 1978), so that it can be learned."""
    m = rotations.flatten(-2).unbind(-1)  # nine times (...)
    squares = torch.stack(
        (1 + m[0] + m[4] + m[8], 1 + m[0] - m[4] - m[8], 1 - m[0] + m[4] - m[8], 1 - m[0] - m[4] + m[8]), dim=-1
    )  # four times the square of each of w, x, y, z
    twice = squares.clamp_min(1e-6).sqrt()
    products = torch.stack(
        (
            torch.stack((twice[..., 0] ** 2, m[7] - m[5], m[2] - m[6], m[3] - m[1]), dim=-1),
            torch.stack((m[7] - m[5], twice[..., 1] ** 2, m[3] + m[1], m[2] + m[6]), dim=-1),
            torch.stack((m[2] - m[6], m[3] + m[1], twice[..., 2] ** 2, m[5] + m[7]), dim=-1),
            torch.stack((m[3] - m[1], m[6] + m[2], m[7] + m[5], twice[..., 3] ** 2), dim=-1),
        ),
        dim=-2,
    )  # (..., 4, 4), each row the quaternion times twice the component that it stands for, times two
    largest = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    return torch.nn.functional.normalize(products.gather(-2, largest).squeeze(-2), dim=-1)
