"""Footage: the frames of a video file or of an image sequence, upright, each with its true time.

Times are seconds from the beginning of the footage and are those that the file states (``pts * time_base``), so that
footage of a variable frame rate keeps its rhythm. Frames are decoded as they are asked for, so that memory does not
grow with the length.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from smpl_rig.image_sequence import is_image_sequence

from .frames import Footage, FootageError, Frame, Image
from .image_sequence import open_sequence
from .video_file import open_video

__all__ = ["Footage", "FootageError", "Frame", "Image", "open_footage"]


def open_footage(path: str | os.PathLike[str], sequence_rate: Fraction | None = None) -> Footage:
    """Opens a video file, a folder of images or a pattern such as ``shot_%04d.png``.

    Args:
        path: the file, folder or pattern.
        sequence_rate: frames per second of an image sequence, which states none itself; 24 if it is not given.

    Raises:
        FootageError: if it is missing, empty, unreadable, cut off, or holds no pictures.
    """
    path = Path(path)
    if is_image_sequence(path):
        return open_sequence(path, sequence_rate)
    if not path.exists():
        raise FootageError(
            f"{path} does not exist. Choose a video file, a folder of images or a pattern like shot_%04d.png."
        )
    return open_video(path)
