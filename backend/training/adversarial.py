"""What a discriminator and the network that it judges learn from each other.

The discriminator learns to say 1 of motion that was captured and 0 of motion that a network answered with; the network
learns to be taken for the former.
"""

from __future__ import annotations

from torch import Tensor


def squared_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[(D(real) - 1)^2] + E[D(fake)^2], VIBE's (Kocabas et al. 2020, section 3.2), which MPS-Net follows.

    Args:
        real: what the discriminator says of captured motion, any shape.
        fake: what it says of a network's motion, of which no gradient may reach the network (detach it).
    """
    return (real - 1).square().mean() + fake.square().mean()


def squared_generator_loss(fake: Tensor) -> Tensor:
    """E[(D(fake) - 1)^2], what the network makes small (Kocabas et al. 2020, section 3.2)."""
    return (fake - 1).square().mean()


def absolute_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[||D(real) - 1||] + E[||D(fake)||], SPS-Net's (Chen et al. 2021, eq. 7); arguments as for the squared one."""
    return (real - 1).abs().mean() + fake.abs().mean()


def absolute_generator_loss(fake: Tensor) -> Tensor:
    """E[||D(fake) - 1||], the network's part; the paper prints the discriminator's only."""
    return (fake - 1).abs().mean()
