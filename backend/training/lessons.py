"""What is asked of the encoder, and of each network, at every step of the training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from backend.body import TorchBody
from backend.features.landmarks import LandmarkEncoder, LandmarkInputs
from backend.models import rotation6d
from backend.models.estimation import LandmarkNetwork
from backend.models.frame_features import Estimate
from backend.models.motion_discriminator import MotionDiscriminator, MotionDiscriminatorConfig
from backend.models.self_attention_discriminator import SelfAttentionDiscriminator
from backend.models.sliding_window import hold
from backend.models.temporal_network import Frames

from .adversarial import (
    absolute_discriminator_loss,
    absolute_generator_loss,
    squared_discriminator_loss,
    squared_generator_loss,
)
from .examples import Examples, Truth
from .losses import (
    PAPER_WEIGHTS,
    LossWeights,
    camera_consistency_loss,
    feature_loss,
    occlusion_losses,
    over_steps,
    weighted,
)
from .objective import DirectWeights, MaskObjective, objective

#: VIBE's discriminator has 2 x 1024 states for 13 hours of motion; the free library has half an hour.
DISCRIMINATOR = MotionDiscriminatorConfig(hidden=128)
#: What the mask loss counts of what its paper has it count. The paper's network learns from many pictures that tell
#: nothing but a mask; here all is known, and the whole of it is six times as large as everything else together.
MASK_PART = 0.01


class Asked(NamedTuple):
    """What is to be made small, and each part of it for the log."""

    loss: Tensor
    errors: dict[str, float]


class Lesson(nn.Module):
    """What is learned by drawing examples; a discriminator may learn beside.

    Attributes:
        taught: what is kept when it is over.
        frames: how many frames an example has.
        occluded: part of the examples in which some of the person is hidden besides.
    """

    taught: nn.Module
    frames: int
    occluded: float = 0.0

    def forward(self, examples: Examples) -> Asked:
        raise NotImplementedError

    def groups(self, encoder_rate: float) -> list[tuple[nn.Module, float]]:
        """What learns, and how fast, as parts of the learning rate."""
        raise NotImplementedError


class EncoderLesson(Lesson):
    """Frames taken one by one."""

    def __init__(self, encoder: LandmarkEncoder, body: TorchBody) -> None:
        super().__init__()
        self.taught = encoder
        self.frames = 4
        self._body = (body,)  # not a part of what is learned

    def forward(self, examples: Examples) -> Asked:
        features = hold(self.taught(examples.inputs, examples.truth.K))
        indices = torch.arange(len(features), device=features.observed.device).expand(features.observed.shape)
        assert features.initial_pose6d is not None
        assert features.initial_betas is not None
        assert features.initial_camera is not None
        estimate = Estimate(features.initial_pose6d, features.initial_betas, features.initial_camera, indices)
        direct = DirectWeights(velocity=0.0)
        return Asked(*objective(estimate, examples.truth, examples.inputs.boxes, self._body[0], LossWeights(), direct))

    def groups(self, encoder_rate: float) -> list[tuple[nn.Module, float]]:
        return [(self.taught, 1.0)]


class NetworkLesson(Lesson):
    """A network's losses over all windows that fit into the examples, gaps included, which it is to fill.

    Args:
        network: with the encoder whose features it reads, which learns too, more slowly.
        name: whose paper's losses.
        body: that wears the poses.
        frames_out: consecutive frames for which a network that answers for one frame of a window is asked.
        direct: what is asked of joints beside the paper's losses.
    """

    def __init__(
        self,
        network: LandmarkNetwork,
        name: str,
        body: TorchBody,
        frames_out: int,
        direct: DirectWeights = DirectWeights(),  # noqa: B008  (it cannot change)
    ) -> None:
        super().__init__()
        self.taught = network
        papers = PAPER_WEIGHTS[name]
        self.weights, self.direct = replace(papers, mask=MASK_PART * papers.mask), direct
        window = network.network.window
        self.stride = 1 if self.weights.camera else window.stride
        several = 1 if self.weights.camera else 0
        self.frames = window.length + (several if len(window.outputs) > 1 else frames_out - 1)
        self.occluded = 0.25 if self.weights.occluded_pose else 0.0
        self.adversary = ADVERSARIES[name]() if self.weights.adversarial else None
        self.mask = MaskObjective(body) if self.weights.mask else None
        self._body = (body,)

    def forward(self, examples: Examples) -> Asked:
        network, weights = self.taught, self.weights
        assert isinstance(network, LandmarkNetwork)
        estimate = over_windows(network, examples.inputs, examples.truth.K, self.stride)
        each = [
            objective(step, examples.truth, examples.inputs.boxes, self._body[0], weights, self.direct)
            for step in (*estimate.steps, estimate)
        ]
        loss = over_steps([value for value, _ in each], weights.step_decay)
        others: dict[str, Tensor] = {}
        if "forecast" in estimate.auxiliary:
            known = estimate.auxiliary
            others["feature"] = feature_loss(known["features"], known["forecast"], known["forecast_counts"])
        if weights.camera:
            others["camera"] = _camera_consistency(estimate, network.network.window.outputs)
        if examples.occluded is not None:
            others |= self._occluded(network, estimate, examples, examples.occluded)
        if self.mask is not None:
            others["mask"] = self.mask(estimate, examples.truth, examples.inputs.boxes)
        if self.adversary is not None:
            others["adversarial"], judged = self.adversary(_windows(estimate, network), examples.truth)
            loss = loss + judged
        if others:
            loss = loss + weighted(others, weights)
        return Asked(loss, each[-1][1] | {name: float(value.detach()) for name, value in others.items()})

    def groups(self, encoder_rate: float) -> list[tuple[nn.Module, float]]:
        assert isinstance(self.taught, LandmarkNetwork)
        learning: list[tuple[nn.Module, float]] = [(self.taught.network, 1.0), (self.taught.encoder, encoder_rate)]
        return learning if self.adversary is None else [*learning, (self.adversary, 0.3)]

    def _occluded(
        self, network: LandmarkNetwork, estimate: Estimate, examples: Examples, inputs: LandmarkInputs
    ) -> dict[str, Tensor]:
        clips = len(inputs.observed)
        occluded = over_windows(network, inputs, examples.truth.K[:clips], self.stride)
        whole = Estimate(
            estimate.pose6d[:clips], estimate.betas[:clips], estimate.camera[:clips], estimate.frame_indices[:clips]
        )
        return occlusion_losses(whole, occluded, torch.ones_like(occluded.frame_indices, dtype=torch.bool))


def over_windows(network: LandmarkNetwork, inputs: LandmarkInputs, K: Tensor, stride: int) -> Estimate:
    """Every window that fits into the clips, one after the other: (B, windows * outputs, ...)."""
    features = hold(network.features(inputs, K))
    model = network.network
    work = {**model.per_frame(features), "observed": features.observed}
    starts = torch.arange(0, len(features) - model.window.length + 1, stride, device=features.observed.device)
    seen = starts[:, None] + torch.arange(model.window.length, device=starts.device)  # (N, W)
    clips = len(features.observed)
    windows = {name: value[:, seen].flatten(0, 1) for name, value in work.items()}  # (B * N, W, ...)
    observed = windows.pop("observed")
    indices = seen.repeat(clips, 1)
    estimate = model.over_window(Frames(windows, observed, torch.ones_like(observed), indices))
    return _unfolded(estimate, clips)


def _unfolded(estimate: Estimate, clips: int) -> Estimate:
    """(B * N, O, ...) -> (B, N * O, ...)."""

    def unfold(value: Tensor) -> Tensor:
        return value.unflatten(0, (clips, -1)).flatten(1, 2)

    return Estimate(
        unfold(estimate.pose6d),
        unfold(estimate.betas),
        unfold(estimate.camera),
        unfold(estimate.frame_indices),
        tuple(_unfolded(step, clips) for step in estimate.steps),
        estimate.auxiliary,
    )


def _camera_consistency(estimate: Estimate, outputs: range) -> Tensor:
    """The cameras that two windows, one frame apart, give to the same frames."""
    first, second = estimate.camera.unflatten(1, (-1, len(outputs)))[:, :2].unbind(1)
    return camera_consistency_loss(first, second)


def _windows(estimate: Estimate, network: LandmarkNetwork) -> Estimate:
    """The motion that is judged: one window's answer, or the consecutive frames of windows that answer for one."""
    outputs = len(network.network.window.outputs)
    frames = outputs if outputs > 1 else estimate.pose6d.shape[1]
    return Estimate(
        estimate.pose6d[:, :frames],
        estimate.betas[:, :frames],
        estimate.camera[:, :frames],
        estimate.frame_indices[:, :frames],
    )


