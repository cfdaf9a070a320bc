"""Parts of a person hidden on purpose, so that a network learns what to make of it (SPS-Net, sections 3.4 and 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor

#: Keypoints that are hidden in a frame, from and to.
KEYPOINTS = (3, 5)
#: Width and height of what is hidden about each, from and to, in pixels of a crop of :data:`CROP_PX`. The paper's
#: "offset" could as well be from the keypoint to the border, which would hide four times the area.
BOX_PX = (25.0, 50.0)
CROP_PX = 224.0


def draw_boxes(keypoints: Tensor, visible: Tensor, crop_sides: Tensor, generator: torch.Generator) -> Tensor:
    """Draws, for each frame, the boxes that are to hide something.

    Args:
        keypoints: (B, T, J, 2) pixels, J >= 5.
        visible: (B, T, J) bool, keypoints about which there may be a box.
        crop_sides: (B, T) how many of those pixels a crop's side takes; 224 where the pixels are the crop's.
        generator: where chance comes from.

    Returns:
        (B, T, 5, 4) left, top, right and bottom, pixels. Boxes that are not needed are empty.
    """
    fewest, most = KEYPOINTS
    clips, frames, _ = visible.shape

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=keypoints.device)

    chance, chosen = torch.where(visible, uniform(*visible.shape), -1.0).topk(most, dim=-1)  # (B, T, 5)
    count = torch.randint(fewest, most + 1, (clips, frames, 1), generator=generator, device=keypoints.device)
    used = (chance >= 0) & (torch.arange(most, device=keypoints.device) < count)
    middle = keypoints.gather(2, chosen[..., None].expand(-1, -1, -1, 2))  # (B, T, 5, 2)
    low, high = BOX_PX
    sizes = (low + (high - low) * uniform(clips, frames, most, 2)) * (crop_sides / CROP_PX)[..., None, None]
    boxes = torch.cat((middle - sizes / 2, middle + sizes / 2), dim=-1)
    return torch.where(used[..., None], boxes, 0.0)


def mask_images(images: Tensor, boxes: Tensor) -> Tensor:
    """Images with nothing in the boxes.

    Args:
        images: (B, T, C, H, W) crops of which 0 is the mean colour.
        boxes: (B, T, 5, 4) pixels of the crops, from :func:`draw_boxes`.

    Returns:
        (B, T, C, H, W), 0 in the boxes.
    """
    columns = torch.arange(images.shape[-1], device=images.device) + 0.5
    rows = torch.arange(images.shape[-2], device=images.device) + 0.5
    left, top, right, bottom = boxes[..., None].unbind(-2)  # (B, T, 5, 1)
    across, down = (columns >= left) & (columns < right), (rows >= top) & (rows < bottom)
    hidden = (down[..., :, None] & across[..., None, :]).any(2)  # (B, T, H, W)
    return torch.where(hidden[:, :, None], 0.0, images)


def hide_landmarks(
    landmarks2d: Tensor, landmarks3d: Tensor, boxes: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """What a detector of landmarks knows if the boxes hide what is in them.

    A landmark in a box is not visible; where in the box it lies can only be guessed, and its 3D is not known.

    Args:
        landmarks2d: (B, T, L, 3) pixel x, pixel y, visibility.
        landmarks3d: (B, T, L, 3) metres.
        boxes: (B, T, 5, 4) pixels, from :func:`draw_boxes`.
        generator: where chance comes from.

    Returns:
        As ``landmarks2d`` and ``landmarks3d``; a hidden landmark lies anywhere in its box, with a visibility of 0, and
        in 3D at the origin.
    """
    places = landmarks2d[..., None, :2]  # (B, T, L, 1, 2)
    low, high = boxes[:, :, None].split(2, dim=-1)  # (B, T, 1, 5, 2)
    held = ((places >= low) & (places < high)).all(-1)  # (B, T, L, 5)
    hidden = held.any(-1, keepdim=True)
    box = held.int().argmax(-1, keepdim=True)[..., None].expand(*held.shape[:-1], 1, 4)
    box = boxes[:, :, None].expand(*held.shape, 4).gather(3, box).squeeze(3)  # (B, T, L, 4)
    part = torch.rand(*box.shape[:-1], 2, generator=generator, device=boxes.device)
    guessed = torch.cat((torch.lerp(box[..., :2], box[..., 2:], part), torch.zeros_like(part[..., :1])), dim=-1)
    return torch.where(hidden, guessed, landmarks2d), torch.where(hidden, 0.0, landmarks3d)
