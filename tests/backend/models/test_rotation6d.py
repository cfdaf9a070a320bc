import torch
from hypothesis import given
from hypothesis import strategies as st

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


def test_the_layouts() -> None:
    rotation = random_rotations(3, 1)[0]
    spin = torch.tensor(
        [rotation[0, 0], rotation[0, 1], rotation[1, 0], rotation[1, 1], rotation[2, 0], rotation[2, 1]]
    )
    assert torch.allclose(rotation6d.from_matrix(rotation).float(), spin.float())
    hmr2 = torch.cat((rotation[:, 0], rotation[:, 1]))
    assert torch.allclose(rotation6d.from_hmr2_layout(hmr2).float(), spin.float())
