import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.models.self_attention_discriminator import SelfAttentionDiscriminator
from backend.training.adversarial import absolute_discriminator_loss


def test_the_papers_sizes() -> None:
    """Four layers of 82 and a classifier from 82 to 1 (section 4.1)."""
    discriminator = SelfAttentionDiscriminator()
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 4 * (82 * 82 + 82) + 82 + 1


@given(seed=st.integers(0, 1000), frames=st.integers(1, 40))
@torch.no_grad()
def test_a_probability_that_does_not_know_which_way_time_runs(seed: int, frames: int) -> None:
    torch.manual_seed(seed)
    discriminator = SelfAttentionDiscriminator().double()
    theta, beta = torch.randn(3, frames, 72, dtype=torch.float64), torch.randn(3, 10, dtype=torch.float64)
    judged = discriminator(theta, beta)
    assert judged.shape == (3,)
    assert ((judged > 0) & (judged < 1)).all()
    assert torch.allclose(discriminator(theta.flip(1), beta), judged, atol=1e-12)


def test_it_learns_which_way_knees_bend() -> None:
    torch.manual_seed(0)
    discriminator = SelfAttentionDiscriminator()
    left_knee = 4 * 3  # its rotation vector's first number
    beta = torch.zeros(64, 10)

    def motions(way: float) -> torch.Tensor:
        theta = 0.3 * torch.randn(64, 32, 72)
        theta[..., left_knee] = way * torch.rand(64, 1) * torch.linspace(0, 2, 32)
        return theta

    optimiser = torch.optim.Adam(discriminator.parameters(), 3e-3)
    for _ in range(100):
        loss = absolute_discriminator_loss(discriminator(motions(1.0), beta), discriminator(motions(-1.0), beta))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for name, parameter in discriminator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    with torch.no_grad():
        right = (discriminator(motions(1.0), beta) > 0.5).sum() + (discriminator(motions(-1.0), beta) < 0.5).sum()
    assert right > 0.95 * 128
