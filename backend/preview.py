"""The overlay video: captured bodies over the footage, and the first of them from the side, where depth shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from smpl_rig.body import Body, skin
from smpl_rig.motion import Motion

from .encoding import VideoWriter
from .footage import open_footage
from .rendering import Camera, MeshRenderer

Image = NDArray[np.uint8]

#: Longer side of the overlay, pixels; drawing in software is what takes the time.
LONGEST_SIDE = 960
OPACITY = 0.75
COLOURS = ((0.35, 0.62, 0.95), (0.95, 0.60, 0.30), (0.45, 0.80, 0.45), (0.80, 0.50, 0.85), (0.90, 0.85, 0.35))
_SIDE_DISTANCE_M = 4.5


def write_preview(
    footage_path: str | os.PathLike[str],
    motions: Sequence[Motion],
    body: Body,
    path: str | os.PathLike[str],
    progress: Callable[[float], None],
) -> None:
    """Writes the overlay of the captured range.

    Args:
        footage_path: what was captured.
        motions: as they are to be shown (raw or refined); at least one.
        body: the body that they wear.
        path: of the MP4.
        progress: is told the fraction done.
    """
    footage = open_footage(footage_path)
    scale = min(1.0, LONGEST_SIDE / max(footage.width, footage.height))
    size = (int(footage.width * scale) // 2 * 2, int(footage.height * scale) // 2 * 2)
    people = [_Person(motion, body, size, scale, COLOURS[index % len(COLOURS)]) for index, motion in enumerate(motions)]
    start = min(motion.timestamps_s[0] for motion in motions)
    end = max(motion.timestamps_s[-1] for motion in motions)
    with VideoWriter(path, Fraction(footage.frame_rate).limit_denominator(1001), quality=21) as writer:
        for frame in footage.frames(float(start), float(end) if end > start else None):
            picture = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
            aside = None
            for person in people:
                vertices = person.vertices_at(frame.timestamp_s)
                if vertices is not None:
                    picture = person.over(np.asarray(picture, dtype=np.uint8), vertices)
                    aside = person.from_the_side(vertices) if person is people[0] else aside
            blank = np.full((size[1], size[1] * 2 // 3, 3), 255, dtype=np.uint8)
            writer.add(np.hstack((np.asarray(picture, dtype=np.uint8), blank if aside is None else aside)))
            progress(float((frame.timestamp_s - start) / max(end - start, 1e-6)))


class _Person:
    """One body, drawn over the picture and from the side."""

    def __init__(
        self, motion: Motion, body: Body, size: tuple[int, int], scale: float, colour: tuple[float, float, float]
    ) -> None:
        self._motion, self._body = motion, body
        self._local = motion.local_rotations
        K = motion.K.astype(np.float64).copy()
        K[:2] *= scale
        camera = Camera(K, motion.world_from_camera[0].astype(np.float64), *size)
        self._over = MeshRenderer(camera, body.f, colour, floor=False)
        self._side = MeshRenderer(_side_camera(motion, size[1]), body.f, colour, floor=True)

    def vertices_at(self, time_s: float) -> Any:
        """(V, 3) world vertices at the frame of that time, None where the person is not in the footage."""
        frame = int(np.argmin(np.abs(self._motion.timestamps_s - time_s)))
        if abs(self._motion.timestamps_s[frame] - time_s) > 1e-3 or not self._motion.observed[frame]:
            return None
        now = slice(frame, frame + 1)
        return skin(self._body, self._motion.betas, self._local[now], self._motion.trans[now])[0]

    def over(self, picture: Image, vertices: NDArray[Any]) -> Image:
        drawn, mask = self._over.render_with_mask(vertices)
        blended = picture.copy()
        blended[mask] = OPACITY * drawn[mask] + (1 - OPACITY) * picture[mask]
        return blended

    def from_the_side(self, vertices: NDArray[Any]) -> Image:
        return self._side.render(vertices)


def _side_camera(motion: Motion, height: int) -> Camera:
    """Looks at the middle of the person's path at right angles to the footage's camera."""
    middle = np.median(motion.pelvis_world, axis=0)
    sideways = motion.world_from_camera[0, :3, 0].astype(np.float64)
    sideways[2] = 0
    sideways /= np.linalg.norm(sideways)
    backward = sideways  # the camera stands on the picture's right and looks left
    down = np.array([0, 0, -1.0])
    right = np.cross(down, -backward)
    pose = np.eye(4)
    pose[:3, :3] = np.stack((right, down, -backward), axis=-1)
    extent = max(float(np.ptp(motion.pelvis_world @ right)), 0.5)
    pose[:3, 3] = middle + backward * (_SIDE_DISTANCE_M + extent)
    width = height * 2 // 3
    K = np.array([[height * 1.5, 0, width / 2], [0, height * 1.5, height / 2], [0, 0, 1.0]])
    return Camera(K, pose, width, height)
