"""What chance brings: numbers, choices, and for clips what stays with each and what changes over its frames."""

from __future__ import annotations

import torch
from torch import Tensor

#: From how little to how much.
Range = tuple[float, float]


class Chance:
    """Draws from a generator.

    Args:
        device: where what is drawn lies, and the generator.
        generator: where chance comes from.
    """

    def __init__(self, device: torch.device, generator: torch.Generator) -> None:
        self.device, self._generator = device, generator

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1)."""
        return torch.rand(*shape, generator=self._generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Of unit variance."""
        return torch.randn(*shape, generator=self._generator, device=self.device)

    def some(self, count: int, part: float) -> Tensor:
        """(count, 1) bool, true in that part of them."""
        return self.uniform(count, 1) < part

    def pick(self, weights: Tensor, count: int) -> Tensor:
        """(count,) indices of the weights, the larger ones more often."""
        return torch.multinomial(weights + 1e-9, count, replacement=True, generator=self._generator)


class ClipChance(Chance):
    """Draws for B clips of T frames.

    Args:
        times_s: (B, T) seconds.
        memory_s: how long what wanders lasts, from and to.
        generator: where chance comes from.
    """

    def __init__(self, times_s: Tensor, memory_s: Range, generator: torch.Generator) -> None:
        super().__init__(times_s.device, generator)
        self._times = times_s
        self._which: Tensor | None = None
        clips = len(times_s)
        low, high = torch.tensor(memory_s, device=self.device).log()
        memory = torch.exp(low + (high - low) * self.uniform(clips, 2))  # (B, 2) a slow and a fast part
        apart = times_s[:, :, None] - times_s[:, None, :]  # (B, T, T)
        kernels = torch.exp(-0.5 * (apart[:, None] / memory[..., None, None]).square()).mean(1)
        steady = 1e-3 * torch.eye(times_s.shape[1], device=self.device)
        self._root = torch.linalg.cholesky((kernels + steady).double()).float()  # (B, T, T)

    def each(self, between: Range) -> Tensor:
        """One value for each clip: (B, 1, 1)."""
        return between[0] + (between[1] - between[0]) * self.uniform(len(self._times), 1, 1)

    def once(self, clips: int, kinds: int) -> Tensor:
        """(B,) a kind for each clip, the same whenever it is asked for."""
        if self._which is None:
            self._which = (self.uniform(clips) * kinds).long().clamp_max(kinds - 1)
        return self._which

    def wander(self, *shape: int) -> Tensor:
        """(B, T, *shape) of unit variance that changes smoothly over time."""
        clips, frames = self._times.shape
        white = self.normal(clips, frames, *shape)
        return torch.einsum("bij,bj...->bi...", self._root, white)

    def speed(self, places: Tensor) -> Tensor:
        """(B, T, N, 2) places -> (B, T, N) by how much they move in a second, one clip's frames at a time."""
        if places.shape[1] == 1:
            return torch.zeros_like(places[..., 0])
        step = self._times.diff(dim=1)[..., None]  # (B, T - 1, 1)
        between = places.diff(dim=1).norm(dim=-1) / step
        before, after = between[:, :1], between[:, -1:]
        return (torch.cat((before, between), dim=1) + torch.cat((between, after), dim=1)) / 2

    def bursts(self, per_s: Range, lasting_s: Range, part: float = 1.0) -> Tensor:
        """(B, T) bool, true from time to time for a while."""
        clips, frames = self._times.shape
        rate = self.each(per_s)[..., 0] * part  # (B, 1)
        step = torch.diff(self._times, dim=1, append=2 * self._times[:, -1:] - self._times[:, -2:-1])
        begins = self.uniform(clips, frames) < rate * step
        lasts = self.each(lasting_s)[..., 0]  # (B, 1)
        began = torch.where(begins, self._times, torch.full_like(self._times, -torch.inf)).cummax(1).values
        return self._times - began < lasts
