from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.training.adversarial import (
    absolute_discriminator_loss,
    absolute_generator_loss,
    squared_discriminator_loss,
    squared_generator_loss,
)

values = st.lists(st.floats(-3, 3), min_size=1, max_size=9)


@given(values, values)
def test_they_are_the_papers_means(real: list[float], fake: list[float]) -> None:
    r, f = torch.tensor(real, dtype=torch.float64), torch.tensor(fake, dtype=torch.float64)
    assert squared_discriminator_loss(r, f).item() == pytest.approx(
        sum((x - 1) ** 2 for x in real) / len(real) + sum(x**2 for x in fake) / len(fake)
    )
    assert squared_generator_loss(f).item() == pytest.approx(sum((x - 1) ** 2 for x in fake) / len(fake))
    assert absolute_discriminator_loss(r, f).item() == pytest.approx(
        sum(abs(x - 1) for x in real) / len(real) + sum(abs(x) for x in fake) / len(fake)
    )
    assert absolute_generator_loss(f).item() == pytest.approx(sum(abs(x - 1) for x in fake) / len(fake))


@pytest.mark.parametrize("loss", [squared_discriminator_loss, absolute_discriminator_loss])
def test_a_discriminator_that_knows_everything_loses_nothing(loss: Callable[..., torch.Tensor]) -> None:
    assert loss(torch.ones(5), torch.zeros(7)) == 0
    assert loss(torch.zeros(5), torch.ones(7)) == 2


@pytest.mark.parametrize("loss", [squared_generator_loss, absolute_generator_loss])
def test_a_network_is_pulled_towards_what_is_taken_for_real(loss: Callable[..., torch.Tensor]) -> None:
    fake = torch.tensor([-0.5, 0.3, 1.4], requires_grad=True)
    loss(fake).backward()
    assert fake.grad is not None
    assert fake.grad.sign().tolist() == [-1, -1, 1]
