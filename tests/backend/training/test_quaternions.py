import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.training import quaternions
from smpl_rig import rotations


def vectors(seed: int) -> torch.Tensor:
    return torch.randn(30, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 10_000))
def test_they_are_those_of_the_rig(seed: int) -> None:
    a, b = vectors(seed), vectors(seed + 1)
    qa, qb = quaternions.exp(a), quaternions.exp(b)
    assert np.allclose(qa, rotations.exp(a.numpy()))
    assert np.allclose(quaternions.multiply(qa, qb), rotations.multiply(qa.numpy(), qb.numpy()))
    assert np.allclose(quaternions.matrix(qa), rotations.to_matrix(qa.numpy()))
    assert np.allclose(quaternions.log(qa), rotations.log(qa.numpy()), atol=1e-7)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_between_lies_on_the_shorter_way(seed: int, part: float) -> None:
    a = quaternions.exp(vectors(seed))
    turn = 0.3 * vectors(seed + 1)
    b = quaternions.multiply(a, quaternions.exp(turn))
    middle = quaternions.between(a, -b, torch.tensor(part))
    expected = quaternions.multiply(a, quaternions.exp(part * turn))
    apart = quaternions.log(quaternions.multiply(quaternions.exp(-quaternions.log(expected)), middle)).norm(dim=-1)
    assert apart.max() < 0.02 * turn.norm(dim=-1).max()


def test_no_rotation_is_safe() -> None:
    zero = torch.zeros(2, 3, requires_grad=True)
    quaternions.log(quaternions.exp(zero)).sum().backward()
    assert zero.grad is not None
    assert zero.grad.isfinite().all()
