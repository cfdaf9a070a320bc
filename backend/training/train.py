"""Trains the landmark encoder and the temporal networks.

The encoder learns on frames taken one by one; a network then learns on windows of its features. Everything is drawn
anew for every step, so there is no epoch: a run has a number of steps. It can be cut off at any moment and goes on from
its last checkpoint.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from backend.body import TorchBody
from backend.features.landmarks import LandmarkEncoder
from backend.models.estimation import LandmarkNetwork
from backend.models.frame_features import Estimate
from backend.models.sliding_window import hold
from backend.models.temporal_network import Frames

from .examples import Examples, ExampleSource
from .losses import PAPER_WEIGHTS, LossWeights, feature_loss, over_steps
from .objective import DirectWeights, objective


@dataclass(frozen=True)
class TrainingSettings:
    """How a run goes.

    Attributes:
        steps: of the optimiser.
        clips: drawn for each step.
        frames_out: consecutive frames for which a network that answers for one frame of a window is asked.
        learning_rate: the highest; it rises for a twentieth of the run and falls as a cosine.
        weight_decay: of AdamW.
        seed: of the weights and of all that is drawn.
        save_every_s: seconds between checkpoints.
        encoder_rate: what the encoder of a network learns by, as a part of that.
        averaged: decay of the running mean of the weights, which is what is kept.
    """

    steps: int = 6000
    clips: int = 32
    frames_out: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    seed: int = 0
    save_every_s: float = 120.0
    encoder_rate: float = 0.3
    averaged: float = 0.999


#: Asked at each step: the loss and what to log.
Loss = Callable[[Examples], tuple[Tensor, dict[str, float]]]


def train_encoder(
    encoder: LandmarkEncoder, source: ExampleSource, body: TorchBody, settings: TrainingSettings, out: Path
) -> None:
    """Trains an encoder on single frames; checkpoints and the log go to the folder ``out``."""
    if not _checkpoint(out).exists():
        standardise(encoder, source.draw(256, 8).inputs.values)

    def loss(examples: Examples) -> tuple[Tensor, dict[str, float]]:
        features = hold(encoder(examples.inputs, examples.truth.K))
        assert features.initial_pose6d is not None
        assert features.initial_betas is not None
        assert features.initial_camera is not None
        indices = torch.arange(len(features), device=features.observed.device).expand(features.observed.shape)
        estimate = Estimate(features.initial_pose6d, features.initial_betas, features.initial_camera, indices)
        return objective(
            estimate, examples.truth, examples.inputs.boxes, body, LossWeights(), DirectWeights(velocity=0.0)
        )

    _run(encoder, source, 4, loss, settings, out)


def train_network(
    network: LandmarkNetwork,
    name: str,
    source: ExampleSource,
    body: TorchBody,
    settings: TrainingSettings,
    out: Path,
) -> None:
    """Trains a network and, more slowly, the encoder whose features it reads."""
    window = network.network.window
    frames = window.length if len(window.outputs) > 1 else window.length + settings.frames_out - 1

    def loss(examples: Examples) -> tuple[Tensor, dict[str, float]]:
        return network_loss(network, name, examples, body)

    _run(network, source, frames, loss, settings, out)


def network_loss(
    network: LandmarkNetwork, name: str, examples: Examples, body: TorchBody
) -> tuple[Tensor, dict[str, float]]:
    """A network's losses over all windows that fit into the examples, gaps included, which it is to fill."""
    estimate = over_all_windows(network, examples)
    weights = PAPER_WEIGHTS[name]
    answers = [
        objective(step, examples.truth, examples.inputs.boxes, body, weights, DirectWeights())
        for step in (*estimate.steps, estimate)
    ]
    errors = answers[-1][1]
    loss = over_steps([value for value, _ in answers], weights.step_decay)
    if "forecast" in estimate.auxiliary:
        known = estimate.auxiliary
        feature = feature_loss(known["features"], known["forecast"], known["forecast_counts"])
        loss, errors["feature"] = loss + weights.feature * feature, float(feature.detach())
    return loss, errors


def over_all_windows(network: LandmarkNetwork, examples: Examples) -> Estimate:
    """Every window that fits into the clips: consecutive frames (B, O, ...)."""
    features = hold(network.features(examples.inputs, examples.truth.K))
    model = network.network
    window = model.window
    work = {**model.per_frame(features), "observed": features.observed}
    frames = len(features)
    starts = torch.arange(0, frames - window.length + 1, window.stride, device=features.observed.device)
    seen = starts[:, None] + torch.arange(window.length, device=starts.device)  # (N, W)
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


def standardise(encoder: LandmarkEncoder, values: Tensor) -> None:
    """Sets the mean and deviation by which an encoder divides its inputs."""
    flat = values.flatten(0, 1)
    encoder.mean.copy_(flat.mean(0))
    encoder.deviation.copy_(flat.std(0).clamp_min(0.02))


def _checkpoint(out: Path) -> Path:
    return out / "checkpoint.pt"


def _run(
    model: nn.Module, source: ExampleSource, frames: int, loss: Loss, settings: TrainingSettings, out: Path
) -> None:
    out.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.AdamW(_groups(model, settings), weight_decay=settings.weight_decay)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.averaged), use_buffers=True
    )
    step = 0
    if _checkpoint(out).exists():
        saved = torch.load(_checkpoint(out), weights_only=True)
        model.load_state_dict(saved["model"])
        averaged.load_state_dict(saved["averaged"])
        optimiser.load_state_dict(saved["optimiser"])
        source.restore(saved["source"])
        torch.set_rng_state(saved["random"])
        step = saved["step"]
    saved_at = time.monotonic()
    with (out / "log.jsonl").open("a") as log, tqdm(total=settings.steps, initial=step, desc=out.name) as bar:
        while step < settings.steps:
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * _schedule(step / settings.steps)
            model.train()
            value, errors = loss(source.draw(settings.clips, frames))
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            averaged.update_parameters(model)
            step += 1
            bar.update()
            if step % 50 == 0:
                log.write(json.dumps({"step": step, "loss": value.item(), **errors}) + "\n")
                log.flush()
            if time.monotonic() - saved_at > settings.save_every_s or step == settings.steps:
                state = {
                    "step": step,
                    "model": model.state_dict(),
                    "averaged": averaged.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "source": source.state(),
                    "random": torch.get_rng_state(),
                    "settings": asdict(settings),
                }
                _save(state, _checkpoint(out))
                saved_at = time.monotonic()
    model.load_state_dict(averaged.module.state_dict())


def _groups(model: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    if not isinstance(model, LandmarkNetwork):
        return [{"params": list(model.parameters()), "highest": settings.learning_rate}]
    return [
        {"params": list(model.network.parameters()), "highest": settings.learning_rate},
        {"params": list(model.encoder.parameters()), "highest": settings.learning_rate * settings.encoder_rate},
    ]


def _schedule(part: float) -> float:
    warm = min(part / 0.05, 1.0)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))


def _save(state: dict[str, Any], path: Path) -> None:
    """Never half a checkpoint."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)  # noqa: PTH105
