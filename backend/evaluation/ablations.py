"""What each choice is worth: MPS-Net as it ships goes on learning with one thing changed at a time, with several seeds.

    python -m backend.evaluation.ablations OUT --motions FOLDERS [--seeds N] [--steps N]

The first row goes on with nothing changed. What is taken away is learned to be done without in a few hundred steps; a
network that never had it might do a little better or worse.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from backend.argument_types import count
from backend.json_reports import write_json
from backend.machine import machine
from backend.models.affinity import affinity_map, self_similarity_map
from backend.models.estimation import LandmarkNetwork
from backend.models.frame_features import Estimate
from backend.models.mps_net import CURRENT, LANDMARK, LENGTH, MoCA, MPSNet
from backend.models.temporal_network import Frames, TemporalNetwork
from backend.models.weights import load_network
from backend.text_table import aligned
from backend.training.chance import Range
from backend.training.detector import DetectorErrors
from backend.training.examples import Variety
from backend.training.lessons import NetworkLesson
from backend.training.motions import load_library
from backend.training.objective import DirectWeights
from backend.training.recipes import RECIPES, STEADY, STEADYING_RATE, School
from backend.training.train import train
from backend.training.variety import MotionVariety
from backend.user_errors import told_in_one_line

from . import simulated
from .held_out import UNSTRETCHED, WITHOUT_3D, held_out_sequences
from .solutions import answered_by, set_right, shared_joints
from .workers import one_thread, side_by_side

NETWORK = "mps-net"
SEQUENCES = 30


class ShortSighted(MPSNet):
    """MPS-Net that sees no more than ``reach`` frames to either side, as with a shorter window."""

    def __init__(self, reach: int) -> None:
        super().__init__(LANDMARK)
        self._reach = reach

    def over_window(self, frames: Frames) -> Estimate:
        near = (torch.arange(LENGTH, device=frames.observed.device) - CURRENT).abs() <= self._reach
        return super().over_window(replace(frames, observed=frames.observed & near))


class PlainAttention(MoCA):
    """Attention that self-similarity does not guide, as in a non-local block."""

    def forward(
        self, X: Tensor, theta: Tensor, phi: Tensor, g: Tensor, visible: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        attention = affinity_map(theta, phi, visible)
        return self.W_z(attention @ g) + X, {"attention map": attention}


class SelfSimilarity(MoCA):
    """Self-similarity alone, without attention."""

    def forward(
        self, X: Tensor, theta: Tensor, phi: Tensor, g: Tensor, visible: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        nssm = self_similarity_map(X, visible)
        return self.W_z(nssm @ g) + X, {"NSSM": nssm}


def mps_net(moca: type[MoCA] = MoCA) -> MPSNet:
    """The compact MPS-Net with another attention."""
    network = MPSNet(LANDMARK)
    network.moca = moca(LANDMARK.features, LANDMARK.reduction)
    # what an attention does not use must not be there to be learned
    unused = {PlainAttention: ("rho",), SelfSimilarity: ("rho", "theta", "phi")}.get(moca, ())
    for name in unused:
        setattr(network.moca, name, nn.Identity())
    return network


def wider(errors: DetectorErrors, factor: float) -> DetectorErrors:
    """A detector that errs so many times as much in the picture and in its 3D."""

    def times(between: Range) -> Range:
        return factor * between[0], factor * between[1]

    return replace(
        errors,
        image_bias=times(errors.image_bias),
        image_wander=times(errors.image_wander),
        image_jitter=times(errors.image_jitter),
        mistake=times(errors.mistake),
        leaning=times(errors.leaning),
        swaying=times(errors.swaying),
        legs_lean=times(errors.legs_lean),
        world_bias_m=times(errors.world_bias_m),
        world_wander_m=times(errors.world_wander_m),
        world_jitter_m=times(errors.world_jitter_m),
    )


@dataclass(frozen=True)
class Change:
    """What is done otherwise than for the first row.

    Attributes:
        build: makes the network.
        variety: what it learns from.
        direct: what is asked of joints beside the paper's losses.
    """

    build: Callable[[], TemporalNetwork] = mps_net
    variety: Variety = field(default_factory=Variety)
    direct: DirectWeights = STEADY


METRICS = ("pa_mpjpe", "mpjpe", "acc_err")
_USUAL = DetectorErrors()
CHANGES: Mapping[str, Change] = MappingProxyType(
    {
        "nothing": Change(),
        "window of 1 frame": Change(lambda: ShortSighted(0)),
        "window of 5 frames": Change(lambda: ShortSighted(2)),
        "window of 9 frames": Change(lambda: ShortSighted(4)),
        "plain attention": Change(lambda: mps_net(PlainAttention)),
        "self-similarity only": Change(lambda: mps_net(SelfSimilarity)),
        "detector errs half as much": Change(variety=Variety(detector=wider(_USUAL, 0.5))),
        "detector errs twice as much": Change(variety=Variety(detector=wider(_USUAL, 2.0))),
        "always with 3D": Change(variety=Variety(detector=replace(_USUAL, without_world=0.0))),
        "never with 3D": Change(variety=Variety(detector=replace(_USUAL, without_world=1.0))),
        "few poses put together": Change(variety=Variety(motion=replace(MotionVariety(), posed=0.1))),
        "acceleration not asked": Change(direct=DirectWeights()),
    }
)


def run(name: str, seed: int, steps: int, motions: tuple[Path, ...], out: Path) -> dict[str, float]:
    """Trains with one change and measures; the result is kept in ``out``.

    Returns:
        Mean PA-MPJPE, MPJPE and ACC-ERR of the network by itself, and with ``, no 3D`` behind the name those where the
        detector has no 3D.
    """
    folder = out / f"{name.replace(' ', '_')}-{steps}-{seed}"
    kept = folder / "errors.json"
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    change, device = CHANGES[name], torch.device("cpu")
    library = load_library(motions)
    school = School(library.clips("train"), device)
    network = changed(load_network(NETWORK, device), change.build())
    # the running mean of a short run must not remember how it began
    settings = replace(
        RECIPES[NETWORK],
        steps=steps,
        clips=12,
        seed=seed,
        learning_rate=RECIPES[NETWORK].learning_rate * STEADYING_RATE,
        averaged=0.99,
    )
    lesson = NetworkLesson(network, NETWORK, school.body, settings.frames_out, change.direct)
    train(lesson, school.source(seed, 4, change.variety), settings, folder, device)
    network.eval()
    errors: dict[str, float] = {}
    for seen, told in ((UNSTRETCHED, ""), (WITHOUT_3D, ", no 3D")):
        rows = [
            simulated.score(shared_joints(answered_by(network, set_right(sequence))), sequence)
            for _, sequence in held_out_sequences(library, SEQUENCES, 0, seen=seen)
        ]
        errors |= {metric + told: float(np.nanmean([row[metric] for row in rows])) for metric in METRICS}
    write_json(kept, errors)
    return errors


def changed(trained: LandmarkNetwork, network: TemporalNetwork) -> LandmarkNetwork:
    """``network`` with what it shares with a trained one, and the trained one's encoder."""
    known = trained.network.state_dict()
    network.load_state_dict({name: known[name] for name in network.state_dict()})
    return LandmarkNetwork(trained.encoder, network).train()


