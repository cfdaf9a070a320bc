import math

import numpy as np
import torch
from torch import Tensor

from backend.models.motion_discriminator import MotionDiscriminator, MotionDiscriminatorConfig
from backend.training.adversarial import squared_discriminator_loss, squared_generator_loss

TINY = MotionDiscriminatorConfig(hidden=24, dropout=0.0)


def swinging(count: int, frames: int, generator: torch.Generator) -> Tensor:
    """Rotation vectors (count, frames, 72) of joints that swing slowly."""
    phase, size = (2 * math.pi * torch.rand(count, 1, 72, generator=generator) for _ in range(2))
    return 0.1 * size * torch.sin(0.2 * torch.arange(frames)[:, None] + phase)


def test_its_size() -> None:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in MotionDiscriminator().parameters())
    # three gates each of two layers, two square layers and one score of the attention, and the last layer
    gru = 3 * 1024 * (69 + 1024 + 2) + 3 * 1024 * (1024 + 1024 + 2)
    assert count == gru + 2 * (1024 * 1024 + 1024) + 1025 + 1025


@torch.no_grad()
def test_it_is_the_papers_formula() -> None:
    torch.manual_seed(0)
    network = MotionDiscriminator(TINY).eval().double()
    theta = torch.randn(3, 7, 72, dtype=torch.float64)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def gru(layer: int, frames: np.ndarray) -> np.ndarray:
        h, states = np.zeros(24), []
        for x in frames:
            from_x = weights[f"gru.weight_ih_l{layer}"] @ x + weights[f"gru.bias_ih_l{layer}"]
            from_h = weights[f"gru.weight_hh_l{layer}"] @ h + weights[f"gru.bias_hh_l{layer}"]
            reset = sigmoid(from_x[:24] + from_h[:24])
            update = sigmoid(from_x[24:48] + from_h[24:48])
            new = np.tanh(from_x[48:] + reset * from_h[48:])
            h = (1 - update) * new + update * h
            states.append(h)
        return np.stack(states)

    def judge(clip: np.ndarray) -> float:
        h = gru(1, gru(0, clip[:, 3:]))  # without the pelvis
        scores = []
        for frame in h:
            value = frame
            for layer in (0, 3, 6):
                value = np.tanh(weights[f"phi.{layer}.weight"] @ value + weights[f"phi.{layer}.bias"])
            scores.append(value[0])
        alpha = np.exp(scores) / np.exp(scores).sum()
        pooled = sum(a * frame for a, frame in zip(alpha, h, strict=True))
        return float(weights["last.weight"][0] @ pooled + weights["last.bias"][0])

    expected = [judge(clip.numpy()) for clip in theta]
    assert np.allclose(network(theta).numpy(), expected, atol=1e-12)


@torch.no_grad()
def test_how_somebody_faces_does_not_matter() -> None:
    torch.manual_seed(1)
    network = MotionDiscriminator(TINY).eval()
    theta = torch.randn(2, 5, 72)
    turned = torch.cat((torch.randn(2, 5, 3), theta[..., 3:]), dim=-1)
    assert torch.equal(network(theta), network(turned))


def test_it_learns_to_tell_smooth_motion_from_jitter_and_says_where_to_go() -> None:
    torch.manual_seed(2)
    generator = torch.Generator().manual_seed(3)
    network = MotionDiscriminator(TINY)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        real, fake = swinging(count, 16, generator), swinging(count, 16, generator)
        return real, fake + 0.3 * torch.randn(fake.shape, generator=generator)

    for _ in range(120):
        real, fake = draw(32)
        optimiser.zero_grad()
        squared_discriminator_loss(network(real), network(fake)).backward()
        optimiser.step()
    network.eval()
    real, fake = draw(200)
    with torch.no_grad():
        right = torch.cat((network(real) > 0.5, network(fake) < 0.5)).float().mean()
    assert right > 0.95

    fake.requires_grad_()
    squared_generator_loss(network(fake)).backward()
    assert fake.grad is not None
    with torch.no_grad():
        assert network(fake - 50 * fake.grad).mean() > network(fake).mean()
