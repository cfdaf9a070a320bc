"""Image sequences: a folder of images or a pattern such as ``shot_%04d.png``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from smpl_rig.image_sequence import IMAGE_SUFFIXES, images_of

from .frames import Damaged, Footage, FootageError, Image, sha256_of, size_warnings

#: Images carry no time; this is what Blender assumes of a sequence too.
IMAGE_SEQUENCE_RATE = Fraction(24)


@dataclass(frozen=True, eq=False)
class ImageSequence(Footage):
    """Images that are numbered; each number is a step of a frame, and missing ones are gaps in time."""

    #: Numbers in steps of a frame, increasing, and the files they belong to.
    images: tuple[tuple[int, Path], ...] = ()

    def _read(self, start: float, end: float) -> Iterator[tuple[float, Image]]:
        for number, path in self.images:
            timestamp_s = float((number - self.images[0][0]) / self.frame_rate)
            if start <= timestamp_s <= end:
                image = _read_image(path)
                if image is None:
                    raise Damaged(f"{path.name} is not a readable image")
                if image.shape[:2] != (self.height, self.width):
                    found, expected = f"{image.shape[1]} x {image.shape[0]}", f"{self.width} x {self.height}"
                    raise Damaged(f"{path.name} has {found} pixels, the first image {expected}")
                yield timestamp_s, image


def open_sequence(path: Path, rate: Fraction | None) -> ImageSequence:
    """Lists the images of a folder or a pattern, and reads the first.

    Raises:
        FootageError: if the folder cannot be read, there is none, the first is damaged, or the rate is not above 0.
    """
    try:
        images = images_of(path)
    except OSError as error:
        raise FootageError(f"{path}: its folder cannot be read ({error.strerror}). Choose another.") from error
    if not images:
        kinds = ", ".join(sorted(IMAGE_SUFFIXES))
        raise FootageError(f"{path} holds no images ({kinds}). Choose a video or another folder.")
    if rate is not None and rate <= 0:
        raise FootageError(f"{path}: {rate} is no frame rate. Give frames per second above 0.")
    first = _read_image(images[0][1])
    if first is None:
        raise FootageError(f"{images[0][1]} is not a readable image. Remove it or write it again.")
    height, width = first.shape[:2]
    frame_rate = rate or IMAGE_SEQUENCE_RATE
    steps = images[-1][0] - images[0][0] + 1
    warnings = []
    if rate is None:
        warnings.append(f"{path.name}: images state no frame rate; {frame_rate} frames per second were assumed.")
    if steps > len(images):
        warnings.append(f"{path.name}: {steps - len(images)} of the {steps} numbers are missing and were left as gaps.")
    warnings += size_warnings(path.name, width, height)
    return ImageSequence(
        path=path,
        name=path.name,
        sha256=sha256_of([image for _, image in images], names=True),
        width=width,
        height=height,
        frame_rate=frame_rate,
        duration_s=float(steps / frame_rate),
        frame_count=len(images),
        warnings=warnings,
        images=tuple(images),
    )


def _read_image(path: Path) -> Image | None:
    encoded = np.fromfile(path, np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_COLOR) if len(encoded) else None
    return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