@dataclass(frozen=True)
class Judgement:
    """How a discriminator and the one it judges learn: the papers' losses of what it says."""

    of_generator: Callable[[Tensor], Tensor]
    of_discriminator: Callable[[Tensor, Tensor], Tensor]


class Adversary(nn.Module):
    """A discriminator that learns beside the network it judges."""

    def __init__(self, discriminator: nn.Module, with_shape: bool, judgement: Judgement) -> None:
        super().__init__()
        self.discriminator = discriminator
        self._with_shape = with_shape
        self._judgement = judgement

    def forward(self, estimate: Estimate, truth: Truth) -> tuple[Tensor, Tensor]:
        """The network's loss, through which the discriminator does not learn, and the discriminator's, the reverse."""
        clips = torch.arange(len(estimate.pose6d), device=estimate.pose6d.device)[:, None]
        real = self._motion(rotation6d.from_matrix(truth.rotations[clips, estimate.frame_indices]), truth.betas)
        fake = self._motion(estimate.pose6d, estimate.betas.mean(dim=1))
        fixed = {name: value.detach() for name, value in self.discriminator.named_parameters()}
        network_loss = self._judgement.of_generator(functional_call(self.discriminator, fixed, fake))
        discriminator_loss = self._judgement.of_discriminator(
            self.discriminator(*real), self.discriminator(*(value.detach() for value in fake))
        )
        return network_loss, discriminator_loss

    def _motion(self, pose6d: Tensor, betas: Tensor) -> tuple[Tensor, ...]:
        """(B, O, 24, 6), (B, 10) -> rotation vectors (B, O, 72), and the shape where it is judged too."""
        theta = rotation6d.to_vector(pose6d).flatten(-2)
        return (theta, betas) if self._with_shape else (theta,)


ADVERSARIES: Mapping[str, Callable[[], Adversary]] = MappingProxyType(
    {
        "mps-net": lambda: Adversary(
            MotionDiscriminator(DISCRIMINATOR),
            with_shape=False,
            judgement=Judgement(squared_generator_loss, squared_discriminator_loss),
        ),
        "sps-net": lambda: Adversary(
            SelfAttentionDiscriminator(),
            with_shape=True,
            judgement=Judgement(absolute_generator_loss, absolute_discriminator_loss),
        ),
    }
)
