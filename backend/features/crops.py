"""The square about a person, cut from a picture as networks want to see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.footage import Image

#: The square's side is this many times the longer side of the person's box (SPIN, VIBE, MPS-Net).
ENLARGEMENT = 1.1
#: Of the pictures that the backbones were trained with, red, green and blue, white being 1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def square_boxes(boxes: NDArray[Any]) -> NDArray[np.float64]:
    """(..., 4) x, y, width, height -> (..., 3) centre x, centre y and side of the squares to cut, pixels."""
    boxes = np.asarray(boxes, dtype=np.float64)
    sides = ENLARGEMENT * boxes[..., 2:].max(axis=-1, keepdims=True)
    return np.concatenate((boxes[..., :2] + boxes[..., 2:] / 2, sides), axis=-1)


def cut(image: Image, squares: NDArray[Any], crop_px: int) -> Tensor:
    """Cuts squares out of a picture, resamples them bilinearly and normalises their colours.

    Places are pixels from the top-left corner of the picture: the middle of its first pixel is at (0.5, 0.5), and the
    crop's pixels are parts of the square likewise. Beyond the picture everything is black.

    Args:
        image: (H, W, 3) RGB.
        squares: (N, 3) centre x, centre y, side; pixels.
        crop_px: side of the crops.

    Returns:
        (N, 3, crop_px, crop_px) f32.
    """
    crops = np.empty((len(squares), crop_px, crop_px, 3))
    for crop, (x, y, side) in zip(crops, squares, strict=True):
        rows, down = _taps(y, side, crop_px, image.shape[0])
        columns, across = _taps(x, side, crop_px, image.shape[1])
        crop[:] = sum(
            (down[upper][:, None] * across[left])[..., None] * image[rows[upper][:, None], columns[left]]
            for upper in (0, 1)
            for left in (0, 1)
        )
    normalised = (crops / 255 - IMAGENET_MEAN) / IMAGENET_DEVIATION
    return torch.from_numpy(normalised.transpose(0, 3, 1, 2).astype(np.float32))


def _taps(centre: float, side: float, count: int, extent: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Along one axis: the two pixels (2, count) between whose middles each place lies, and their weights (2, count)."""
    places = centre + ((np.arange(count) + 0.5) / count - 0.5) * side - 0.5
    before = np.floor(places).astype(np.int64)
    pixels = np.stack((before, before + 1))
    weights = 1 - np.abs(places - pixels)
    weights[(pixels < 0) | (pixels >= extent)] = 0
    return pixels.clip(0, extent - 1), weights
