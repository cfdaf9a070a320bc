"""What all footage has in common: frames read in order, each with its time, up to the damage if there is any."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smpl_rig.errors import LimberError

Image = NDArray[np.uint8]

#: Ranges come from people and from single-precision numbers: a frame this close to a bound counts as on it.
_RANGE_TOLERANCE_S = 1e-4
_LARGE_FRAME_PIXELS = 4096 * 2304


class FootageError(LimberError):
    """Footage cannot be read as asked."""


class Damaged(Exception):  # noqa: N818  (ends the reading, is never raised to a caller)
    """The footage cannot be decoded beyond this point; the message says why."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of the footage.

    Attributes:
        index: number of the frame among those that were read, from 0.
        timestamp_s: seconds from the beginning of the footage.
        image: (H, W, 3) uint8, RGB, upright, square pixels.
    """

    index: int
    timestamp_s: float
    image: Image


@dataclass(frozen=True, eq=False)
class Footage(ABC):
    """What is known of footage before it is read.

    Attributes:
        path: the file, the folder or the ``%04d`` pattern.
        name: its last part.
        sha256: of the file; of an image sequence, of the names and contents of its files.
        width: of the upright frame, in square pixels.
        height: of the upright frame, in square pixels.
        frame_rate: frames per second, exact; the average where it varies.
        duration_s: seconds, as the file states them.
        frame_count: as the file states it; None where it does not.
        warnings: what a user should know, added to while frames are read.
    """

    path: Path
    name: str
    sha256: str
    width: int
    height: int
    frame_rate: Fraction
    duration_s: float
    frame_count: int | None
    warnings: list[str] = field(default_factory=list)

    def frames(self, start_s: float | None = None, end_s: float | None = None) -> Iterator[Frame]:
        """Reads the frames with ``start_s <= timestamp_s <= end_s``, in order, times strictly increasing.

        Footage that is damaged is read up to the damage, and a warning says where that is.

        Raises:
            FootageError: if the range holds no part of the footage, or no frame.
        """
        start = 0.0 if start_s is None else start_s
        end = np.inf if end_s is None else end_s
        if not start >= 0 or not end > start:
            raise FootageError(
                f"{self.name}: the range from {start:g} s to {end:g} s is empty. "
                "Choose a start of at least 0 and an end after it."
            )
        if start >= self.duration_s:
            raise FootageError(
                f"{self.name}: the range starts at {start:g} s but the footage is {self.duration_s:.3f} s long. "
                "Choose an earlier start."
            )
        return self._frames(start - _RANGE_TOLERANCE_S, end + _RANGE_TOLERANCE_S)

    def _frames(self, start: float, end: float) -> Iterator[Frame]:
        count, last = 0, 0.0
        try:
            for timestamp_s, image in self._read(start, end):
                yield Frame(count, timestamp_s, image)
                count, last = count + 1, timestamp_s
        except Damaged as damage:
            if count:
                self.warn(
                    f"{self.name} is damaged after {last:.3f} s ({damage}): the {count} frames up to there were read, "
                    "nothing after. Copy or export the file again to capture the rest."
                )
            else:
                raise FootageError(
                    f"{self.name}: no frame of the range can be decoded ({damage}). "
                    "Choose another range or export the file again."
                ) from None
        if count == 0:
            raise FootageError(
                f"{self.name}: there is no frame between {max(start, 0):.3f} s and {min(end, self.duration_s):.3f} s. "
                "Choose a longer range."
            )

    def warn(self, warning: str) -> None:
        """Adds to the warnings what is not among them."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    @abstractmethod
    def _read(self, start: float, end: float) -> Iterator[tuple[float, Image]]:
        """Times and pictures of a range. Raises Damaged where decoding cannot go on."""


def size_warnings(name: str, width: int, height: int) -> list[str]:
    """What a user should know of frames of so many pixels, if anything."""
    if width * height <= _LARGE_FRAME_PIXELS:
        return []
    size = f"{width} x {height}"
    return [f"{name}: frames of {size} pixels take long to decode; 1920 x 1080 is as good for capture and faster."]


def sha256_of(files: Iterable[Path], *, names: bool) -> str:
    """The hash of all contents, in order; with ``names``, of the files' names too."""
    digest = hashlib.sha256()
    for path in files:
        if names:
            digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
