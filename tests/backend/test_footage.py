"""Every picture here carries its number in black and white blocks, so a frame's identity and orientation are known."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from backend.footage import FootageError, open_footage

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


# --- image sequences ---------------------------------------------------------------------------------------------


def write_images(folder: Path, names: Sequence[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), cv2.cvtColor(picture(index), cv2.COLOR_RGB2BGR))
    return folder


def test_folder_in_natural_order(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", [f"shot {number}.png" for number in range(8, 13)])
    (folder / "notes.txt").write_text("not an image")
    (folder / "._shot 1.png").write_bytes(b"what macOS leaves on other disks")
    footage = open_footage(folder, Fraction(30000, 1001))
    frames = list(footage.frames())
    assert [number_of(frame.image) for frame in frames] == list(range(5))
    assert footage.frame_rate == Fraction(30000, 1001)
    np.testing.assert_allclose([frame.timestamp_s for frame in frames], np.arange(5) * 1001 / 30000)
    assert footage.duration_s == pytest.approx(5 * 1001 / 30000)
    assert footage.warnings == []
    assert [number_of(frame.image) for frame in footage.frames(2 * 1001 / 30000)] == [2, 3, 4]


def test_rate_that_was_assumed_is_said(tmp_path: Path) -> None:
    footage = open_footage(write_images(tmp_path / "shots", ["1.png", "2.png"]))
    assert footage.frame_rate == 24
    assert any("24 frames per second were assumed" in warning for warning in footage.warnings)


def test_pattern_leaves_gaps_in_time(tmp_path: Path) -> None:
    folder = write_images(tmp_path, [f"shot_{number:04d}.jpg" for number in (7, 8, 11)])
    write_images(tmp_path, ["other_0001.jpg"])
    footage = open_footage(folder / "shot_%04d.jpg", Fraction(10))
    assert [frame.timestamp_s for frame in footage.frames()] == pytest.approx([0.0, 0.1, 0.4])
    assert any("2 of the 5 numbers are missing" in warning for warning in footage.warnings)


def test_pattern_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="holds no images"):
        open_footage(tmp_path / "shot_%04d.png")
    with pytest.raises(FootageError, match="folder cannot be read"):
        open_footage(tmp_path / "nowhere" / "shot_%04d.png")


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="holds no images"):
        open_footage(tmp_path)


def test_broken_image_ends_the_sequence_with_a_warning(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", [f"{number}.png" for number in range(6)])
    (folder / "4.png").write_bytes(b"")
    footage = open_footage(folder, Fraction(10))
    assert len(list(footage.frames())) == 4
    assert any("4.png" in warning and "0.300 s" in warning for warning in footage.warnings)


def test_image_of_another_size_ends_the_sequence_with_a_warning(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "shots", ["1.png", "2.png"])
    cv2.imwrite(str(folder / "3.png"), np.zeros((10, 20, 3), np.uint8))
    footage = open_footage(folder, Fraction(10))
    assert len(list(footage.frames())) == 2
    assert any("20 x 10" in warning for warning in footage.warnings)


def test_hash_of_a_sequence_is_of_names_and_contents(tmp_path: Path) -> None:
    first = open_footage(write_images(tmp_path / "a", ["1.png", "2.png"])).sha256
    assert open_footage(write_images(tmp_path / "b", ["1.png", "2.png"])).sha256 == first
    assert open_footage(write_images(tmp_path / "c", ["1.png", "3.png"])).sha256 != first
    folder = write_images(tmp_path / "d", ["1.png", "2.png"])
    cv2.imwrite(str(folder / "2.png"), picture(9))
    assert open_footage(folder).sha256 != first


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
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "footage"
    if not folder.is_dir():
        pytest.skip("shared/footage is absent")
    return folder
