"""A filter that has learned from captures and their truth, in the manner of SmoothNet (Zeng et al., ECCV 2022).

Each channel is filtered over a window of frames by the same fully connected layers with residual blocks (their fig. 4);
overlapping windows are averaged. Two things are ours: a channel's mean over the window is taken off first and put back,
so that places far from the origin are the same as near ones, and the answer can be blended with what was captured,
which gives a strength between nothing and all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .filters import Filter

Floats = NDArray[np.floating[Any]]

#: Frames, at 30 frames per second.
WINDOW = 32
_HIDDEN, _RESIDUAL, _BLOCKS = 128, 64, 3
_STEPS, _BATCH, _RATE = 3000, 256, 1e-3


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(_HIDDEN, _RESIDUAL), nn.LeakyReLU(0.2), nn.Linear(_RESIDUAL, _HIDDEN), nn.LeakyReLU(0.2)
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layers(x)
        return result


class WindowFilter(nn.Module):
    """(N, WINDOW) captured channels -> (N, WINDOW)."""

    def __init__(self) -> None:
        super().__init__()
        blocks = [_Block() for _ in range(_BLOCKS)]
        self.layers = nn.Sequential(nn.Linear(WINDOW, _HIDDEN), nn.LeakyReLU(0.2), *blocks, nn.Linear(_HIDDEN, WINDOW))

    def forward(self, captured: Tensor) -> Tensor:
        mean = captured.mean(dim=-1, keepdim=True)
        result: Tensor = mean + self.layers(captured - mean)
        return result


def learned_filter(name: str, pairs: Sequence[tuple[Floats, Floats]], seed: int = 0) -> Filter:
    """Learns from captured channels and the truth.

    Args:
        name: of the filter.
        pairs: captured and true values, each (T, ...) at 30 frames per second.
        seed: of what is drawn.
    """
    network = _taught(_windows_of(pairs, 0), _windows_of(pairs, 1), seed)

    def run(values: Floats, _rate: float, strength: float, _constant: float) -> Floats:
        return values + strength * (_filtered(network, values) - values)

    return Filter(name, (0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.85, 1.0), (0.0,), run)


def _taught(captured: Tensor, truth: Tensor, seed: int) -> WindowFilter:
    torch.manual_seed(seed)
    network = WindowFilter()
    optimizer = torch.optim.Adam(network.parameters(), _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        chosen = torch.randint(len(captured), (_BATCH,))
        found, wanted = network(captured[chosen]), truth[chosen]
        # places and accelerations count alike, as in their eq. 4
        loss = (found - wanted).abs().mean()
        loss = loss + (found.diff(n=2) - wanted.diff(n=2)).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _windows_of(pairs: Sequence[tuple[Floats, Floats]], which: int) -> Tensor:
    """(N, WINDOW) of all channels."""
    rows = [_windows(pair[which]).reshape(-1, WINDOW) for pair in pairs]
    return torch.from_numpy(np.concatenate(rows)).float()


def _windows(values: Floats) -> Floats:
    """(T, ...) -> (T - WINDOW + 1, C, WINDOW)."""
    flat = values.reshape(len(values), -1)
    return np.lib.stride_tricks.sliding_window_view(flat, WINDOW, axis=0).copy()


@torch.no_grad()
def _filtered(network: WindowFilter, values: Floats) -> Floats:
    """(T, ...) by all windows that hold each frame; what is short is held at its end."""
    missing = max(WINDOW - len(values), 0)
    padded = np.pad(values, [(0, missing)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    windows = _windows(padded)
    found = network(torch.from_numpy(windows.reshape(-1, WINDOW)).float()).numpy().reshape(windows.shape)
    total, count = np.zeros((len(padded), windows.shape[1])), np.zeros((len(padded), 1))
    for place in range(WINDOW):
        total[place : place + len(windows)] += found[..., place]
        count[place : place + len(windows)] += 1
    return np.asarray((total / count).reshape(padded.shape)[: len(values)])
