from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from backend.body import limber_body
from backend.capture import CaptureSettings, capture
from backend.demo.clip import RenderedClip
from backend.encoding import VideoWriter
from backend.preview import write_preview
from backend.rendering import Camera, MeshRenderer, Surface, vertex_normals
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA

TETRAHEDRON = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
SQUARE = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1.0]])
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@pytest.mark.parametrize("principal_point", [(320.0, 240.0), (250.0, 300.0)])
def test_draws_where_the_camera_says(principal_point: tuple[float, float]) -> None:
    """Squares that face the camera at known places are found at their projection, to less than a pixel."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = WORLD_FROM_LEVEL_CAMERA, (0.3, -3, 1)
    K = np.array([[500, 0, principal_point[0]], [0, 500, principal_point[1]], [0, 0, 1.0]])
    renderer = MeshRenderer(Camera(K, pose, 640, 480), [Surface(SQUARE_FACES, (1.0, 0.2, 0.2))])
    for place in ([0.0, 0.0, 1.0], [0.8, 0.5, 0.7], [-0.5, -0.4, 1.4]):
        vertices = SQUARE * 0.12 + place
        image, mask = renderer.render_with_mask([vertices])
        projected = (vertices - pose[:3, 3]) @ pose[:3, :3] @ K.T
        pixels = projected[:, :2] / projected[:, 2:]
        rows, columns = np.nonzero(mask)
        # the square reaches from the first to one past the last pixel that is covered
        assert np.abs([columns.min(), rows.min()] - pixels.min(axis=0)).max() < 1
        assert np.abs([columns.max() + 1, rows.max() + 1] - pixels.max(axis=0)).max() < 1
        assert image.shape == (480, 640, 3)
        assert image[mask][:, 0].mean() > image[mask][:, 1].mean()


def test_normals_point_out_of_a_solid() -> None:
    normals = vertex_normals(TETRAHEDRON, FACES)
    outward = TETRAHEDRON - TETRAHEDRON.mean(axis=0)
    assert ((normals * outward).sum(axis=-1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-6)


@pytest.mark.parametrize("rate", [Fraction(30), Fraction(24000, 1001)])
def test_encodes_at_the_exact_rate_and_an_even_size(tmp_path: Path, rate: Fraction) -> None:
    with VideoWriter(tmp_path / "clip.mp4", rate) as writer:
        for _ in range(7):
            writer.add(np.zeros((121, 161, 3), dtype=np.uint8))
    with av.open(str(tmp_path / "clip.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (160, 120, rate)
        assert sum(1 for _ in container.decode(stream)) == 7


def test_an_encoding_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with VideoWriter(tmp_path / "clip.mp4", Fraction(30)) as writer:
            writer.add(np.zeros((64, 64, 3), dtype=np.uint8))
            raise RuntimeError("halt")

    with pytest.raises(RuntimeError, match="halt"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_preview_covers_the_person(rendered_clip: RenderedClip, tmp_path: Path) -> None:
    settings = CaptureSettings(end_s=0.3)
    captured = capture(rendered_clip.path, settings, lambda _stage, _fraction, _people=None: None)
    path = tmp_path / "preview.mp4"
    write_preview(rendered_clip.path, captured.motions, limber_body(), path, lambda _fraction: None)
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) == len(captured.motions[0])
    x, y, width, height = (captured.motions[0].boxes[5] * 960 / 1280).astype(int)
    person = pictures[5][y : y + height, x : x + width].astype(int)
    blue = person[..., 2] - person[..., 0] > 40
    assert blue.mean() > 0.15
