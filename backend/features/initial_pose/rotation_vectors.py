"""Rotations as the fit moves them: vectors along the axis, as long as the angle in radians."""

from __future__ import annotations

import torch
from torch import Tensor

from smpl_rig.rotations import from_matrix, log


def to_matrix(vector: Tensor) -> Tensor:
    """Rodrigues' formula, (..., 3) radians -> (..., 3, 3)."""
    angle = (vector.square().sum(dim=-1, keepdim=True) + 1e-12).sqrt()
    x, y, z = (vector / angle).unbind(dim=-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).reshape(*x.shape, 3, 3)
    sine, versine = angle.sin().unsqueeze(-1), (1 - angle.cos()).unsqueeze(-1)
    return torch.eye(3, device=vector.device) + sine * cross + versine * (cross @ cross)


def to_vector(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 3) radians, through quaternions, which are safe at half turns."""
    quaternion = from_matrix(matrix.cpu().double().numpy())
    return torch.tensor(log(quaternion), dtype=matrix.dtype, device=matrix.device)


def swing(rest: Tensor, wanted: Tensor) -> Tensor:
    """Rotation vectors (T, 3) that turn direction ``rest`` (3,) the shortest way to directions ``wanted`` (T, 3)."""
    a = (rest / rest.norm()).expand_as(wanted)
    b = wanted / wanted.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    axis = torch.linalg.cross(a, b)
    sine, cosine = axis.norm(dim=-1, keepdim=True), (a * b).sum(dim=-1, keepdim=True)
    return axis / sine.clamp(min=1e-6) * torch.atan2(sine, cosine)
