from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from backend.demo.__main__ import BETAS
from backend.demo.clip import RenderedClip
from backend.encoding import VideoWriter
from backend.preview import LONGEST_SIDE, OPACITY, write_preview
from backend.rendering import BACKDROP
from smpl_rig import rotations
from smpl_rig.body import Body, skin
from smpl_rig.motion import Motion

FRAMES = 12


def silent(_fraction: float) -> None:
    """For previews that nobody waits for."""


def pictures_of(path: Path) -> tuple[np.ndarray, list[float]]:
    """(T, H, W, 3) and times in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]).astype(int), [
        frame.time for frame in frames
    ]


@pytest.fixture(scope="module")
def truth(rendered_clip: RenderedClip, body: Body, make_motion: Callable[..., Motion]) -> Motion:
    """The first frames of the rendered clip as a Motion that is right."""
    performance, camera = rendered_clip.performance, rendered_clip.camera
    motion = make_motion(FRAMES)
    return replace(
        motion,
        poses=rotations.log(performance.local_rotations[:FRAMES]).reshape(FRAMES, 72),
        trans=performance.trans[:FRAMES],
        betas=BETAS,
        rest_joints=body.rest_joints(BETAS),
        joints_world=performance.joints_world[:FRAMES],
        timestamps_s=performance.timestamps_s[:FRAMES],
        image_size=np.array([camera.width, camera.height]),
        K=camera.K,
        world_from_camera=np.tile(camera.world_from_camera, (FRAMES, 1, 1)),
    )


def moved(motion: Motion, sideways_m: float) -> Motion:
    """As if captured in another world, which is turned and lies elsewhere; then moved within the picture."""
    world = np.eye(4)
    world[:3, :3] = rotations.to_matrix(rotations.exp(np.array([0, 0, 1.0])))
    world[:3, 3] = (3, 2, 0.5)
    turn = rotations.from_matrix(world[:3, :3])
    local = motion.local_rotations.copy()
    local[:, 0] = rotations.multiply(turn, local[:, 0])
    pelvis = (motion.pelvis_world + np.array([sideways_m, 0, 0])) @ world[:3, :3].T + world[:3, 3]
    there = replace(motion, world_from_camera=world @ motion.world_from_camera)
    return there.with_pose(local, pelvis - motion.rest_joints[0])


def silhouette(pictures: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """Pixels of a body's hue against a grey scene (T, H, W)."""
    hue = np.array(colour) - np.mean(colour)
    flat = pictures - pictures.mean(axis=-1, keepdims=True)
    return flat @ (hue / np.linalg.norm(hue)) > 30


BLUE, ORANGE = (0.35, 0.62, 0.95), (0.95, 0.60, 0.30)


def test_the_body_lies_over_the_person(rendered_clip: RenderedClip, truth: Motion, body: Body, tmp_path: Path) -> None:
    path = tmp_path / "preview.mp4"
    told: list[float] = []
    write_preview(rendered_clip.path, [truth], body, path, told.append)
    pictures, times = pictures_of(path)
    np.testing.assert_allclose(times, truth.timestamps_s, atol=1e-3)
    assert pictures.shape == (FRAMES, 540, LONGEST_SIDE + 360, 3)
    assert told == sorted(told)
    assert told[-1] == 1
    over = silhouette(pictures[..., :LONGEST_SIDE, :], BLUE)
    for frame in (0, 5, FRAMES - 1):
        now = slice(frame, frame + 1)
        vertices = skin(body, BETAS, truth.local_rotations[now], truth.trans[now])[0]
        camera = rendered_clip.camera
        projected = (vertices - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3] @ camera.K.T
        pixels = projected[:, :2] / projected[:, 2:] * LONGEST_SIDE / camera.width
        rows, columns = np.nonzero(over[frame])
        assert np.abs([columns.min(), rows.min()] - pixels.min(axis=0)).max() < 4
        assert np.abs([columns.max(), rows.max()] - pixels.max(axis=0)).max() < 4


