"""How MP4 and QuickTime files say that their pictures are to be turned, as phones do (ISO 14496-12, ``tkhd``)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CONTAINERS = (b"moov", b"trak", b"mdia")
#: A track's header box: bytes before the matrix, by the version that its first byte states.
_MATRIX_AT = {0: 40, 1: 52}


def quarter_turns(path: str | os.PathLike[str]) -> int:
    """Quarter turns clockwise, 0 to 3, that bring the stored pictures upright.

    0 for files of other kinds, and for those that say nothing or something else than a quarter turn.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            for header in _video_track_headers(file, path.stat().st_size):
                return _turns(header)
    except (OSError, struct.error):
        return 0
    return 0


def _turns(header: bytes) -> int:
    """From a ``tkhd`` box's content: the matrix's a, b, c, d, of which one pair is zero."""
    at = _MATRIX_AT.get(header[0])
    if at is None:
        return 0
    a, b, _, c, d = struct.unpack_from(">5i", header, at)
    signs = tuple((value > 0) - (value < 0) for value in (a, b, c, d))
    return {(0, 1, -1, 0): 1, (-1, 0, 0, -1): 2, (0, -1, 1, 0): 3}.get(signs, 0)


def _video_track_headers(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Contents of the ``tkhd`` boxes of tracks whose handler is ``vide``."""
    header = b""
    for kind, start, end in _boxes(file, 0, size):
        if kind == b"tkhd":
            file.seek(start)
            header = file.read(end - start)
        elif kind == b"hdlr" and header:
            file.seek(start + 8)
            if file.read(4) == b"vide":
                yield header
            header = b""


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first and last byte of the content of every box, and of those in the boxes that hold a track."""
    while start + 8 <= end:
        file.seek(start)
        length, kind = struct.unpack(">I4s", file.read(8))
        content = start + 8
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
            content += 8
        stop = end if length == 0 else min(start + length, end)
        if stop < content:
            return
        if kind in _CONTAINERS:
            yield from _boxes(file, content, stop)
        else:
            yield kind, content, stop
        start = stop
