"""The camera that networks answer with, (s, tx, ty): a body seen in a square crop.

A point (X, Y, Z) of the body lies at ``s * (X + tx, Y + ty)`` in the crop, whose sides are at -1 and 1, when the
perspective is weak (Kanazawa et al. 2018). Read as CLIFF does (Li et al. 2022, eq. 3 to 5), the same three numbers
place the body in the full image under a true perspective.
"""

from __future__ import annotations

import torch
from torch import Tensor


def crop_translation(camera: Tensor, focal_px: float = 5000.0, crop_px: float = 224.0) -> Tensor:
    """Where the body's origin lies if the crop is an image of its own, as SPIN, VIBE and MPS-Net read it.

    Args:
        camera: (..., 3) s, tx, ty.
        focal_px: focal length of the crop as an image.
        crop_px: side of the crop as an image.

    Returns:
        (..., 3) metres, camera axes.
    """
    s, tx, ty = camera.unbind(-1)
    return torch.stack((tx, ty, 2 * focal_px / (crop_px * s.clamp_min(1e-9))), dim=-1)


def full_translation(camera: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
    """Where the body's origin lies before the camera of the full image (CLIFF, eq. 4).

    Args:
        camera: (..., T, 3) s, tx, ty in the square crop about each box.
        boxes: (..., T, 3) centre x, centre y and side of the square crop, pixels of the full image.
        K: (..., 3, 3) or (3, 3) intrinsics, pixels.

    Returns:
        (..., T, 3) metres, camera axes (OpenCV).
    """
    s, tx, ty = camera.unbind(-1)
    centre_x, centre_y, side = boxes.unbind(-1)
    half_size = (s * side / 2).clamp_min(1e-9)  # pixels that one metre takes at the body's depth
    return torch.stack(
        (
            tx + (centre_x - K[..., 0, 2, None]) / half_size,
            ty + (centre_y - K[..., 1, 2, None]) / half_size * (K[..., 0, 0, None] / K[..., 1, 1, None]),
            K[..., 0, 0, None] / half_size,
        ),
        dim=-1,
    )


def camera_from_translation(transl: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
    """The inverse of :func:`full_translation`: (..., T, 3) metres -> (..., T, 3) s, tx, ty."""
    centre_x, centre_y, side = boxes.unbind(-1)
    half_size = K[..., 0, 0, None] / transl[..., 2]
    tx = transl[..., 0] - (centre_x - K[..., 0, 2, None]) / half_size
    ty = transl[..., 1] - (centre_y - K[..., 1, 2, None]) / half_size * (K[..., 0, 0, None] / K[..., 1, 1, None])
    return torch.stack((2 * half_size / side, tx, ty), dim=-1)


def box_information(boxes: Tensor, K: Tensor) -> Tensor:
    """Where in the full image a crop was cut, as CLIFF tells its regressor: (..., T, 3), parts of the focal length."""
    centre_x, centre_y, side = boxes.unbind(-1)
    return (
        torch.stack((centre_x - K[..., 0, 2, None], centre_y - K[..., 1, 2, None], side), dim=-1)
        / K[..., 0, 0, None, None]
    )