def test_people_of_several_worlds_meet_in_one_picture(
    make_video: Callable[..., Path], truth: Motion, body: Body, tmp_path: Path
) -> None:
    grey = make_video(FRAMES, 1280, 720)
    write_preview(grey, [truth, moved(truth, 1.5)], body, tmp_path / "preview.mp4", silent)
    picture = pictures_of(tmp_path / "preview.mp4")[0][:1, :, :LONGEST_SIDE]
    first, second = silhouette(picture, BLUE)[0], silhouette(picture, ORANGE)[0]
    apart = np.nonzero(second)[1].mean() - np.nonzero(first)[1].mean()
    focal, distance = truth.K[0, 0] * LONGEST_SIDE / 1280, 4.6
    assert apart == pytest.approx(1.5 * focal / distance, rel=0.1)
    assert second.sum() == pytest.approx(first.sum(), rel=0.15)


def test_a_gap_shows_the_footage_alone(
    make_video: Callable[..., Path], truth: Motion, body: Body, tmp_path: Path
) -> None:
    observed = np.ones(FRAMES, dtype=bool)
    observed[4:7] = False
    write_preview(
        make_video(FRAMES, 1280, 720), [replace(truth, observed=observed)], body, tmp_path / "preview.mp4", silent
    )
    pictures = pictures_of(tmp_path / "preview.mp4")[0]
    covered = silhouette(pictures, BLUE).mean(axis=(1, 2))
    assert covered[observed].min() > 0.03
    assert covered[~observed].max() < 0.0005  # what compression leaves of the frame before
    side = pictures[4, :, LONGEST_SIDE:]
    assert np.median(np.abs(side - 255 * np.array(BACKDROP)).max(axis=-1)) < 6


def test_the_view_from_the_side_follows_a_long_way(
    make_video: Callable[..., Path], truth: Motion, body: Body, tmp_path: Path
) -> None:
    """Eleven metres towards the camera: the body stays in that view, as large as before."""
    away = np.linspace(11, 0, FRAMES)[:, None] * np.array([0, 1.0, 0])
    far = truth.with_pose(truth.local_rotations, truth.trans + away)
    write_preview(make_video(FRAMES, 1280, 720), [far], body, tmp_path / "preview.mp4", silent)
    side = silhouette(pictures_of(tmp_path / "preview.mp4")[0][:, :, LONGEST_SIDE:], BLUE)
    heights = [np.ptp(np.nonzero(frame)[0]) for frame in side]
    assert min(heights) > 0.4 * 540
    assert not side[:, :, [0, -1]].any()


def test_one_frame_is_enough(make_video: Callable[..., Path], truth: Motion, body: Body, tmp_path: Path) -> None:
    arrays = {
        name: value[:1]
        for name, value in vars(truth).items()
        if isinstance(value, np.ndarray) and value.shape[:1] == (FRAMES,)
    }
    write_preview(make_video(FRAMES, 640, 360), [replace(truth, **arrays)], body, tmp_path / "preview.mp4", silent)
    assert len(pictures_of(tmp_path / "preview.mp4")[0]) == 1


def test_keeps_the_times_of_footage(truth: Motion, body: Body, tmp_path: Path) -> None:
    times = np.cumsum([0, 1, 1, 3, 1, 1, 1, 2, 1, 1, 1, 1]) / 30
    with VideoWriter(tmp_path / "varying.mp4", Fraction(30)) as writer:
        for timestamp_s in times:
            writer.add(np.full((90, 160, 3), 90, dtype=np.uint8), float(timestamp_s))
    motion = replace(truth, timestamps_s=times)
    write_preview(tmp_path / "varying.mp4", [motion], body, tmp_path / "preview.mp4", silent)
    pictures, shown = pictures_of(tmp_path / "preview.mp4")
    np.testing.assert_allclose(shown, times, atol=1e-3)
    assert silhouette(pictures, BLUE).any(axis=(1, 2)).all()


def test_the_footage_shines_through(make_video: Callable[..., Path], truth: Motion, body: Body, tmp_path: Path) -> None:
    write_preview(make_video(FRAMES, 1280, 720), [truth], body, tmp_path / "preview.mp4", silent)
    pictures = pictures_of(tmp_path / "preview.mp4")[0][:, :, :LONGEST_SIDE]
    both = silhouette(pictures[[0]], BLUE)[0] & silhouette(pictures[[FRAMES - 1]], BLUE)[0]
    brighter = (pictures[FRAMES - 1] - pictures[0])[~silhouette(pictures, BLUE).any(axis=0)].mean()
    through = np.median((pictures[FRAMES - 1] - pictures[0])[both])
    assert brighter > 40  # the footage brightens from frame to frame
    assert 0 < through < brighter
    assert through == pytest.approx((1 - OPACITY) * brighter, abs=12)
