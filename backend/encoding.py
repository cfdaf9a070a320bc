"""Writing H.264 video."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

#: Steps of time within a frame, so that footage of a varying rate keeps its times.
_STEPS_PER_FRAME = 100


class VideoWriter:
    """An MP4 that appears under its name only when it is whole.

    Args:
        path: of the file.
        frame_rate: exact; the average where it varies.
        quality: x264's constant rate factor; lower is better.
    """

    def __init__(self, path: str | os.PathLike[str], frame_rate: Fraction, quality: int = 18) -> None:
        self._path = Path(path)
        self._part = self._path.with_name(f".{self._path.name}.part")
        self._frame_rate, self._quality = frame_rate, quality
        self._time_base = Fraction(1, _STEPS_PER_FRAME) / frame_rate
        self._next_s = Fraction(0)
        self._stream: Any = None

    def __enter__(self) -> VideoWriter:
        self._container: Any = av.open(str(self._part), "w", format="mp4")
        return self

    def add(self, image: NDArray[np.uint8], timestamp_s: float | None = None) -> None:
        """Adds a frame.

        Args:
            image: (H, W, 3) RGB, the same size every time; an odd last row or column is left out, as H.264 needs even
                sizes.
            timestamp_s: when it is shown, later than the frame before; by default one frame after it.
        """
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._frame_rate)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.options = {"crf": str(self._quality), "preset": "veryfast"}
            self._stream.codec_context.time_base = self._time_base
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image[:height, :width]), format="rgb24")
        shown_s = self._next_s if timestamp_s is None else Fraction(timestamp_s)
        frame.pts, frame.time_base = round(shown_s / self._time_base), self._time_base
        self._next_s = shown_s + 1 / self._frame_rate
        self._container.mux(self._stream.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
