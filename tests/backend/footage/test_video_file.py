from __future__ import annotations

import gc
import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from backend.footage import FootageError, open_footage

from .numbered_pictures import (
    HEIGHT,
    QUARTER,
    UPRIGHT,
    WIDTH,
    assert_upright,
    number_of,
    numbers,
    picture,
    regular,
    write_video,
)

# --- time --------------------------------------------------------------------------------------------------------


def test_constant_rate(tmp_path: Path) -> None:
    footage = open_footage(write_video(tmp_path / "a.mp4", regular(50)))
    frames = list(footage.frames())
    assert (footage.width, footage.height, footage.name) == (WIDTH, HEIGHT, "a.mp4")
    assert footage.frame_rate == 25
    assert footage.frame_count == 50
    assert footage.duration_s == pytest.approx(2.0, abs=0.01)
    assert [frame.index for frame in frames] == list(range(50))
    assert [number_of(frame.image) for frame in frames] == list(range(50))
    np.testing.assert_allclose([frame.timestamp_s for frame in frames], np.arange(50) * 0.04, atol=1e-9)
    assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
    assert frames[0].image.dtype == np.uint8
    assert footage.warnings == []


def test_ntsc_rate_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(24000, 1001))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(24):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index))))
        container.mux(stream.encode())
    footage = open_footage(path)
    assert footage.frame_rate == Fraction(24000, 1001)
    assert [frame.timestamp_s for frame in footage.frames()] == [float(Fraction(1001 * n, 24000)) for n in range(24)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_variable_rate_keeps_its_times(tmp_path: Path, suffix: str) -> None:
    times_ms = [0, 33, 100, 101, 250, 251, 900, 1000, 1033, 1500]
    footage = open_footage(write_video(tmp_path / f"a.{suffix}", times_ms))
    found = [frame.timestamp_s for frame in footage.frames()]
    np.testing.assert_allclose(found, np.array(times_ms) / 1000, atol=1e-9)


def test_times_count_from_the_first_picture(tmp_path: Path) -> None:
    footage = open_footage(write_video(tmp_path / "a.ts", [5000 + time for time in regular(30)]))
    frames = list(footage.frames())
    assert frames[0].timestamp_s == 0
    assert frames[-1].timestamp_s == pytest.approx(29 * 0.04, abs=1e-4)


def test_stream_without_times_runs_at_its_rate(tmp_path: Path) -> None:
    footage = open_footage(write_video(tmp_path / "a.h264", regular(30)))
    found = [frame.timestamp_s for frame in footage.frames()]
    np.testing.assert_allclose(found, np.arange(30) / float(footage.frame_rate), atol=1e-9)
    assert footage.duration_s == pytest.approx(30 / float(footage.frame_rate), abs=0.1)


def test_repeated_times_are_left_out_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        for index, time in enumerate([0, 40, 40, 80, 80, 120]):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture(index))):
                packet.pts = packet.dts = time
                packet.time_base = Fraction(1, 1000)
                container.mux(packet)
    footage = open_footage(path)
    frames = list(footage.frames())
    assert [number_of(frame.image) for frame in frames] == [0, 1, 3, 5]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert footage.warnings == ["a.mkv: 2 frames were left out, as their time is not after the one before."]


def test_a_clock_that_starts_again_ends_the_footage(tmp_path: Path) -> None:
    """Two recordings copied together: what follows the join has no true time."""
    part = write_video(tmp_path / "part.ts", regular(50)).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part + part)
    footage = open_footage(path)
    assert [number_of(frame.image) for frame in footage.frames()] == list(range(50))
    assert footage.warnings == ["joined.ts: 50 frames were left out, as their time is not after the one before."]


def test_recording_that_states_no_duration(tmp_path: Path) -> None:
    """As browsers write them."""
    path = write_video(tmp_path / "a.webm", regular(50), "libvpx", container_options={"live": "1"})
    footage = open_footage(path)
    assert footage.duration_s == pytest.approx(2.0, abs=0.1)
    assert len(list(footage.frames(1.0))) == 25


# --- ranges ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "h264", "avi"])
def test_range_holds_the_right_frames(tmp_path: Path, suffix: str) -> None:
    codec = "mpeg4" if suffix == "avi" else "libx264"
    path = write_video(tmp_path / f"a.{suffix}", regular(100), codec)
    footage = open_footage(path)
    every = [(frame.timestamp_s, number_of(frame.image)) for frame in footage.frames()]
    assert [number for _, number in every] == list(range(100))
    for start, end in ((0.0, 0.5), (every[57][0], every[83][0]), (1.23, 1.9), (every[99][0], None)):
        expected = [number for time, number in every if time >= start - 1e-4 and (end is None or time <= end + 1e-4)]
        frames = list(footage.frames(start, end))
        assert [number_of(frame.image) for frame in frames] == expected
        assert [frame.index for frame in frames] == list(range(len(expected)))


