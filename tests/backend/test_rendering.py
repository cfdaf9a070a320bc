import numpy as np
import pytest

from backend.demo.clip import RenderedClip, clothing
from backend.rendering import BACKDROP, Camera, Floor, MeshRenderer, Surface, vertex_normals
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body, skin
from smpl_rig.rotations import exp, to_matrix

TETRAHEDRON = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
SQUARE = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1.0]])
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
RED, GREEN = (1.0, 0.2, 0.2), (0.2, 1.0, 0.2)
CENTRED = np.array([[500, 0, 320], [0, 500, 240], [0, 0, 1.0]])


def level_camera(K: np.ndarray, place: tuple[float, float, float] = (0.3, -3, 1)) -> Camera:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = WORLD_FROM_LEVEL_CAMERA, place
    return Camera(K, pose, 640, 480)


def project(vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """(..., 3) world -> (..., 2) pixels, as the pinhole camera's definition says."""
    projected = (vertices - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3] @ camera.K.T
    return projected[..., :2] / projected[..., 2:]


def assert_covers(mask: np.ndarray, pixels: np.ndarray) -> None:
    """The mask reaches to the pixels' outermost, to less than a pixel: from the first to one past the last covered."""
    rows, columns = np.nonzero(mask)
    assert np.abs([columns.min(), rows.min()] - pixels.min(axis=0)).max() < 1
    assert np.abs([columns.max() + 1, rows.max() + 1] - pixels.max(axis=0)).max() < 1


@pytest.mark.parametrize(
    "K",
    [
        CENTRED,
        np.array([[500, 0, 250], [0, 500, 300], [0, 0, 1.0]]),
        np.array([[620, 0, 330.3], [0, 480, 217.7], [0, 0, 1.0]]),
    ],
    ids=["centred", "principal point off centre", "pixels not square"],
)
def test_draws_where_the_camera_says(K: np.ndarray) -> None:
    """Squares that face the camera at known places are found at their projection, to less than a pixel."""
    camera = level_camera(K)
    renderer = MeshRenderer(camera, [Surface(SQUARE_FACES, RED)])
    for place in ([0.0, 0.0, 1.0], [0.8, 0.5, 0.7], [-0.5, -0.4, 1.4]):
        vertices = SQUARE * 0.12 + place
        image, mask = renderer.render_with_mask([vertices])
        assert_covers(mask, project(vertices, camera))
        assert image.shape == (480, 640, 3)
        assert image[mask][:, 0].mean() > image[mask][:, 1].mean()


def test_draws_where_a_turned_camera_says() -> None:
    pose = np.eye(4)
    pose[:3, :3] = to_matrix(exp(np.array([-0.3, 0.1, 0.4]))) @ WORLD_FROM_LEVEL_CAMERA
    pose[:3, 3] = np.array([0.2, 0.1, 1.0]) - 3 * pose[:3, 2]  # looks at what it draws
    camera = Camera(CENTRED, pose, 640, 480)
    vertices = TETRAHEDRON * 0.4 + (0.1, 0, 0.9)
    renderer = MeshRenderer(level_camera(CENTRED), [Surface(FACES, RED)])
    renderer.aim(camera)
    assert_covers(renderer.render_with_mask([vertices])[1], project(vertices, camera))


def test_draws_a_body_where_its_vertices_are(body: Body, rendered_clip: RenderedClip) -> None:
    camera, performance = rendered_clip.camera, rendered_clip.performance
    renderer = MeshRenderer(camera, [Surface(body.f, clothing(body))])
    for frame in (0, 50, 100):
        now = slice(frame, frame + 1)
        vertices = skin(body, np.zeros(10), performance.local_rotations[now], performance.trans[now])[0]
        assert_covers(renderer.render_with_mask([vertices])[1], project(vertices, camera))


def test_the_nearer_hides_the_farther() -> None:
    renderer = MeshRenderer(level_camera(CENTRED), [Surface(SQUARE_FACES, RED), Surface(SQUARE_FACES, GREEN)])
    near, far = SQUARE * 0.2 + (0.3, 0, 1), SQUARE * 0.2 + (0.3, 1, 1)
    for vertices, wanted in (((near, far), 0), ((far, near), 1)):
        image = renderer.render(vertices)
        assert image[240, 320].argmax() == wanted


def test_leaves_out_what_is_not_there() -> None:
    renderer = MeshRenderer(level_camera(CENTRED), [Surface(SQUARE_FACES, RED)])
    assert renderer.render_with_mask([SQUARE])[1].any()
    image, mask = renderer.render_with_mask([None])
    assert not mask.any()
    assert np.abs(image - 255 * np.array(BACKDROP)).max() <= 1


def test_a_floor_lies_at_height_zero() -> None:
    """Level cameras see it end where its far side is projected to."""
    camera = level_camera(CENTRED)
    floor = Floor(reach_m=4.0)
    _, mask = MeshRenderer(camera, [], floor).render_with_mask([])
    horizon = project(np.array([0.3, 4.0, 0.0]), camera)[1]
    assert abs(np.nonzero(mask[:, 320])[0].min() - horizon) < 1
    _, lines = MeshRenderer(camera, [], Floor(reach_m=4.0, colour=None)).render_with_mask([])
    assert 0 < lines.sum() < 0.3 * mask.sum()


def test_normals_point_out_of_a_solid() -> None:
    normals = vertex_normals(TETRAHEDRON, FACES)
    outward = TETRAHEDRON - TETRAHEDRON.mean(axis=0)
    assert ((normals * outward).sum(axis=-1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-6)
