"""Video files: decoding by FFmpeg, true times, pictures upright and with square pixels."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from .frames import Damaged, Footage, FootageError, Image, sha256_of, size_warnings

#: The containers that are read. Everything else is refused before it is parsed: playlists (HLS, DASH, concat) would
#: make this process open other files and addresses, and text would be drawn as a picture of text.
_CONTAINERS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,gif,apng,h264,hevc,av1,obu,ivf,mjpeg,mxf,dv,nut,rm,wtv,"
    "yuv4mpegpipe,jpeg_pipe,png_pipe,bmp_pipe,tiff_pipe,webp_pipe,aac,ac3,aiff,flac,mp3,wav"
)
_OPEN_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}

_UNSTATED_RATE = Fraction(30)

#: Seeking lands on the decoding time of a key frame, which lies a little before the time at which it is shown.
_SEEK_MARGIN_S = 1.0
#: Files whose pictures end this much before their stated end were cut off.
_MISSING_END_S = 0.5


@dataclass(frozen=True, eq=False)
class VideoFile(Footage):
    """A container of FFmpeg's with moving pictures in it."""

    #: The time, by the file's own clock, at which the footage begins.
    clock_start_s: Fraction = Fraction(0)
    #: When the pictures end by the file's own statement; None where it states it for all streams together only.
    pictures_end_s: float | None = None
    #: As :func:`_orientation` gives it.
    orientation: NDArray[np.int64] = field(default_factory=lambda: np.eye(2, dtype=np.int64))

    def _read(self, start: float, end: float) -> Iterator[tuple[float, Image]]:
        dropped, last = 0, -np.inf
        clock = _Clock(self.clock_start_s, self.frame_rate)
        try:
            for frame in self._decode(start):
                timestamp_s = clock.time_of(frame)
                if timestamp_s > end:
                    return
                if timestamp_s <= last:
                    dropped += 1
                    continue
                last = timestamp_s
                if timestamp_s >= start:
                    yield timestamp_s, self._upright_image(frame)
            self._check_end(last)
        finally:
            if dropped:
                self.warn(f"{self.name}: {dropped} frames were left out, as their time is not after the one before.")

    def _check_end(self, last: float) -> None:
        if self.pictures_end_s is not None and self.pictures_end_s - last > _MISSING_END_S + 1 / self.frame_rate:
            raise Damaged(f"the file says it lasts {self.pictures_end_s:.3f} s but ends there")

    def _decode(self, start: float) -> Iterator[av.VideoFrame]:
        """Frames from at or before ``start``: from a key frame where the file lets us seek, else from its beginning."""
        if start > _SEEK_MARGIN_S:
            frames = _decoded(self.path, self.clock_start_s + Fraction(start - _SEEK_MARGIN_S))
            first = next(frames, None)
            if first is not None and first.pts is not None and _shown_at(first) - self.clock_start_s <= start:
                yield first
                yield from frames
                return
            frames.close()
        yield from _decoded(self.path, None)

    def _upright_image(self, frame: av.VideoFrame) -> Image:
        turned = bool(self.orientation[0, 0] == 0)
        width, height = (self.height, self.width) if turned else (self.width, self.height)
        image: Any = frame.reformat(width, height, "rgb24").to_ndarray()
        if turned:
            image = image.swapaxes(0, 1)
        across, down = self.orientation.sum(axis=0)
        return np.ascontiguousarray(image[:: int(down), :: int(across)])


class _Clock:
    """Turns a file's times into seconds from its beginning, and makes up those that are missing."""

    def __init__(self, start_s: Fraction, frame_rate: Fraction) -> None:
        self._start_s = start_s
        self._step = 1 / frame_rate
        self._last: Fraction | None = None

    def time_of(self, frame: av.VideoFrame) -> float:
        expected = Fraction(0) if self._last is None else self._last + self._step
        self._last = expected if frame.pts is None else _shown_at(frame) - self._start_s
        return float(self._last)


def open_video(path: Path) -> VideoFile:
    """Reads what a video file says of itself, and its first frame.

    Raises:
        FootageError: if it is empty, unreadable, cut off, or holds no pictures.
    """
    if path.stat().st_size == 0:
        raise FootageError(f"{path} is empty (0 bytes). Copy or record it again.")
    warnings: list[str] = []
    try:
        with av.open(str(path), options=_OPEN_OPTIONS) as container:
            stream = _video_stream(path, container)
            frame_rate = stream.average_rate or stream.guessed_rate
            if not frame_rate:
                frame_rate = _UNSTATED_RATE
                warnings.append(f"{path.name} states no frame rate: {frame_rate} frames per second were assumed.")
            pictures_end = None if stream.duration is None else stream.duration * _time_base(stream)
            duration = pictures_end
            if duration is None and container.duration is not None:
                duration = Fraction(container.duration, av.time_base)
                if len(container.streams) == 1:
                    pictures_end = duration
            clock_start = None if stream.start_time is None else stream.start_time * _time_base(stream)
            frame_count = stream.frames or None
            pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
    except (av.error.FFmpegError, OSError) as error:
        raise FootageError(_why_unreadable(path, error)) from error
    first = _first_frame(path)
    orientation = _orientation(first)
    width, height = _square_pixel_size(first, pixel_aspect)
    if orientation[0, 0] == 0:
        width, height = height, width
    if clock_start is None:
        clock_start = Fraction(0) if first.pts is None else _shown_at(first)
    if duration is None or duration <= 0:
        duration, pictures_end = _duration_of_packets(path, clock_start, frame_rate), None
    warnings += size_warnings(path.name, width, height)
    return VideoFile(
        path=path,
        name=path.name,
        sha256=sha256_of([path], names=False),
        width=width,
        height=height,
        frame_rate=frame_rate,
        duration_s=float(duration),
        frame_count=frame_count,
        warnings=warnings,
        clock_start_s=clock_start,
        pictures_end_s=None if pictures_end is None else float(pictures_end),
        orientation=orientation,
    )


