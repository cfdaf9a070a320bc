"""The square about a person, cut from a picture as networks want to see it."""

from __future__ import annotations

from typing import Any

import cv2
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


def cut(image: Image, square: NDArray[Any], crop_px: int) -> Tensor:
    """Cuts a square out of a picture, resamples it bilinearly and normalises its colours.

    Places are pixels from the top-left corner of the picture: the middle of its first pixel is at (0.5, 0.5), and the
    crop's pixels are parts of the square likewise. Beyond the picture everything is black. Pixels are not averaged
    where the square is larger than the crop: the published networks learned from pictures that were made so.

    Args:
        image: (H, W, 3) RGB.
        square: (3,) centre x, centre y, side; pixels.
        crop_px: side of the crop.

    Returns:
        (3, crop_px, crop_px) f32.
    """
    x, y, side = square
    step = side / crop_px
    # of the middle of the crop's first pixel, counted, as OpenCV does, from the middle of the picture's first pixel
    left, top = (middle - side / 2 + step / 2 - 0.5 for middle in (x, y))
    crop = cv2.warpAffine(
        image,
        np.array([[step, 0, left], [0, step, top]]),
        (crop_px, crop_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    normalised = (crop / 255 - IMAGENET_MEAN) / IMAGENET_DEVIATION
    return torch.from_numpy(normalised.transpose(2, 0, 1).astype(np.float32))
