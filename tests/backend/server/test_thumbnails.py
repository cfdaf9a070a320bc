import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from backend.server.thumbnails import best_frame, cut_out, write_thumbnails
from smpl_rig.motion import Motion

MakeMotion = Callable[..., Motion]
Array = np.ndarray[Any, Any]


def clip(path: Path, frames: int) -> Path:
    """A grey video in which frame n has a white square at x = 20 n; lossless enough to find it again."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "5", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in range(frames):
            image = np.full((240, 320, 3), 90, dtype=np.uint8)
            image[100:140, 20 * frame : 20 * frame + 40] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def seen(motion: Motion, boxes: Array, observed: Array, visibility: Array) -> Motion:
    landmarks = motion.landmarks2d.copy()
    landmarks[:, :, 2] = visibility[:, None]
    return dataclasses.replace(motion, boxes=boxes, observed=observed, landmarks2d=landmarks)


def test_thumbnail_shows_the_person_in_the_best_frame(make_motion: MakeMotion, tmp_path: Path) -> None:
    frames = 10
    boxes = np.array([[20.0 * frame, 100, 40, 40] for frame in range(frames)])
    visibility = np.where(np.arange(frames) == 6, 1.0, 0.5)
    motion = seen(make_motion(frames=frames), boxes, np.ones(frames, dtype=bool), visibility)
    write_thumbnails(clip(tmp_path / "clip.mp4", frames), [motion], tmp_path)
    picture = cv2.imread(str(tmp_path / "thumbnail_0.jpg"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert picture.shape == (256, 256)
    # The square fills the box, the margin of a tenth is grey: of any other frame, half of the square would be missing.
    assert picture[30:226, 30:226].min() > 200
    assert picture[:12].max() < 150
    assert picture[:, -12:].max() < 150


def test_best_frame_is_large_clear_and_observed(make_motion: MakeMotion) -> None:
    boxes = np.tile([0.0, 0, 10, 10], (4, 1))
    boxes[2] = (0, 0, 20, 20)
    boxes[3] = (0, 0, 90, 90)
    observed = np.array([True, True, True, False])
    motion = seen(make_motion(frames=4), boxes, observed, np.ones(4))
    assert best_frame(motion) == 2
    boxes[:] = np.nan
    assert best_frame(seen(motion, boxes, np.zeros(4, dtype=bool), np.ones(4))) is None


@pytest.mark.parametrize("box", [(-50, -50, 80, 80), (300, 230, 100, 100), (400, 300, 5, 5), (10, 10, 0, 0)])
def test_boxes_that_reach_out_of_the_image(box: tuple[float, ...]) -> None:
    picture = cut_out(np.zeros((240, 320, 3), dtype=np.uint8), np.array(box, dtype=float))
    assert picture.shape[0] == 256
    assert picture.shape[1] >= 1
