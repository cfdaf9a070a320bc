import struct
from pathlib import Path

import numpy as np
import pytest

from smpl_rig.display_turn import quarter_turns

QUARTER = 1 << 16  # 1.0 in the display matrix
MATRICES = {
    0: (QUARTER, 0, 0, QUARTER),
    1: (0, QUARTER, -QUARTER, 0),
    2: (-QUARTER, 0, 0, -QUARTER),
    3: (0, -QUARTER, QUARTER, 0),
}


def film(path: Path, matrix: tuple[int, int, int, int], options: dict[str, str]) -> Path:
    av = pytest.importorskip("av")
    a, b, c, d = matrix
    with av.open(str(path), "w", options=options) as container:
        sound = container.add_stream("aac", rate=44100)
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for _ in range(3):
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((36, 64, 3), np.uint8), format="rgb24")):
                container.mux(packet)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        for packet in (*sound.encode(silence), *sound.encode(), *stream.encode()):
            container.mux(packet)
    return path


@pytest.mark.parametrize("turns", MATRICES)
@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_reads_what_ffmpeg_writes(tmp_path: Path, turns: int, options: dict[str, str], suffix: str) -> None:
    assert quarter_turns(film(tmp_path / f"film{suffix}", MATRICES[turns], options)) == turns


def box(kind: bytes, content: bytes, long: bool = False) -> bytes:
    if long:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


@pytest.mark.parametrize("long", [False, True])
def test_version_1_headers_and_long_boxes(tmp_path: Path, long: bool) -> None:
    a, b, c, d = MATRICES[3]
    header = b"\x01" + bytes(51) + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + bytes(8)
    handler = box(b"hdlr", bytes(8) + b"vide" + bytes(12))
    track = box(b"trak", box(b"tkhd", header) + box(b"mdia", handler), long)
    sound = box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", box(b"hdlr", bytes(8) + b"soun" + bytes(12))))
    (tmp_path / "film.mov").write_bytes(
        box(b"ftyp", b"qt  ") + box(b"mdat", bytes(99), long) + box(b"moov", sound + track)
    )
    assert quarter_turns(tmp_path / "film.mov") == 3


@pytest.mark.parametrize("content", [b"", b"no film", bytes(64), box(b"moov", box(b"trak", b""))])
def test_other_files_are_not_turned(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(content)
    assert quarter_turns(tmp_path / "film.mp4") == 0
    assert quarter_turns(tmp_path / "gone.mp4") == 0
    assert quarter_turns(tmp_path) == 0
