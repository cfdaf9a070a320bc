import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from backend.models import rotation6d


def random_rotations(seed: int, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(count, 3, 3, generator=generator, dtype=torch.float64))
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]
    return q * torch.linalg.det(q)[:, None, None]


@given(st.integers(0, 10_000))
def test_a_rotation_comes_back(seed: int) -> None:
    rotations = random_rotations(seed, 20)
    assert torch.allclose(rotation6d.to_matrix(rotation6d.from_matrix(rotations)), rotations, atol=1e-12)


@given(st.integers(0, 10_000))
def test_any_six_numbers_give_a_rotation(seed: int) -> None:
    matrix = rotation6d.to_matrix(
        torch.randn(20, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    )
    assert torch.allclose(matrix @ matrix.mT, torch.eye(3, dtype=torch.float64).expand(20, 3, 3), atol=1e-9)
    assert torch.allclose(torch.linalg.det(matrix), torch.ones(20, dtype=torch.float64))


@given(st.integers(0, 10_000), st.floats(0, math.pi - 1e-6))
def test_a_rotation_vector_comes_back(seed: int, angle: float) -> None:
    axes = torch.randn(20, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    vectors = angle * torch.nn.functional.normalize(axes, dim=-1)
    rotations = torch.tensor(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    assert torch.allclose(rotation6d.to_vector(rotation6d.from_matrix(rotations)), vectors, atol=1e-7)


def test_a_half_turn_has_one_of_two_vectors() -> None:
    rotations = torch.diag_embed(torch.tensor([[1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]]))
    vectors = rotation6d.to_vector(rotation6d.from_matrix(rotations))
    assert torch.allclose(vectors.abs(), math.pi * torch.eye(3))


def test_rotation_vectors_can_be_differentiated_where_nothing_turns() -> None:
    still = rotation6d.identity(1).requires_grad_()
    # a small turn about z shows in the first column's second number: R[1, 0]
    rotation6d.to_vector(still)[0, 2].backward()
    assert still.grad is not None
    assert torch.allclose(still.grad, torch.tensor([[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]), atol=1e-6)


def test_the_layouts() -> None:
    rotation = random_rotations(3, 1)[0]
    spin = torch.tensor(
        [rotation[0, 0], rotation[0, 1], rotation[1, 0], rotation[1, 1], rotation[2, 0], rotation[2, 1]]
    )
    assert torch.allclose(rotation6d.from_matrix(rotation).float(), spin.float())
    hmr2 = torch.cat((rotation[:, 0], rotation[:, 1]))
    assert torch.allclose(rotation6d.from_hmr2_layout(hmr2).float(), spin.float())
