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


def points_in_crop(points: Tensor, camera: Tensor, box_information: Tensor) -> Tensor:
    """Where points of a body are seen in the crop, under the full image's perspective (CLIFF, eq. 3 to 5).

    The full image's camera and the box are known from ``box_information`` alone. With the box's centre c from the
    middle of the image and its side b, both in focal lengths, and h = s b / 2, a metre's length in the image at the
    body's depth, the body's origin lies at (tx + cx / h, ty + cy / h, 1 / h); a point (X, Y, Z) from it is seen at
    u = (X + tx + cx / h) / (Z + 1 / h) in the image and at (u - cx) / (b / 2) in the crop, which is
    s (X + tx - cx Z) / (1 + h Z). So small boxes do no harm, and far away it is the weak perspective.

    Args:
        points: (B, K, 3) metres from the body's origin, camera axes.
        camera: (B, 3) s, tx, ty.
        box_information: (B, 3), of an image with square pixels.

    Returns:
        (B, K, 2) x and y, the crop's sides at -1 and 1.
    """
    s, t = camera[:, None, :1], camera[:, None, 1:]
    c, b = box_information[:, None, :2], box_information[:, None, 2:]
    xy, z = points[..., :2], points[..., 2:]
    return s * (xy + t - c * z) / (1 + s * b / 2 * z).clamp_min(0.05)
