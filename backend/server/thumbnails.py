"""A small picture of each captured person, cut from the footage where the person is seen best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.footage import open_footage
from backend.server.capture_files import thumbnail_path
from smpl_rig.motion import Motion

_HEIGHT_PX = 256
#: Added on each side of the person's box, as a part of its larger side.
_MARGIN = 0.1


def write_thumbnails(footage: Path, motions: Sequence[Motion], folder: Path) -> None:
    """Writes ``thumbnail_N.jpg`` for each person who was seen."""
    opened = open_footage(footage)
    for motion in motions:
        best = best_frame(motion)
        if best is None:
            continue
        start_s = float(motion.timestamps_s[best])
        for frame in opened.frames(start_s=start_s, end_s=None):
            picture = cut_out(frame.image, motion.boxes[best])
            cv2.imwrite(str(thumbnail_path(folder, motion.person)), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            break


def best_frame(motion: Motion) -> int | None:
    """The frame in which the person is largest and clearest; None if the person is in no frame."""
    clearness = motion.landmarks2d[:, :, 2].mean(axis=1) * motion.boxes[:, 2] * motion.boxes[:, 3]
    clearness = np.where(motion.observed & np.isfinite(clearness), clearness, -1.0)
    best = int(clearness.argmax())
    return best if clearness[best] > 0 else None


def cut_out(image: NDArray[np.uint8], box: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """The part of an image in a box, with a margin, at the height of a thumbnail.

    Args:
        image: (H, W, 3).
        box: (4,) x, y, width, height in pixels; may reach out of the image.
    """
    height, width = image.shape[:2]
    margin = _MARGIN * max(box[2], box[3])
    left, top = np.clip(np.floor(box[:2] - margin), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(np.ceil(box[:2] + box[2:] + margin), (left + 1, top + 1), (width, height)).astype(int)
    part = image[top:bottom, left:right]
    scaled_width = max(round(part.shape[1] * _HEIGHT_PX / part.shape[0]), 1)
    return np.asarray(cv2.resize(part, (scaled_width, _HEIGHT_PX), interpolation=cv2.INTER_AREA), dtype=np.uint8)
