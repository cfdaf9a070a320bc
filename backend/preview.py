"""The overlay video: the captured bodies over the footage, and beside it from the side, where depth shows."""

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
from .rendering import FLOOR_SQUARE_M, Camera, Floor, MeshRenderer, Surface

Floats = NDArray[np.floating[Any]]
Image = NDArray[np.uint8]

#: Longer side of the overlay, pixels; drawing in software is what takes the time.
LONGEST_SIDE = 960
OPACITY = 0.75
COLOURS = ((0.35, 0.62, 0.95), (0.95, 0.60, 0.30), (0.45, 0.80, 0.45), (0.80, 0.50, 0.85), (0.90, 0.85, 0.35))
#: A frame is a person's if their times differ by no more.
_SAME_TIME_S = 1e-3
#: What the view from the side shows at the person's distance: its height, and how far to the person it stands.
_SIDE_VIEW_M, _SIDE_DISTANCE_M = 3.2, 6.0
#: How far above the person's middle the side's camera stands, to see the floor.
_SIDE_RAISED_M = 0.7
#: How far the pelvis may leave the middle of that view before the view follows: along the view, downwards, towards it.
_SLACK_M = (0.25, 0.30, 0.40)


def write_preview(
    footage_path: str | os.PathLike[str],
    motions: Sequence[Motion],
    body: Body,
    path: str | os.PathLike[str],
    progress: Callable[[float], None],
) -> None:
    """Writes the overlay of the captured range, at the footage's own times.

    A body is shown in the frames in which its person was seen, and left out where a gap was filled. The video is as
    large as the footage, but at most :data:`LONGEST_SIDE` long, with the view from the side on its right.

    Args:
        footage_path: what was captured.
        motions: as they are to be shown (raw or refined); at least one, and the first one is seen from the side.
        body: the body that they wear.
        path: of the MP4.
        progress: is told the fraction done.

    Raises:
        FootageError: if the footage can no longer be read.
    """
    footage = open_footage(footage_path)
    scale = min(1.0, LONGEST_SIDE / max(footage.width, footage.height))
    width, height = (round(side * scale / 2) * 2 for side in (footage.width, footage.height))
    start = min(float(motion.timestamps_s[0]) for motion in motions)
    end = max(float(motion.timestamps_s[-1]) for motion in motions)

    people = [_Person(motion, motions[0], body) for motion in motions]
    surfaces = [Surface(body.f, COLOURS[index % len(COLOURS)]) for index in range(len(people))]
    over = MeshRenderer(_footage_camera(motions[0], start, width, height), surfaces)
    side_cameras = _side_cameras(motions[0], height * 2 // 3, height)
    aside = MeshRenderer(side_cameras[0], surfaces[:1], _floor_under(motions[0]))

    with VideoWriter(path, Fraction(footage.frame_rate), quality=21) as writer:
        for frame in footage.frames(start, end + _SAME_TIME_S):
            vertices = [person.vertices_at(frame.timestamp_s) for person in people]
            over.aim(_footage_camera(motions[0], frame.timestamp_s, width, height))
            picture = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
            picture = _blend(np.asarray(picture, dtype=np.uint8), *over.render_with_mask(vertices))
            aside.aim(side_cameras[int(_nearest(motions[0], np.array(frame.timestamp_s)))])
            writer.add(np.hstack((picture, aside.render(vertices[:1]))), frame.timestamp_s - start)
            progress(min((frame.timestamp_s - start) / max(end - start, _SAME_TIME_S), 1.0))


class _Person:
    """One body in the world of the one who is shown first.

    Everybody is captured in a world of their own, with the floor under their feet. All are seen by one camera, which
    says how these worlds lie to each other.
    """

    def __init__(self, motion: Motion, first: Motion, body: Body) -> None:
        self._motion, self._body = motion, body
        self._local = motion.local_rotations
        cameras = first.world_from_camera[_nearest(first, motion.timestamps_s)].astype(np.float64)
        self._moves = cameras @ np.linalg.inv(motion.world_from_camera.astype(np.float64))  # (T, 4, 4)

    def vertices_at(self, time_s: float) -> Floats | None:
        """(V, 3) vertices at that time, None if the person was not seen then."""
        frame = int(_nearest(self._motion, np.array(time_s)))
        if abs(self._motion.timestamps_s[frame] - time_s) > _SAME_TIME_S or not self._motion.observed[frame]:
            return None
        now = slice(frame, frame + 1)
        vertices = skin(self._body, self._motion.betas, self._local[now], self._motion.trans[now])[0]
        return np.asarray(vertices @ self._moves[frame, :3, :3].T + self._moves[frame, :3, 3])


def _nearest(motion: Motion, times_s: NDArray[np.float64]) -> NDArray[np.intp]:
    """The frames whose times are nearest."""
    middles = (motion.timestamps_s[1:] + motion.timestamps_s[:-1]) / 2
    return np.asarray(np.searchsorted(middles, times_s))


def _footage_camera(motion: Motion, time_s: float, width: int, height: int) -> Camera:
    """The footage's camera at that time, for a picture of another size."""
    K = motion.K.astype(np.float64)
    K[:2] *= (np.array([width, height]) / motion.image_size)[:, None]
    return Camera(K, motion.world_from_camera[_nearest(motion, np.array(time_s))].astype(np.float64), width, height)


def _side_cameras(motion: Motion, width: int, height: int) -> list[Camera]:
    """One for each frame: on the picture's right, looking level to its left, following the person if need be."""
    backward = motion.world_from_camera[0, :3, 0].astype(np.float64) * (1, 1, 0)
    backward /= np.linalg.norm(backward)
    down = np.array([0.0, 0.0, -1.0])
    right = np.cross(backward, down)
    pose = np.eye(4)
    pose[:3, :3] = np.stack((right, down, -backward), axis=-1)
    focal = height * _SIDE_DISTANCE_M / _SIDE_VIEW_M
    # the principal point lies higher than the middle, as the camera stands above the person's
    K = np.array(
        [[focal, 0, width / 2], [0, focal, height / 2 - focal * _SIDE_RAISED_M / _SIDE_DISTANCE_M], [0, 0, 1.0]]
    )
    axes = np.stack((right, down, backward))
    cameras = []
    for middle in _follow(motion.pelvis_world @ axes.T):
        pose = pose.copy()
        pose[:3, 3] = (middle + np.array([0, -_SIDE_RAISED_M, _SIDE_DISTANCE_M])) @ axes
        cameras.append(Camera(K, pose, width, height))
    return cameras


def _follow(path: Floats) -> Floats:
    """Moves only as far as it must to stay within the slack of the path (T, 3)."""
    followed = path.copy()
    for frame in range(1, len(path)):
        followed[frame] = np.clip(followed[frame - 1], path[frame] - _SLACK_M, path[frame] + _SLACK_M)
    return followed


def _floor_under(motion: Motion) -> Floor:
    """Lines only, as a person may be below a floor that was misjudged; at whole steps from the world's origin."""
    x, y = np.round(np.median(motion.pelvis_world[:, :2], axis=0) / FLOOR_SQUARE_M) * FLOOR_SQUARE_M
    return Floor((float(x), float(y)), colour=None)


def _blend(picture: Image, drawn: Image, mask: NDArray[np.bool_]) -> Image:
    blended = cv2.addWeighted(drawn, OPACITY, picture, 1 - OPACITY, 0)
    return np.where(mask[..., None], blended, picture).astype(np.uint8, copy=False)
