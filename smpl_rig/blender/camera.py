"""The footage's camera, and the footage behind the body as that camera saw it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion
from numpy.typing import NDArray

from .. import rotations
from ..axes import BLENDER_CAMERA_FROM_CAMERA
from ..display_turn import quarter_turns
from ..errors import LimberError
from ..motion import Motion
from .animation import FIRST_FRAME, frame_rate, frames_at, write_curves

Array = NDArray[Any]

#: Lens and sensor only matter together; this is the width Blender's cameras have.
SENSOR_WIDTH_MM = 36.0
CLIP_END_M = 1000.0
#: A camera that moves less than this (metres, and matrix entries) is a camera on a tripod.
_STATIC_TOLERANCE = 1e-6
#: From this version on, Blender turns footage upright by itself; before, it shows what is stored.
_TURNS_FOOTAGE_SINCE = (4, 5, 0)


#: A property of the camera object: the name of the footage that it took.
FOOTAGE = "limber_footage"


class BackgroundError(LimberError):
    """Blender cannot show the footage behind the body."""


def create_camera(scene: Any, collection: Any, name: str, motion: Motion) -> Any:
    """Makes the camera that took the footage, and gives the scene its image size and pixel shape.

    Args:
        scene: its camera, resolution and pixel aspect are set.
        collection: a ``bpy.types.Collection`` of the scene.
        name: of the object.
        motion: K, image size and ``world_from_camera``. A camera that moves is keyed at the motion's frames.

    Returns:
        The camera object.
    """
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    camera[FOOTAGE] = motion.footage[0]
    collection.objects.link(camera)
    _set_lens(camera.data, motion.K.astype(np.float64), motion.image_size)
    camera.rotation_mode = "QUATERNION"
    world_from_camera = motion.world_from_camera.astype(np.float64)
    turns = rotations.from_matrix(world_from_camera[:, :3, :3] @ BLENDER_CAMERA_FROM_CAMERA)
    places = world_from_camera[:, :3, 3]
    camera.matrix_world = Matrix.LocRotScale(places[0], Quaternion(turns[0]), None)
    if np.abs(world_from_camera - world_from_camera[0]).max() > _STATIC_TOLERANCE:
        channels = {"location": places, "rotation_quaternion": rotations.make_continuous(turns)}
        write_curves(camera, channels, frames_at(motion.timestamps_s, frame_rate(scene)))
    use_camera(scene, camera, motion)
    return camera


def use_camera(scene: Any, camera: Any, motion: Motion) -> None:
    """Makes a footage's camera the scene's, and gives the scene the footage's image size and pixel shape."""
    scene.camera = camera
    render, pixel_height = scene.render, _pixel_height(motion.K)
    render.resolution_x, render.resolution_y = (int(size) for size in motion.image_size)
    render.resolution_percentage = 100
    # Blender takes no aspect below 1
    render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1 / pixel_height), max(1.0, pixel_height)


def is_footage_camera(candidate: Any) -> bool:
    """Whether an object is a camera that :func:`create_camera` made, or one with footage behind what it sees."""
    if candidate is None or candidate.type != "CAMERA":
        return False
    return FOOTAGE in candidate or len(candidate.data.background_images) > 0


def shows_footage(camera: Any) -> bool:
    """Whether there is footage behind what a camera sees, and its file is still there."""
    clips = [background.clip for background in camera.data.background_images if background.source == "MOVIE_CLIP"]
    return any(clip is not None and Path(bpy.path.abspath(clip.filepath)).is_file() for clip in clips)


def show_footage(camera: Any, path: str | os.PathLike[str]) -> Any:
    """Puts the footage behind everything the camera sees, its first picture at frame 1.

    Args:
        camera: an object of :func:`create_camera`.
        path: a film, or the first picture of an image sequence.

    Returns:
        The ``bpy.types.MovieClip``; it names the file and does not hold it.

    Raises:
        BackgroundError: if the file is missing or Blender cannot read it.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise BackgroundError(f"{path} does not exist. Choose the footage again.")
    try:
        clip = bpy.data.movieclips.load(str(path), check_existing=True)
    except RuntimeError as error:
        raise BackgroundError(f"{path.name} cannot be shown by Blender: {error}") from error
    if clip.frame_duration < 1 or not all(clip.size):
        raise BackgroundError(f"{path.name} holds no pictures that Blender can show. Convert it to MP4 (H.264).")
    clip.frame_start = FIRST_FRAME
    camera.data.background_images.clear()
    background = camera.data.background_images.new()
    background.source = "MOVIE_CLIP"
    background.clip = clip
    background.display_depth = "BACK"
    background.frame_method = "STRETCH"  # the camera's frame is the picture, by construction
    background.alpha = 1.0
    if bpy.app.version < _TURNS_FOOTAGE_SINCE:
        _turn(background, quarter_turns(path))
    camera.data.show_background_images = True
    return clip


def _turn(background: Any, quarters: int) -> None:
    """Turns a background image clockwise, and lets it fill the frame as its upright picture would."""
    background.rotation = quarters * np.pi / 2
    if quarters % 2:
        width, height = background.clip.size
        # it is fitted into the frame first and turned after that
        background.frame_method = "FIT"
        background.scale = max(width / height, height / width)


def _pixel_height(K: Array) -> float:
    """Of a pixel one wide, by a pinhole camera (3, 3)."""
    return float(K[0, 0]) / float(K[1, 1])


def _set_lens(lens: Any, K: Array, image_size: Array) -> None:
    """A pinhole camera (3, 3) in pixels as focal length and shift, which Blender measures in widths of the image."""
    width, height = (int(size) for size in image_size)
    focal_x, centre_x, centre_y = K[0, 0], K[0, 2], K[1, 2]
    lens.type, lens.sensor_fit = "PERSP", "HORIZONTAL"
    lens.sensor_width = SENSOR_WIDTH_MM
    lens.lens_unit, lens.lens = "MILLIMETERS", focal_x / width * SENSOR_WIDTH_MM
    lens.shift_x = (width / 2 - centre_x) / width
    lens.shift_y = (centre_y - height / 2) * _pixel_height(K) / width
    lens.clip_end = CLIP_END_M
