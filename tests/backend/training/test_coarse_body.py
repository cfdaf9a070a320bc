import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backend.body import TorchBody
from backend.models import rotation6d
from backend.training.coarse_body import coarse_body, coarse_mesh


@pytest.fixture(scope="module")
def coarse(torch_body: TorchBody) -> TorchBody:
    return coarse_body(torch_body)


def posed(body: TorchBody, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Vertices (V, 3) of a body in some pose before a camera and joints (24, 3)."""
    generator = torch.Generator().manual_seed(seed)
    rest_pose = torch.tensor([1.0, 0, 0, 0, 1, 0])  # two columns of a matrix
    rotations = rotation6d.to_matrix(rest_pose + 0.25 * torch.randn(1, 24, 6, generator=generator))
    betas = torch.randn(1, 10, generator=generator)
    transl = torch.tensor([[0.0, 0, 3]])
    _, joints = body.forward_kinematics(rotations, body.rest_joints(betas), transl)
    return body.vertices(rotations, betas, transl)[0], joints[0]


def drawn(vertices: torch.Tensor, faces: torch.Tensor, size: int) -> NDArray[np.bool_]:
    """The silhouette by OpenCV's rasteriser, in a picture as wide as 2.3 metres at the body."""
    seen = (vertices[:, :2] / vertices[:, 2:]).numpy()
    points = np.round((seen * 1.3 + 0.5) * size * 256 - 128).astype(np.int32)
    image = np.zeros((size, size), dtype=np.uint8)
    for triangle in points[faces.numpy()]:
        cv2.fillConvexPoly(image, triangle, 1, shift=8)
    return image > 0


def test_its_silhouette_is_that_of_the_whole_body(torch_body: TorchBody, coarse: TorchBody) -> None:
    assert len(coarse.faces) < len(torch_body.faces) / 6
    overlap = []
    for seed in range(6):
        fine, few = (drawn(posed(body, seed)[0], body.faces, 512) for body in (torch_body, coarse))
        overlap.append((fine & few).sum() / (fine | few).sum())
    assert np.mean(overlap) > 0.95
    assert min(overlap) > 0.93  # thin arms before nothing


def test_it_is_the_same_body(torch_body: TorchBody, coarse: TorchBody) -> None:
    (vertices, joints), (few, its_joints) = posed(torch_body, 5), posed(coarse, 5)
    assert torch.equal(joints, its_joints)
    assert torch.cdist(few, vertices, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max() < 1e-5


def sphere(around: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A ball of radius 1 with triangles that are seen from outside counterclockwise."""
    turns = 2 * np.pi * np.arange(around) / around
    heights = np.pi * np.arange(1, around // 2) / (around // 2)
    rings = [
        np.stack((np.sin(h) * np.cos(turns), np.sin(h) * np.sin(turns), np.full(around, np.cos(h))), 1) for h in heights
    ]
    top, bottom = len(rings) * around, len(rings) * around + 1
    faces = []
    for place in range(around):
        after = (place + 1) % around
        faces += [[top, place, after], [bottom, top - around + after, top - around + place]]
        for first in range(0, top - around, around):
            low = first + around
            faces += [[first + place, low + place, low + after], [first + place, low + after, first + after]]
    return np.concatenate((*rings, [[0.0, 0, 1], [0, 0, -1]])), np.array(faces)


def volume(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> float:
    return float(np.linalg.det(vertices[faces]).sum() / 6)


def test_a_ball_stays_a_closed_ball() -> None:
    vertices, faces = sphere(60)
    inner, its_faces = sphere(12)
    assert volume(vertices, faces) == pytest.approx(4 / 3 * np.pi, rel=0.01)
    both = np.concatenate((inner / 2, vertices)), np.concatenate((its_faces, faces + len(inner)))
    chosen, coarse = coarse_mesh(*both, 200)
    points = both[0][chosen]
    assert np.linalg.norm(points, axis=1) == pytest.approx(1.0)  # nothing of the ball inside, which is another piece
    edges = np.concatenate((coarse[:, [0, 1]], coarse[:, [1, 2]], coarse[:, [2, 0]]))
    assert {tuple(edge) for edge in edges} == {tuple(edge[::-1]) for edge in edges}, "every edge has two sides"
    assert len(np.unique(coarse)) - len(edges) / 2 + len(coarse) == 2  # Euler
    assert volume(points, coarse) == pytest.approx(4 / 3 * np.pi, rel=0.06)
    # spread evenly: as many caps as cover the ball have radii of about that size
    apart = np.linalg.norm(points[:, None] - points, axis=-1) + 2 * np.eye(len(points))
    assert apart.min() > 0.5 * np.sqrt(16 / len(points))