def table(found: Mapping[str, list[dict[str, float]]]) -> str:
    """Means over the seeds, and their standard deviation."""
    metrics = list(next(iter(found.values()))[0])
    rows = [("changed", *metrics)]
    for name, errors in found.items():
        values = [np.array([each[metric] for each in errors]) for metric in metrics]
        spread = [
            f"{value.mean():.1f} ± {value.std(ddof=1):.1f}" if len(value) > 1 else f"{value[0]:.1f}" for value in values
        ]
        rows.append((name, *spread))
    return aligned(rows)


@told_in_one_line
def main() -> int:
    """Trains and measures every change with every seed, and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.ablations", description=main.__doc__)
    parser.add_argument("out", type=Path, help="of the runs; what is there already is not trained again")
    parser.add_argument("--motions", type=Path, nargs="+", required=True)
    parser.add_argument("--changes", nargs="+", choices=list(CHANGES), default=list(CHANGES), metavar="NAME")
    parser.add_argument("--seeds", type=count, default=3)
    parser.add_argument("--steps", type=count, default=200)
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    parsed = parser.parse_args()
    tasks = [
        (name, seed, parsed.steps, tuple(parsed.motions), parsed.out)
        for seed in range(parsed.seeds)
        for name in parsed.changes
    ]
    results = side_by_side("runs", run, tasks, one_thread, parsed.workers)
    found = {
        name: [errors for task, errors in zip(tasks, results, strict=True) if task[0] == name]
        for name in parsed.changes
    }
    print(table(found))
    if parsed.json:
        settings = {"network": NETWORK, "steps": parsed.steps, "sequences": SEQUENCES, "machine": machine()}
        write_json(parsed.json, {**settings, "errors": found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
