"""The silhouette against formulas, against another rasteriser, and as something to descend on."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backend.body import TorchBody
from backend.training import silhouette
from backend.training.losses import mask_loss
from backend.training.silhouette import Silhouette, cover
from smpl_rig.body import Body

SIZE = 64
#: How much finer the other rasteriser draws, so that the width of its outlines does not count.
FINER = 32


def posed(torch_body: TorchBody, seed: int) -> Tensor:
    """(1, V, 2) where the vertices of a body in some pose are seen, pixels of a picture of 64 x 64."""
    generator = torch.Generator().manual_seed(seed)
    x, y, z = (0.3 * torch.randn(1, 24, 3, generator=generator)).unbind(-1)
    zero = torch.zeros_like(x)
    rotations = torch.matrix_exp(torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).unflatten(-1, (3, 3)))
    rotations[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ rotations[:, 0]  # upright, camera axes
    vertices = torch_body.vertices(rotations, torch.randn(1, 10, generator=generator), torch.tensor([[0, 0, 3.0]]))
    return vertices[..., :2] / vertices[..., 2:] * 1.3 * SIZE + SIZE / 2


def drawn(points: Tensor, faces: np.ndarray) -> np.ndarray:
    """The same silhouette by OpenCV's rasteriser, triangle by triangle, 32 times finer."""
    image = np.zeros((SIZE * FINER, SIZE * FINER), dtype=np.uint8)
    corners = np.round((points.numpy() * FINER - 0.5) * 256).astype(np.int32)
    for triangle in corners[faces]:
        cv2.fillConvexPoly(image, triangle, 1, shift=8)
    return image


