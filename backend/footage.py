"""Reading footage: upright frames with their true presentation times, streamed, so that memory stays flat.

Video of any kind that PyAV (FFmpeg) decodes, a folder of images, or a numbered pattern such as ``frame_%04d.png``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from smpl_rig.errors import LimberError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
#: Images carry no time; this is what Blender assumes for a sequence too.
IMAGE_SEQUENCE_RATE = Fraction(24)
_HASH_CHUNK = 1 << 20


class FootageError(LimberError):
    """Footage cannot be read; the message names the file, what was found and what to do."""


@dataclass(frozen=True)
class Frame:
    """One upright frame.

    Attributes:
        index: 0 for the first frame that was read.
        timestamp_s: presentation time, 0 at the start of the footage.
        image: (H, W, 3) uint8 RGB.
    """

    index: int
    timestamp_s: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Footage:
    """What is known before decoding.

    Attributes:
        path: as it was given.
        name: file name, for people.
        sha256: of the file; of names and contents for a sequence.
        width: pixels, upright.
        height: pixels, upright.
        frame_rate: exact average rate.
        duration_s: by the container; where the last frame ends.
        warnings: grows while frames are read, in words for the user.
    """

    path: Path
    name: str
    sha256: str
    width: int
    height: int
    frame_rate: Fraction
    duration_s: float
    warnings: list[str] = field(default_factory=list)
    _images: tuple[Path, ...] = ()

    def frames(self, start_s: float | None = None, end_s: float | None = None) -> Iterator[Frame]:
        """Frames with ``start_s <= timestamp_s <= end_s``.

        Footage that is damaged in the middle ends at the damage, with a warning.

        Raises:
            FootageError: if the range holds no frames, or nothing can be decoded.
        """
        first = 0.0 if start_s is None else start_s
        last = float("inf") if end_s is None else end_s
        if not 0 <= first < last:
            raise FootageError(f"{self.name}: the range {first} to {last} s is empty. Choose a start before the end.")
        if first > self.duration_s:
            raise FootageError(f"{self.name} lasts {self.duration_s:.2f} s; a start at {first} s lies behind its end.")
        timed = self._sequence_frames() if self._images else self._video_frames(first)
        index, latest = 0, -1.0
        for timestamp_s, image in timed:
            if timestamp_s < first - 1e-6:
                continue
            if timestamp_s > last + 1e-6:
                break
            if timestamp_s <= latest:  # repeated or reordered times cannot be keyframes
                self._warn(f"{self.name}: frames whose time does not increase were left out.")
                continue
            latest = timestamp_s
            yield Frame(index, timestamp_s, image)
            index += 1
        if index == 0:
            raise FootageError(f"{self.name} holds no frame between {first} and {last} s. Choose another range or file.")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _sequence_frames(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        for index, path in enumerate(self._images):
            image = _read_image(path)
            if image.shape[:2] != (self.height, self.width):
                found, size = f"{image.shape[1]}x{image.shape[0]}", f"{self.width}x{self.height}"
                raise FootageError(f"{path.name} is {found}, the first image {size}. Give images of one size.")
            yield float(index / self.frame_rate), image

    def _video_frames(self, first: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            time_base = stream.time_base or Fraction(1, 1000)
            origin = stream.start_time or 0
            if first > 0:
                container.seek(int(first / time_base) + origin, stream=stream, backward=True)
            read, latest, pts = 0, 0.0, 0
            try:
                for decoded in container.decode(stream):
                    # a stream without times (raw H.264) is taken at its rate
                    pts = decoded.pts if decoded.pts is not None else round(read / self.frame_rate / time_base) + origin
                    latest = float((pts - origin) * time_base)
                    read += 1
                    yield latest, _upright(decoded)
            except av.error.FFmpegError as error:
                if read == 0:
                    raise FootageError(f"{self.name} cannot be decoded ({error.strerror}). {_CONVERT}") from error
                self._warn(f"{self.name} is damaged after {latest:.2f} s: captured the {read} frames before it.")
                return
            if not self.warnings and latest + 1.5 / self.frame_rate < self.duration_s - 0.25:
                self._warn(f"{self.name} says it lasts {self.duration_s:.2f} s, but frames end at {latest:.2f} s.")


_CONVERT = "Convert it to H.264 in MP4, or choose another file."


def open_footage(path: str | os.PathLike[str]) -> Footage:
    """Looks into footage without decoding it all.

    Raises:
        FootageError: if it is missing, empty, unreadable, has no pictures or no length.
    """
    path = Path(path)
    if path.is_dir():
        return _open_sequence(path, sorted(entry for entry in path.iterdir() if _is_image(entry)))
    if re.search(r"%0?\d*d", path.name):
        return _open_sequence(path, _numbered(path))
    if not path.exists():
        raise FootageError(f"{path} does not exist. Check the path.")
    if path.stat().st_size == 0:
        raise FootageError(f"{path.name} is empty (0 bytes). Copy or record it again.")
    return _open_video(path)


def _open_video(path: Path) -> Footage:
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
                raise FootageError(f"{path.name} holds {kinds} and no video. Choose footage with pictures.")
            stream = container.streams.video[0]
            first = next(container.decode(stream), None)
            if first is None:
                raise FootageError(f"{path.name} holds a video of no length. Record it again.")
            rate = stream.average_rate or stream.guessed_rate or Fraction(30)
            if stream.duration and stream.time_base:
                duration_s = float(stream.duration * stream.time_base)
            elif container.duration:
                duration_s = container.duration / av.time_base
            else:
                duration_s = float("inf")
            height, width = _upright(first).shape[:2]
    except av.error.FFmpegError as error:
        hint = "It was cut off while it was written, or it is no video. "
        raise FootageError(f"{path.name} cannot be read ({error.strerror}). {hint}{_CONVERT}") from error
    return Footage(path, path.name, _sha256([path]), width, height, Fraction(rate), duration_s)


def _open_sequence(path: Path, images: list[Path]) -> Footage:
    if not images:
        raise FootageError(f"{path} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}). Choose another folder.")
    height, width = _read_image(images[0]).shape[:2]
    duration_s = float(len(images) / IMAGE_SEQUENCE_RATE)
    sha256 = _sha256(images, with_names=True)
    return Footage(path, path.name, sha256, width, height, IMAGE_SEQUENCE_RATE, duration_s, _images=tuple(images))


def _is_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES


def _numbered(pattern: Path) -> list[Path]:
    if not pattern.parent.is_dir():
        raise FootageError(f"{pattern.parent} does not exist. Check the path.")
    before, after = re.split(r"%0?\d*d", pattern.name, maxsplit=1)
    matcher = re.compile(re.escape(before) + r"(\d+)" + re.escape(after))
    found = [(int(match[1]), entry) for entry in pattern.parent.iterdir() if (match := matcher.fullmatch(entry.name))]
    return [entry for _, entry in sorted(found)]


def _read_image(path: Path) -> NDArray[np.uint8]:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
    if image is None:
        raise FootageError(f"{path.name} is not a readable image. Remove or replace it.")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _upright(frame: Any) -> NDArray[np.uint8]:
    """RGB, turned as the container's display matrix says (degrees anticlockwise)."""
    image: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _sha256(paths: list[Path], with_names: bool = False) -> str:
    digest = hashlib.sha256()
    for path in paths:
        if with_names:
            digest.update(path.name.encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