def test_bounds_in_single_precision_count_as_on_the_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", regular(50))
    assert numbers(path, float(np.float32(0.28)), float(np.float32(1.16))) == list(range(7, 30))


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [(3.0, None, "2.000 s long"), (-1.0, None, "empty"), (1.0, 1.0, "empty"), (float("nan"), None, "empty")],
)
def test_range_outside_the_footage_is_refused(tmp_path: Path, start: float, end: float | None, words: str) -> None:
    footage = open_footage(write_video(tmp_path / "a.mp4", regular(50)))
    with pytest.raises(FootageError, match=f"a.mp4.*{words}"):
        footage.frames(start, end)


def test_range_between_two_frames_is_refused(tmp_path: Path) -> None:
    footage = open_footage(write_video(tmp_path / "a.mp4", [0, 1000, 2000]))
    with pytest.raises(FootageError, match="no frame between"):
        list(footage.frames(0.2, 0.8))


# --- pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "stored"),
    [
        (UPRIGHT, lambda image: image),
        ((0, QUARTER, -QUARTER, 0), lambda image: np.rot90(image, 1)),  # shown turned clockwise by a quarter
        ((-QUARTER, 0, 0, -QUARTER), lambda image: np.rot90(image, 2)),
        ((0, -QUARTER, QUARTER, 0), lambda image: np.rot90(image, -1)),
        ((-QUARTER, 0, 0, QUARTER), lambda image: image[:, ::-1]),  # shown mirrored
        ((QUARTER, 0, 0, -QUARTER), lambda image: image[::-1]),
        ((0, QUARTER, QUARTER, 0), lambda image: image.swapaxes(0, 1)),
    ],
)
def test_frames_are_upright(tmp_path: Path, matrix: tuple[int, int, int, int], stored: object) -> None:
    images = [stored(picture(index)) for index in range(3)]  # type: ignore[operator]
    height, width = images[0].shape[:2]
    path = write_video(tmp_path / "a.mp4", regular(3), size=(width, height), matrix=matrix, images=images)
    footage = open_footage(path)
    assert (footage.width, footage.height) == (WIDTH, HEIGHT)
    for index, frame in enumerate(footage.frames()):
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert frame.image.flags.c_contiguous
        assert_upright(frame.image)
        assert number_of(frame.image) == index


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [
        ("libx264", "yuv444p", "mp4"),
        ("libx264", "yuv422p10le", "mp4"),
        ("libx264", "yuvj420p", "mp4"),
        ("mjpeg", "yuvj422p", "avi"),
        ("rawvideo", "bgr24", "avi"),
        ("ffv1", "bgra", "mkv"),
        ("ffv1", "yuva420p", "mkv"),
        ("prores_ks", "yuv422p10le", "mov"),
        ("libvpx-vp9", "yuv420p", "webm"),
        ("libx265", "yuv420p10le", "mp4"),
        ("mpeg4", "yuv420p", "mp4"),
        ("gif", "rgb8", "gif"),
    ],
)
def test_pixel_formats(tmp_path: Path, codec: str, pixel_format: str, suffix: str) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV cannot encode {codec}")
    frames = list(open_footage(write_video(tmp_path / f"a.{suffix}", regular(4), codec, pixel_format)).frames())
    assert [number_of(frame.image) for frame in frames] == list(range(4))
    for frame in frames:
        assert_upright(frame.image)
        difference = np.abs(frame.image.astype(int) - picture(frame.index)).mean()
        assert difference < 20


def test_grey_video_is_grey(tmp_path: Path) -> None:
    frames = list(open_footage(write_video(tmp_path / "a.mkv", regular(4), "ffv1", "gray")).frames())
    for frame in frames:
        assert number_of(frame.image) == frame.index
        assert np.ptp(frame.image.astype(int), axis=-1).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(127, 96), (128, 95), (101, 77)])
def test_odd_sizes(tmp_path: Path, width: int, height: int) -> None:
    path = write_video(tmp_path / "a.mkv", regular(3), "ffv1", "yuv420p", size=(width, height))
    for frame in open_footage(path).frames():
        assert frame.image.shape == (height, width, 3)
        assert number_of(frame.image) == frame.index
        assert_upright(frame.image)