@pytest.fixture(scope="module")
def body_silhouette(body: Body) -> Silhouette:
    return Silhouette(body.f)


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_a_body_against_another_rasteriser(
    body: Body, torch_body: TorchBody, body_silhouette: Silhouette, seed: int
) -> None:
    points = posed(torch_body, seed)
    signed = body_silhouette.signed_distance(points, SIZE, SIZE)[0].numpy()
    fine = drawn(points[0], body.f)
    middles = fine[FINER // 2 :: FINER, FINER // 2 :: FINER] > 0
    inside = signed > 0
    assert middles.sum() > 200
    assert (inside & middles).sum() / (inside | middles).sum() > 0.97
    depth = cv2.distanceTransform(fine, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - fine, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    expected = (depth - outside)[FINER // 2 :: FINER, FINER // 2 :: FINER] / FINER
    assert np.abs(expected - signed).mean() < 0.05
    covered = fine.reshape(SIZE, FINER, SIZE, FINER).mean((1, 3))
    soft = body_silhouette(points, SIZE, SIZE)[0].numpy()
    assert soft.sum() == pytest.approx(covered.sum(), rel=0.1)
    assert np.abs(soft - covered)[np.abs(expected) > 2.0].max() < 0.02


def square(x: float, y: float, half: float, turn: float = 0.0) -> Tensor:
    corners = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1]], dtype=torch.float64) * half
    rotation = torch.tensor([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return corners @ rotation.T + torch.tensor([x, y])


SQUARE = np.array([[0, 1, 2], [0, 3, 2]])  # one of each way round


def distance_to_square(x: float, y: float, half: float, turn: float, size: int) -> Tensor:
    """By the formula for a box."""
    rows, columns = torch.meshgrid(torch.arange(size) + 0.5, torch.arange(size) + 0.5, indexing="ij")
    apart = torch.stack((columns, rows), dim=-1).double() - torch.tensor([x, y])
    rotation = torch.tensor([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    beyond = (apart @ rotation).abs() - half
    return -(beyond.clamp_min(0).norm(dim=-1) + beyond.amax(-1).clamp_max(0))


@given(x=st.floats(-10, 30), y=st.floats(-10, 30), half=st.floats(0.5, 15), turn=st.floats(0, 6.3))
@settings(max_examples=50)
def test_a_square_by_formula(x: float, y: float, half: float, turn: float) -> None:
    signed = Silhouette(SQUARE).signed_distance(square(x, y, half, turn)[None], 20, 20)[0]
    assert torch.allclose(signed, distance_to_square(x, y, half, turn, 20), atol=1e-5)


def test_what_lies_before_or_behind_a_part_has_no_edge() -> None:
    points = torch.cat((square(10, 10, 7), square(11, 9, 2, 0.3)))
    signed = Silhouette(np.concatenate((SQUARE, SQUARE + 4))).signed_distance(points[None], 20, 20)[0]
    assert torch.allclose(signed, distance_to_square(10, 10, 7, 0, 20), atol=1e-5)


def test_a_hole_is_outside() -> None:
    points = torch.cat((square(10, 10, 8), square(10, 10, 4)))
    ring = np.array(
        [[i, (i + 1) % 4, 4 + i] for i in range(4)] + [[(i + 1) % 4, 4 + i, 4 + (i + 1) % 4] for i in range(4)]
    )
    signed = Silhouette(ring).signed_distance(points[None], 20, 20)[0]
    outer, inner = distance_to_square(10, 10, 8, 0, 20), distance_to_square(10, 10, 4, 0, 20)
    assert torch.allclose(signed, torch.minimum(outer, -inner), atol=1e-5)


@given(seed=st.integers(0, 1000))
def test_coverage_is_exact(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    triangles = 20 * torch.rand(15, 3, 2, generator=generator, dtype=torch.float64)
    triangles[:8] = triangles[:8, :1] + 0.1 * (triangles[:8] - triangles[:8, :1])
    points = 22 * torch.rand(300, 2, generator=generator, dtype=torch.float64) - 1
    first, second, third = triangles.unbind(1)
    # barycentric coordinates, all of them together
    basis = torch.stack((second - first, third - first), dim=-1)  # (F, 2, 2)
    parts = torch.einsum("fij,fpj->fpi", torch.linalg.inv(basis), points - first[:, None])
    expected = ((parts >= 0).all(-1) & (parts.sum(-1) <= 1)).any(0)
    assert torch.equal(cover(triangles, points), expected)


def test_memory_is_bounded_without_a_difference(
    torch_body: TorchBody, body_silhouette: Silhouette, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = posed(torch_body, 4)
    whole = body_silhouette.signed_distance(points, 16, 16)
    monkeypatch.setattr(silhouette, "PAIRS_AT_ONCE", 30_000)
    assert torch.equal(body_silhouette.signed_distance(points, 16, 16), whole)


def slopes(silhouette: Silhouette, points: Tensor, steps: list[float]) -> tuple[list[float], list[float]]:
    """By how much the mask loss grows as points (1, V, 2) move right, down and grow: by gradient and by differences."""
    points = points.double()
    middle = points.mean(1, keepdim=True)
    mask = (silhouette.signed_distance(points + 4.0, SIZE, SIZE) > 0).double()

    def loss(change: Tensor) -> Tensor:
        moved = (points - middle) * (1 + change[2]) + middle + change[:2]
        return mask_loss(silhouette.signed_distance(moved, SIZE, SIZE), mask, torch.ones(1))

    change = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    loss(change).backward()
    assert change.grad is not None
    differences = torch.diag(torch.tensor(steps, dtype=torch.float64))
    with torch.no_grad():
        found = [
            (loss(difference) - loss(-difference)).item() / (2 * step)
            for difference, step in zip(differences, steps, strict=True)
        ]
    return change.grad.tolist(), found


@pytest.mark.parametrize("turn", [0.1, 0.7])
def test_the_gradient_is_what_differences_say(turn: float) -> None:
    gradient, differences = slopes(Silhouette(SQUARE), square(31.2, 30.9, 13.1, turn)[None], [1e-4, 1e-4, 1e-5])
    assert gradient == pytest.approx(differences, rel=1e-3)


def test_so_it_is_for_a_body(torch_body: TorchBody, body_silhouette: Silhouette) -> None:
    gradient, differences = slopes(body_silhouette, posed(torch_body, 5), [0.02, 0.02, 0.001])
    # its edges are bounding or not as a whole, which is not quite true where limbs cross
    assert gradient == pytest.approx(differences, rel=0.1)


def test_descent_brings_a_displaced_body_back(torch_body: TorchBody, body_silhouette: Silhouette) -> None:
    size = 32
    target = posed(torch_body, 6) / 2
    middle = target.mean(1, keepdim=True)
    with torch.no_grad():
        mask = (body_silhouette.signed_distance(target, size, size) > 0).float()
    shift = torch.tensor([7.0, -5.0], requires_grad=True)
    growth = torch.tensor(-0.4, requires_grad=True)
    optimiser = torch.optim.Adam([{"params": [shift], "lr": 0.8}, {"params": [growth], "lr": 0.05}], betas=(0.7, 0.9))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 45)
    for _ in range(45):
        moved = (target - middle) * growth.exp() + middle + shift
        loss = mask_loss(body_silhouette.signed_distance(moved, size, size), mask, torch.ones(1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    assert shift.detach().abs().max() < 0.3
    assert abs(growth.item()) < 0.05


@pytest.mark.parametrize(
    "case", ["out of the picture", "far out", "larger than it", "a point", "a line", "on the pixels' middles"]
)
def test_gradients_are_finite(torch_body: TorchBody, body_silhouette: Silhouette, case: str) -> None:
    points = posed(torch_body, 7)
    middle = points.mean(1, keepdim=True)
    moved = {
        "out of the picture": points + 500.0,
        "far out": points + 1e6,
        "larger than it": (points - middle) * 50 + middle,
        "a point": middle.expand_as(points).clone(),
        "a line": points * torch.tensor([0.0, 1.0]) + 20.0,
        "on the pixels' middles": points.round() + 0.5,
    }[case]
    moved.requires_grad_()
    signed = body_silhouette.signed_distance(moved, 24, 32)
    assert signed.shape == (1, 24, 32)
    assert signed.isfinite().all()
    mask = torch.zeros(1, 24, 32)
    mask[:, 8:16, 8:16] = 1.0
    mask_loss(signed, mask, torch.ones(1)).backward()
    assert moved.grad is not None
    assert moved.grad.isfinite().all()
    assert moved.grad.abs().sum() > 0
