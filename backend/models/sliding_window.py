"""Runs a network over a sequence of any length.

Windows follow each other by the network's stride; where one reaches beyond the sequence, it sees copies of the first or
last frame (MPS-Net's rule for borders). A frame for which several windows answer gets the mean of their answers. A
window counts most for its middle and least for its ends, so that nothing leaps where one window follows another; two
windows that have but their border frame in common count alike for it (STC-Net, section 3.3). A frame in which the
person was not observed shows the last one in which they were, and the network is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from . import rotation6d
from .frame_features import Estimate, FrameFeatures, concatenate
from .temporal_network import FeatureError, Frames, TemporalNetwork, Window


def run(network: TemporalNetwork, features: FrameFeatures, windows_at_once: int = 64) -> Estimate:
    """The estimate for every frame of one sequence.

    Args:
        network: any of the five, in evaluation mode.
        features: (1, T, ...), T >= 1.
        windows_at_once: windows that are computed together.

    Returns:
        (1, T, ...), without steps and auxiliary values.

    Raises:
        FeatureError: if there is no frame, no frame was observed, or a field is missing.
    """
    pieces = (features.frames(begin, begin + windows_at_once) for begin in range(0, len(features), windows_at_once))
    return concatenate(list(stream(network, pieces, windows_at_once)))


def stream(network: TemporalNetwork, chunks: Iterable[FrameFeatures], windows_at_once: int = 64) -> Iterator[Estimate]:
    """The same for a sequence that comes in pieces; memory does not grow with its length.

    Args:
        network: any of the five, in evaluation mode.
        chunks: (1, any number of frames, ...) each, in order. The first frame must be observed.
        windows_at_once: windows that are computed together.

    Yields:
        (1, any number of frames, ...), in order, each frame once.

    Raises:
        FeatureError: as :func:`run`.
    """
    frames, mean = _SharedFrames(), _Mean(network.window)
    last_observed: FrameFeatures | None = None
    next_window = network.window.first
    for chunk in chunks:
        network.check(chunk)
        held, last_observed = _held(chunk, last_observed)
        frames.append(network.per_frame(held), chunk.observed)
        ready = _ready(network.window, next_window, frames.end)
        while len(ready) >= windows_at_once:
            starts, ready = ready[:windows_at_once], ready[windows_at_once:]
            yield from mean.add(_answer(network, frames, starts), frames.end)
            next_window = starts[-1] + network.window.stride
        frames.forget_before(next_window)
    if frames.end == 0:
        raise FeatureError("There is no frame to run the network on.")
    remaining = _remaining(network.window, next_window, frames.end)
    for first in range(0, len(remaining), windows_at_once):
        yield from mean.add(_answer(network, frames, remaining[first : first + windows_at_once]), frames.end)
    yield from mean.finish()


def hold(features: FrameFeatures) -> FrameFeatures:
    """Each unobserved frame shows the last observed one; ``observed`` stays. The first frame must be observed."""
    places = torch.arange(len(features), device=features.observed.device).expand_as(features.observed)
    shown = torch.where(features.observed, places, torch.zeros_like(places)).cummax(1).values  # (B, T)
    clips = torch.arange(len(shown), device=shown.device)[:, None]
    held = {name: value[clips, shown] for name, value in features.tensors().items()}
    return FrameFeatures(**{**held, "observed": features.observed})


def _held(chunk: FrameFeatures, last_observed: FrameFeatures | None) -> tuple[FrameFeatures, FrameFeatures | None]:
    """:func:`hold` for a chunk that follows others; and the last observed frame of all."""
    if len(chunk) == 0:
        return chunk, last_observed
    if last_observed is None:
        if not bool(chunk.observed[0, 0]):
            raise FeatureError("The first frame of a sequence must be one in which the person was observed.")
        last_observed = chunk.frames(0, 1)
    before = last_observed.tensors()
    joined = hold(
        FrameFeatures(**{name: torch.cat((before[name], value), 1) for name, value in chunk.tensors().items()})
    )
    last = joined.frames(len(chunk), len(chunk) + 1)
    return joined.frames(1, len(chunk) + 1), replace(last, observed=torch.ones_like(last.observed))


def _ready(window: Window, next_window: int, end: int) -> list[int]:
    """Beginnings of the windows whose frames have all come."""
    return list(range(next_window, end - window.length + 1, window.stride))


def _remaining(window: Window, next_window: int, end: int) -> list[int]:
    """Beginnings of the windows that are still needed for an answer for every frame, when there are ``end`` frames."""
    starts, start = [], next_window
    while start == window.first or start - window.stride + window.outputs[-1] < end - 1:
        starts.append(start)
        start += window.stride
    return starts


class _SharedFrames:
    """The work of :meth:`TemporalNetwork.per_frame` on the frames that windows to come will see."""

    def __init__(self) -> None:
        self.begin = self.end = 0
        self.work: dict[str, Tensor] = {}

    def append(self, work: dict[str, Tensor], observed: Tensor) -> None:
        added = {**work, "observed": observed}
        self.work = (
            {name: torch.cat((self.work[name], value), 1) for name, value in added.items()} if self.work else added
        )
        self.end += observed.shape[1]

    def forget_before(self, frame: int) -> None:
        dropped = min(frame, self.end - 1) - self.begin  # the last frame stays: it may be copied
        if dropped > 0:
            self.work = {name: value[:, dropped:].clone() for name, value in self.work.items()}
            self.begin += dropped

    def windows(self, indices: Tensor) -> Frames:
        """(N, W) indices of frames, which may lie beyond the sequence -> those windows."""
        shown = indices.clamp(0, self.end - 1) - self.begin
        work = {name: value[0][shown] for name, value in self.work.items()}  # (N, W, ...)
        observed = work.pop("observed")
        return Frames(work, observed, (indices >= 0) & (indices < self.end), indices)


def _answer(network: TemporalNetwork, frames: _SharedFrames, starts: list[int]) -> Estimate:
    device = frames.work["observed"].device
    begins = torch.tensor(starts, device=device)
    return network.over_window(frames.windows(begins[:, None] + torch.arange(network.window.length, device=device)))


class _Mean:
    """Takes windows' answers in order; gives each frame's mean once no later window can answer for it."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.begin = 0
        self.sums: Tensor | None = None  # (frames, 24 * 6 + 10 + 3 + 1), the last the sum of their weights

    def add(self, estimate: Estimate, end: int) -> Iterator[Estimate]:
        """Answers for frames before the first or from ``end`` on are dropped."""
        upright = rotation6d.from_matrix(rotation6d.to_matrix(estimate.pose6d.float()))
        camera = estimate.camera.float()
        values = (upright.flatten(-2), estimate.betas.float(), camera, torch.ones_like(camera[..., :1]))
        answers = (torch.cat(values, dim=-1) * self._weights(camera)).flatten(0, 1)  # (N * O, 158)
        frames = estimate.frame_indices.flatten()
        inside = (frames >= 0) & (frames < end)
        answers, frames = answers[inside], frames[inside]
        needed = int(frames.max()) + 1 - self.begin
        sums = answers.new_zeros(needed, answers.shape[-1]) if self.sums is None else self.sums
        if needed > len(sums):
            sums = torch.cat((sums, sums.new_zeros(needed - len(sums), sums.shape[-1])))
        self.sums = sums.index_add(0, frames - self.begin, answers)
        next_answer = int(estimate.frame_indices[-1, 0]) + self.window.stride
        yield from self._take(next_answer - self.begin)

    def _weights(self, like: Tensor) -> Tensor:
        """(O, 1) how much each frame of a window counts."""
        place = torch.arange(1, len(self.window.outputs) + 1, device=like.device, dtype=like.dtype)
        return torch.minimum(place, place.flip(0))[:, None]

    def finish(self) -> Iterator[Estimate]:
        if self.sums is not None:
            yield from self._take(len(self.sums))

    def _take(self, count: int) -> Iterator[Estimate]:
        if self.sums is None or count <= 0:
            return
        settled, self.sums = self.sums[:count], self.sums[count:]
        count = len(settled)
        if not count:
            return
        means = settled[:, :-1] / settled[:, -1:]
        indices = torch.arange(self.begin, self.begin + count, device=means.device)
        self.begin += count
        pose6d, betas, camera = means.split((144, 10, 3), dim=-1)
        pose6d = rotation6d.from_matrix(rotation6d.to_matrix(pose6d.unflatten(-1, (24, 6))))
        yield Estimate(pose6d[None], betas[None], camera[None], indices[None])
