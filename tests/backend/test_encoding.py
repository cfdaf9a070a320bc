from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from backend.encoding import VideoWriter

RATES = [Fraction(30), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(100, 7)]


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


@pytest.mark.parametrize("rate", RATES)
def test_encodes_at_the_exact_rate_and_an_even_size(tmp_path: Path, rate: Fraction) -> None:
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, rate) as writer:
        for _ in range(50):
            writer.add(np.zeros((121, 161, 3), dtype=np.uint8))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (160, 120, rate)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    np.testing.assert_allclose(times_of(path), np.arange(50) / float(rate), atol=1e-9)


def test_keeps_times_that_vary(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    shown = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.1, 40)) - 0.01
    with VideoWriter(path, Fraction(25)) as writer:
        for timestamp_s in shown:
            writer.add(np.zeros((64, 64, 3), dtype=np.uint8), float(timestamp_s))
    np.testing.assert_allclose(times_of(path), shown, atol=1 / (25 * 100))


def test_the_picture_survives(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:120, :160]
    picture = np.stack((rows * 2, columns, 255 - rows), axis=-1).astype(np.uint8)
    with VideoWriter(tmp_path / "clip.mp4", Fraction(30)) as writer:
        writer.add(picture)
    with av.open(str(tmp_path / "clip.mp4")) as container:
        back = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(back.astype(int) - picture).mean() < 4


def test_an_encoding_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"before")

    def fail() -> None:
        with VideoWriter(tmp_path / "clip.mp4", Fraction(30)) as writer:
            writer.add(np.zeros((64, 64, 3), dtype=np.uint8))
            raise RuntimeError("halt")

    with pytest.raises(RuntimeError, match="halt"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"before"