def _video_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """The stream of moving pictures. The cover of a piece of music does not count."""
    attached = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & attached]
    if streams:
        return streams[0]
    found = "only sound" if container.streams.audio else "no pictures"
    raise FootageError(f"{path} holds {found} ({container.format.long_name}). Choose a file with a video track.")


def _first_frame(path: Path) -> av.VideoFrame:
    frames = _decoded(path, None)
    try:
        return next(frames)
    except StopIteration:
        raise FootageError(f"{path} has a video track without any frame in it. Record or export it again.") from None
    except Damaged as damage:
        raise FootageError(
            f"{path}: its first frame cannot be decoded ({damage}). Export it again, as H.264 in MP4 for example."
        ) from None
    finally:
        frames.close()


def _decoded(path: Path, from_clock_s: Fraction | None) -> Generator[av.VideoFrame, None, None]:
    """Frames in the order they are shown, from the key frame before ``from_clock_s`` by the file's own clock.

    Raises:
        Damaged: where the file or a picture in it is broken.
    """
    try:
        with av.open(str(path), options=_OPEN_OPTIONS) as container:
            stream = _video_stream(path, container)
            stream.thread_type = "AUTO"
            if from_clock_s is not None:
                with suppress(av.error.FFmpegError):  # a file without an index is read from its beginning
                    container.seek(int(from_clock_s / _time_base(stream)), stream=stream)
            for packet in container.demux(stream):
                for frame in packet.decode():
                    if frame.is_corrupt:
                        raise Damaged("a picture is incomplete")
                    yield frame
    except av.error.FFmpegError as error:
        raise Damaged(error.strerror or type(error).__name__) from error


def _duration_of_packets(path: Path, clock_start: Fraction, frame_rate: Fraction) -> Fraction:
    """For files that state no duration, such as a browser's recordings: reads all packets, decodes none."""
    count, end = 0, Fraction(0)
    try:
        with av.open(str(path), options=_OPEN_OPTIONS) as container:
            stream = _video_stream(path, container)
            for packet in container.demux(stream):
                count += packet.size > 0
                if packet.pts is not None:
                    end = max(end, packet.pts * _time_base(stream) - clock_start)
    except av.error.FFmpegError:
        pass  # Reading the frames meets the same damage, and says so.
    return max(end + 1 / frame_rate, count / frame_rate)


def _time_base(stream: av.VideoStream) -> Fraction:
    return stream.time_base or Fraction(1, av.time_base)


def _shown_at(frame: av.VideoFrame) -> Fraction:
    """Seconds by the file's own clock."""
    return Fraction(frame.pts or 0) * (frame.time_base or 0)


def _square_pixel_size(frame: av.VideoFrame, pixel_aspect: Fraction) -> tuple[int, int]:
    """Width and height as stored; pixels that are not square are stretched, never shrunk."""
    if pixel_aspect > 1:
        return round(frame.width * pixel_aspect), frame.height
    return frame.width, round(frame.height / pixel_aspect)


def _orientation(frame: av.VideoFrame) -> NDArray[np.int64]:
    """(2, 2) of -1, 0, 1: a stored (column, row), as a row vector, times this is the upright (column, row).

    Read from the display matrix (ISO 14496-12, ``tkhd``: 16.16 fixed point, row vectors), to the nearest quarter turn
    or mirror image. Asked of one frame only: reading ``side_data`` ties a frame into a reference cycle, and cycles keep
    decoded pictures in memory until the garbage collector comes by.
    """
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return np.eye(2, dtype=np.int64)
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return np.array([[_sign(a), 0], [0, _sign(d)]])
    return np.array([[0, _sign(b)], [_sign(c), 0]])


def _sign(number: int) -> int:
    return -1 if number < 0 else 1


def _why_unreadable(path: Path, error: OSError | av.error.FFmpegError) -> str:
    if isinstance(error, PermissionError):
        return f"{path} may not be read. Change its permissions or copy it."
    if _lacks_mp4_index(path):
        return (
            f"{path} was cut off before its index was written (no 'moov' box): recording or copying was broken off. "
            "Copy it again, or recover the recording with the program that made it."
        )
    return (
        f"{path} is not a video that can be read ({error.strerror or error}). Export it as H.264 in MP4, for example."
    )


def _lacks_mp4_index(path: Path) -> bool:
    """True for an MP4 or QuickTime file that has no ``moov`` box."""
    with path.open("rb") as file:
        size, kinds = path.stat().st_size, []
        while file.tell() + 8 <= size:
            start = file.tell()
            length, kind = struct.unpack(">I4s", file.read(8))
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
            kinds.append(kind)
            if length < 8:
                break
            file.seek(start + length)
    return kinds[:1] == [b"ftyp"] and b"moov" not in kinds