@pytest.mark.parametrize(("aspect", "expected"), [(Fraction(2), (256, 96)), (Fraction(1, 2), (128, 192))])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, expected: tuple[int, int]) -> None:
    footage = open_footage(write_video(tmp_path / "a.mp4", regular(3), pixel_aspect=aspect))
    assert (footage.width, footage.height) == expected
    for frame in footage.frames():
        assert frame.image.shape == (expected[1], expected[0], 3)
        assert number_of(frame.image) == frame.index


def test_hash_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", regular(3))
    assert open_footage(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


# --- what cannot be read -----------------------------------------------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match=r"nothing\.mp4 does not exist"):
        open_footage(tmp_path / "nothing.mp4")


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(FootageError, match=r"a\.mp4 is empty"):
        open_footage(path)


@pytest.mark.parametrize("name", ["notes.txt", "notes.mp4", "list.m3u8", "list.ffconcat"])
def test_text_is_not_drawn_nor_followed(tmp_path: Path, name: str) -> None:
    """FFmpeg would draw text as a picture, and a playlist would make it open whatever it names."""
    clip = write_video(tmp_path / "clip.ts", regular(10))
    texts = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.4,\n{clip.name}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile {clip.name}\n",
    }
    path = tmp_path / name
    path.write_text(texts.get(name, "Some words. " * 200))
    with pytest.raises(FootageError, match=f"{name} is not a video"):
        open_footage(path)


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        assert isinstance(stream, av.AudioStream)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 48000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.m4a"])
def test_sound_without_pictures(tmp_path: Path, name: str) -> None:
    with pytest.raises(FootageError, match=f"{name} holds only sound"):
        open_footage(write_sound(tmp_path / name))


def test_truncated_recording_lacks_its_index(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", regular(50))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FootageError, match=r"a\.mp4 was cut off before its index was written .*Copy it again"):
        open_footage(path)


def test_track_without_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
    with pytest.raises(FootageError, match=r"a\.mp4"):
        open_footage(path)


def corrupt(path: Path, part: float) -> None:
    damaged = bytearray(path.read_bytes())
    length = len(damaged) // 20
    start = int(part * len(damaged))
    damaged[start : start + length] = np.random.default_rng(0).integers(0, 256, length, dtype=np.uint8).tobytes()
    path.write_bytes(damaged)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("libx264", "mp4"), ("libx264", "mkv"), ("mpeg4", "mp4"), ("mjpeg", "mov"), ("libvpx-vp9", "webm")],
)
def test_damage_in_the_middle(tmp_path: Path, codec: str, suffix: str) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_video(tmp_path / f"a.{suffix}", regular(100), codec, pixel_format)
    corrupt(path, 0.55)
    footage = open_footage(path)
    frames = list(footage.frames())
    assert 10 <= len(frames) < 90
    intact = len(frames) - 3  # a decoder may hide the first damage by repeating what it showed before
    assert [number_of(frame.image) for frame in frames][:intact] == list(range(intact))
    (warning,) = footage.warnings
    assert warning.startswith(f"a.{suffix} is damaged after {frames[-1].timestamp_s:.3f} s")
    assert f"the {len(frames)} frames up to there were read" in warning
    assert list(footage.frames())[-1].timestamp_s == frames[-1].timestamp_s
    assert len(footage.warnings) == 1


def test_file_that_ends_early(tmp_path: Path) -> None:
    """An incomplete copy of a file that has its index in front."""
    path = write_video(tmp_path / "a.mp4", regular(100), container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    footage = open_footage(path)
    frames = list(footage.frames())
    assert 10 <= len(frames) < 100
    assert any("damaged after" in warning for warning in footage.warnings)


def test_reading_is_lazy_and_can_be_left(tmp_path: Path) -> None:
    frames = open_footage(write_video(tmp_path / "a.mp4", regular(50))).frames()
    first, second = next(frames), next(frames)
    assert (first.index, second.index) == (0, 1)
    del frames


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """No frame that was read is kept, not even in a cycle that waits for the garbage collector."""
    path = write_video(tmp_path / "a.mp4", regular(60), matrix=(0, QUARTER, -QUARTER, 0))
    footage = open_footage(path)
    gc.collect()
    gc.disable()
    try:
        for _ in footage.frames():
            pass
        kept = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()
    assert kept <= 1


def test_real_clips(shared_footage: Path) -> None:
    for path in sorted(shared_footage.glob("*.mp4")):
        footage = open_footage(path)
        times = [frame.timestamp_s for frame in footage.frames()]
        assert len(times) == footage.frame_count
        assert all(before < after for before, after in pairwise(times))
        assert footage.warnings == []


@pytest.fixture
def shared_footage() -> Path:
    folder = Path(__file__).resolve().parents[3].parent / "shared" / "footage"
    if not folder.is_dir():
        pytest.skip("shared/footage is absent")
    return folder
