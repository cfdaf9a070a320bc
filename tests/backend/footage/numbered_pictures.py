"""Every picture here carries its number in black and white blocks, so a frame's identity and orientation are known."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from backend.footage import open_footage

WIDTH, HEIGHT = 128, 96
BITS = 8
QUARTER = 1 << 16  # 1.0 in the display matrix
UPRIGHT = (QUARTER, 0, 0, QUARTER)


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Top third: red left of green; below: blocks of the number, the lowest bit first; last third: blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 3, : width // 2] = (220, 30, 30)
    image[: height // 3, width // 2 :] = (30, 200, 30)
    for bit in range(BITS):
        if number >> bit & 1:
            image[height // 3 : 2 * height // 3, bit * width // BITS : (bit + 1) * width // BITS] = 255
    image[2 * height // 3 :] = (30, 30, 220)
    return image


def number_of(image: np.ndarray) -> int:
    height, width = image.shape[:2]
    middles = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    return sum(1 << bit for bit, x in enumerate(middles) if image[height // 2, x].mean() > 127)


def assert_upright(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    assert image[height // 6, width // 4].argmax() == 0
    assert image[height // 6, 3 * width // 4].argmax() == 1
    assert image[5 * height // 6, width // 2].argmax() == 2


def write_video(
    path: Path,
    times_ms: Sequence[int],
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    matrix: tuple[int, int, int, int] | None = None,
    pixel_aspect: Fraction | None = None,
    images: Sequence[np.ndarray] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """One frame for each time. ``matrix`` is a, b, c, d of the display matrix."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pixel_format
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if codec == "libx264":
            stream.options = {"g": "10", "crf": "18", "preset": "ultrafast"}
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if matrix is not None:
            a, b, c, d = matrix
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for index, time in enumerate(times_ms):
            image = picture(index, *size) if images is None else images[index]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base, frame.duration = time, Fraction(1, 1000), 40
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def regular(count: int, step_ms: int = 40) -> list[int]:
    return [index * step_ms for index in range(count)]


def numbers(path: Path, start_s: float | None = None, end_s: float | None = None) -> list[int]:
    return [number_of(frame.image) for frame in open_footage(path).frames(start_s, end_s)]
