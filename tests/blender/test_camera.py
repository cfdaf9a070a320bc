from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from mathutils import Vector  # noqa: E402

from smpl_rig import rotations  # noqa: E402
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA  # noqa: E402
from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.camera import BackgroundError, create_camera, show_footage  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402

CAMERAS = {
    "plain": (np.array([[1000, 0, 640], [0, 1000, 360], [0, 0, 1.0]]), (1280, 720)),
    "off-centre": (np.array([[900, 0, 700], [0, 900, 300], [0, 0, 1.0]]), (1280, 720)),
    "upright phone": (np.array([[1500, 0, 500], [0, 1500, 1010], [0, 0, 1.0]]), (1080, 1920)),
    "pixels wider than high": (np.array([[800, 0, 333], [0, 1000, 222], [0, 0, 1.0]]), (720, 576)),
    "pixels higher than wide": (np.array([[1000, 0, 333], [0, 800, 222], [0, 0, 1.0]]), (720, 576)),
}


def pixels_in_blender(scene: Any, camera: Any, points: np.ndarray) -> np.ndarray:
    """(N, 3) metres, world -> (N, 2) pixels from the top-left corner."""
    seen = np.array([world_to_camera_view(scene, camera, Vector(point)) for point in points])
    size = np.array([scene.render.resolution_x, scene.render.resolution_y])
    return np.stack((seen[:, 0], 1 - seen[:, 1]), axis=-1) * size


def pixels_by_pinhole(motion: Motion, frame: int) -> np.ndarray:
    pose = motion.world_from_camera[frame].astype(float)
    in_camera = (motion.joints_world[frame] - pose[:3, 3]) @ pose[:3, :3]
    return ((in_camera / in_camera[:, 2:]) @ motion.K.T)[:, :2]


@pytest.mark.parametrize("name", CAMERAS)
def test_joints_lie_where_the_pinhole_puts_them(scene: Any, make_motion: Callable[..., Motion], name: str) -> None:
    K, size = CAMERAS[name]
    motion = replace(make_motion(frames=5), K=K, image_size=np.array(size))
    camera = create_camera(scene, scene.collection, "Camera", motion)
    bpy.context.view_layer.update()
    assert (scene.render.resolution_x, scene.render.resolution_y) == size
    assert scene.camera == camera
    assert camera.animation_data is None
    for frame in range(5):
        found = pixels_in_blender(scene, camera, motion.joints_world[frame])
        np.testing.assert_allclose(found, pixels_by_pinhole(motion, frame), atol=0.02)


def test_a_moving_camera_is_keyed(scene: Any, make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=30)
    poses = motion.world_from_camera.astype(float)
    turn = rotations.exp(np.linspace(0, 1, 30)[:, None] * np.array([0.05, 0.02, 0.3]))
    poses[:, :3, :3] = rotations.to_matrix(turn) @ WORLD_FROM_LEVEL_CAMERA
    poses[:, :3, 3] += np.linspace(0, 0.5, 30)[:, None] * np.array([1, -1, 0.3])
    motion = replace(motion, world_from_camera=poses)
    fit_scene(scene, motion)
    camera = create_camera(scene, scene.collection, "Camera", motion)
    for frame in range(30):
        scene.frame_set(frame + 1)
        found = pixels_in_blender(scene, camera, motion.joints_world[frame])
        np.testing.assert_allclose(found, pixels_by_pinhole(motion, frame), atol=0.05)


#: a, b, c, d of the display matrices that turn pictures clockwise by so many quarters.
TURNS = {0: (1, 0, 0, 1), 1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}


def encode(path: Path, frames: int, size: tuple[int, int], turns: int = 0) -> None:
    av = pytest.importorskip("av")
    a, b, c, d = (entry << 16 for entry in TURNS[turns])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for number in range(frames):
            image = np.full((size[1], size[0], 3), number * 5, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def test_footage_lies_behind_the_body(scene: Any, make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    encode(tmp_path / "clip.mp4", 24, (320, 180))
    camera = create_camera(scene, scene.collection, "Camera", make_motion(frames=24))
    clip = show_footage(camera, tmp_path / "clip.mp4")
    assert (clip.frame_start, clip.frame_duration, tuple(clip.size)) == (1, 24, (320, 180))
    show_footage(camera, tmp_path / "clip.mp4")
    (background,) = camera.data.background_images
    assert background.clip == clip
    assert background.alpha == 1
    assert camera.data.show_background_images
    assert len(bpy.data.movieclips) == 1


@pytest.mark.parametrize("turns", TURNS)
def test_phone_footage_stands_upright(
    scene: Any, make_motion: Callable[..., Motion], tmp_path: Path, turns: int
) -> None:
    """Stored on its side, as phones do: turned by Blender itself, or by what is set of the background."""
    encode(tmp_path / "phone.mp4", 3, (320, 180), turns)
    camera = create_camera(scene, scene.collection, "Camera", make_motion(frames=3))
    clip = show_footage(camera, tmp_path / "phone.mp4")
    (background,) = camera.data.background_images
    turned_by_blender = turns % 2 == 1 and tuple(clip.size) == (180, 320)
    if turned_by_blender or bpy.app.version >= (4, 5, 0):
        assert tuple(clip.size) == ((180, 320) if turns % 2 else (320, 180))
        assert (background.rotation, background.scale, background.frame_method) == (0, 1, "STRETCH")
    else:
        assert tuple(clip.size) == (320, 180)
        assert background.rotation == pytest.approx(np.radians(90 * turns))
        assert background.scale == pytest.approx(320 / 180 if turns % 2 else 1)
        assert background.frame_method == ("FIT" if turns % 2 else "STRETCH")


def test_image_sequence(scene: Any, make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    picture = bpy.data.images.new("picture", 64, 36)
    picture.file_format = "PNG"
    for number in range(1, 8):
        picture.filepath_raw = str(tmp_path / f"{number:04d}.png")
        picture.save()
    camera = create_camera(scene, scene.collection, "Camera", make_motion(frames=7))
    assert show_footage(camera, tmp_path / "0001.png").frame_duration == 7


def test_footage_that_is_not_there_is_named(scene: Any, make_motion: Callable[..., Motion], tmp_path: Path) -> None:
    camera = create_camera(scene, scene.collection, "Camera", make_motion(frames=2))
    with pytest.raises(BackgroundError, match=r"gone\.mp4 does not exist"):
        show_footage(camera, tmp_path / "gone.mp4")
    (tmp_path / "text.mp4").write_text("this is no film")
    with pytest.raises(BackgroundError, match=r"text\.mp4"):
        show_footage(camera, tmp_path / "text.mp4")
    assert not camera.data.background_images
