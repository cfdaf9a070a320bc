"""What the five networks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from smpl_rig.errors import LimberError

from .frame_features import Estimate, FrameFeatures


class FeatureError(LimberError):
    """A network was given features that it cannot read."""


@dataclass(frozen=True)
class Window:
    """The frames a network looks at together, and those of them that it answers for.

    Attributes:
        length: frames in a window.
        stride: frames from the beginning of one window to that of the next.
        outputs: which frames of a window are answered for, counted from the window's first.
        first: where the first window begins, counted from the first frame; frames before it are copies of it.
    """

    length: int
    stride: int
    outputs: range
    first: int


def one_frame_out(length: int, output: int) -> Window:
    """A window for every frame, which is the window's frame ``output``."""
    return Window(length, 1, range(output, output + 1), -output)


@dataclass(frozen=True, eq=False)
class Frames:
    """A window's frames after :meth:`TemporalNetwork.per_frame`.

    Attributes:
        work: what ``per_frame`` returned, each (B, T, ...).
        observed: (B, T) bool.
        inside: (B, T) bool; False for the copies of border frames that fill a window which reaches beyond the sequence.
        frame_indices: (B, T) which frames of the sequence these are; beyond its borders where ``inside`` is False.
    """

    work: Mapping[str, Tensor]
    observed: Tensor
    inside: Tensor
    frame_indices: Tensor


class TemporalNetwork(nn.Module, ABC):
    """A network that reads a window of frames and answers for some of them.

    A network's work is divided in two: what each frame needs once, whichever windows see it (:meth:`per_frame`), and
    what is done over the frames of one window (:meth:`over_window`). The runner never repeats the first.

    Attributes:
        window: see :class:`Window`.
        needs: the fields of :class:`FrameFeatures` that must be there.
    """

    window: Window
    needs: tuple[str, ...] = ("global_features",)

    @abstractmethod
    def per_frame(self, features: FrameFeatures) -> dict[str, Tensor]:
        """Tensors (B, T, ...) that depend, at each frame, on that frame only."""

    @abstractmethod
    def over_window(self, frames: Frames) -> Estimate:
        """The answer for the window's output frames."""

    def forward(self, features: FrameFeatures) -> Estimate:
        """One window of each of B clips, all of its frames inside.

        Raises:
            FeatureError: if a field that the network needs is missing, or there is not one window of frames.
        """
        self.check(features)
        if len(features) != self.window.length:
            raise FeatureError(
                f"{type(self).__name__} reads {self.window.length} frames at once and was given {len(features)}."
            )
        shape, device = features.observed.shape, features.observed.device
        indices = torch.arange(shape[1], device=device).expand(shape)
        return self.over_window(
            Frames(self.per_frame(features), features.observed, torch.ones_like(features.observed), indices)
        )

    def check(self, features: FrameFeatures) -> None:
        """Raises :class:`FeatureError`, which names the field that is missing."""
        given = features.tensors()
        for name in self.needs:
            if name not in given:
                raise FeatureError(f"{type(self).__name__} needs the features' field '{name}', which is missing.")
