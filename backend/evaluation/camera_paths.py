"""Cameras that turn as people turn them, and a world around them with something to be seen in every direction."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.rendering import Camera, Image
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA

Floats = NDArray[np.floating[Any]]

#: What a camera does. ``moving`` is the only one that leaves its place.
KINDS = ("still", "handheld", "panning", "following", "moving")
#: A hand's shake about each axis: its deviation and how long a movement lasts.
SHAKE_DEG, SHAKE_S = 1.5, 0.35
#: A tripod's pan goes past the person: from so far beside them to so far on the other side, parts of half the picture.
PAN_PART = 0.6
#: Who follows somebody sees where they were on average over this long before and after, from nearer by this factor.
FOLLOWING_S, NEARER = 0.4, 0.75
#: Who walks along goes so fast.
WALKING_M_S = 0.5
#: The panorama: a pixel of it, how far it reaches up and down, and the rectangles on it.
_PIXEL_RAD = np.radians(0.1)
_REACH_RAD = np.radians(60)
_RECTANGLES = 400


def camera_path(kind: str, camera: Camera, pelvis: Floats, times_s: Floats, random: np.random.Generator) -> Floats:
    """(T, 4, 4) from the camera's OpenCV axes to the world, in every frame.

    Args:
        kind: of :data:`KINDS`.
        camera: that sees all of the person's path.
        pelvis: (T, 3) metres, world.
        times_s: (T,).
        random: for shakes and directions.
    """
    poses = np.tile(camera.world_from_camera, (len(times_s), 1, 1))
    shake = np.radians(SHAKE_DEG) * _wandering(times_s, SHAKE_S, random)
    aims = _smoothed(pelvis, times_s, FOLLOWING_S)
    side = random.choice((-1.0, 1.0))
    if kind == "handheld":
        poses[:, :3, :3] = poses[:, :3, :3] @ _turned(shake)
    elif kind == "panning":
        aims[:, 2] = pelvis[:, 2].mean()
        past = np.zeros((len(times_s), 3))
        past[:, 2] = -side * PAN_PART * np.arctan(camera.width / 2 / camera.K[0, 0])
        past *= np.cos(np.pi * (times_s - times_s[0]) / np.ptp(times_s))[:, None]
        poses[:, :3, :3] = _turned(past) @ np.stack([_aimed(poses[0], aim) for aim in aims])
    elif kind in ("following", "moving"):
        middle = pelvis.mean(axis=0)
        poses[:, :2, 3] = middle[:2] + NEARER * (poses[0, :2, 3] - middle[:2])
        if kind == "moving":
            poses[:, :3, 3] += side * WALKING_M_S * (times_s - times_s.mean())[:, None] * poses[0, :3, 0]
        turns = np.stack([_aimed(pose, aim) for pose, aim in zip(poses, aims, strict=True)])
        poses[:, :3, :3] = turns @ _turned(shake / 3)
    return poses


def _aimed(pose: Floats, point: Floats) -> Floats:
    """(3, 3) world from camera: with a level horizon, towards a point (3,)."""
    x, y, z = point - pose[:3, 3]
    heading, pitch = -np.arctan2(x, y), np.arctan2(z, np.hypot(x, y))
    return np.asarray(_turned(np.array([0, 0, heading])) @ _turned(np.array([pitch, 0, 0])) @ WORLD_FROM_LEVEL_CAMERA)


def _turned(vectors: Floats) -> Floats:
    """(..., 3) radians -> (..., 3, 3)."""
    return rotations.to_matrix(rotations.exp(vectors))


def _wandering(times_s: Floats, memory_s: float, random: np.random.Generator) -> Floats:
    """(T, 3) of deviation 1, smooth over some time."""
    smooth = _smoothed(random.normal(size=(len(times_s), 3)), times_s, memory_s)
    return np.asarray((smooth - smooth.mean(axis=0)) / smooth.std(axis=0))


def _smoothed(values: Floats, times_s: Floats, memory_s: float) -> Floats:
    weights = np.exp(-0.5 * ((times_s[:, None] - times_s) / memory_s) ** 2)
    return np.asarray(weights @ values / weights.sum(axis=1, keepdims=True))


class Panorama:
    """Far walls all around: cloudy, with rectangles of all sizes on them, like windows and posters.

    Args:
        random: draws them.
    """

    def __init__(self, random: np.random.Generator) -> None:
        width, height = round(2 * np.pi / _PIXEL_RAD), round(2 * _REACH_RAD / _PIXEL_RAD)
        picture = np.full((height, width, 3), random.uniform(0.35, 0.75, 3))
        for cells, strength in ((12, 0.12), (60, 0.06), (300, 0.04)):
            cloud = random.normal(0, strength, (cells * height // width + 1, cells, 1))
            picture += cv2.resize(cloud, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
        for _ in range(_RECTANGLES):
            left, top = random.uniform(0, 1, 2) * (width, height)
            wide, high = np.exp(random.uniform(np.log(10), np.log(200), 2))
            box = slice(int(top), int(top + high)), slice(int(left), int(left + wide))
            picture[box] = 0.4 * picture[box] + 0.6 * random.uniform(0.1, 0.9, 3)
        self._picture = (picture.clip(0, 1) * 255).astype(np.uint8)

    def seen_by(self, camera: Camera) -> Image:
        """(H, W, 3) RGB."""
        across, down = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        pixels = np.stack((across, down, np.ones_like(across)), axis=-1)
        x, y, z = np.moveaxis(pixels @ (camera.world_from_camera[:3, :3] @ np.linalg.inv(camera.K)).T, -1, 0)
        heading, height = np.arctan2(x, y), np.arctan2(z, np.hypot(x, y))
        columns = (heading + np.pi) / _PIXEL_RAD
        rows = (_REACH_RAD - height) / _PIXEL_RAD
        seen: Any = cv2.remap(
            self._picture,
            columns.astype(np.float32),
            rows.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(seen, dtype=np.uint8)
