"""``python -m backend.evaluation.fit_weights``: whether each weight of the per-frame fit is near its best.

Every weight is halved and doubled by itself, on films seen by the real detector and on simulated motions, and the
errors are printed beside those of the weights that are in use. A change is worth making if both agree.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.body import TorchBody, limber_body
from backend.features.initial_pose import FitSettings
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.training.examples import ExampleSource, Variety
from backend.training.motions import load_library
from backend.training.variety import Clips
from backend.user_errors import told_in_one_line

from .renders import load_film
from .scenes import FRAME_RATE, MOTIONS
from .simulated import Sequence, score, sequences
from .solutions import fitted, set_right, shared_joints
from .workers import one_thread, side_by_side

#: What is varied: how much each kind of evidence is believed.
WEIGHTS = ("image", "world", "world_weight", "usual", "angular_acceleration", "acceleration", "beta")
ERRORS = ("pa_mpjpe", "mpjpe", "acc_err")


def varied(weights: tuple[str, ...], factors: tuple[float, ...]) -> dict[str, FitSettings]:
    """The settings in use, and those with one weight multiplied."""
    usual = FitSettings()
    settings = {"in use": usual}
    for name in weights:
        for factor in factors:
            value: Any = getattr(usual, name)
            scaled: dict[str, Any] = {
                name: tuple(factor * part for part in value) if isinstance(value, tuple) else factor * value
            }
            settings[f"{name} x {factor:g}"] = replace(usual, **scaled)
    return settings


def simulated(clips: Clips, count: int, seconds: float, seed: int) -> list[Sequence]:
    """Sequences of library motion seen by the simulated detector."""
    body = limber_body()
    variety = replace(Variety(), motion=MOTIONS)
    skin = LandmarkSkin(landmark_points(body))
    source = ExampleSource(clips, TorchBody(body), skin, variety, seed)
    return list(sequences(source, count, round(seconds * FRAME_RATE)))


def rendered(folder: Path, count: int) -> list[Sequence]:
    """Sequences of films that :mod:`.renders` has made."""
    films = (load_film(path) for path in sorted(folder.glob("clip_*.npz"))[:count])
    return [film.sequence() for film in films if film.track is not None]


def _errors(sequence: Sequence, settings: FitSettings) -> list[float]:
    row = score(shared_joints(fitted(set_right(sequence), settings=settings)), sequence)
    return [row[error] for error in ERRORS]


@told_in_one_line
def main() -> int:
    """Varies the weights of the per-frame fit, one at a time, and prints the errors."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.fit_weights", description=main.__doc__)
    parser.add_argument("--renders", type=Path, help="folder of films made by backend.evaluation.renders")
    parser.add_argument("--motions", type=Path, nargs="+", help="folders of motion for simulated sequences")
    parser.add_argument("--count", type=int, default=40, help="sequences of each kind")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a simulated sequence")
    parser.add_argument("--weights", nargs="+", choices=WEIGHTS, default=WEIGHTS)
    parser.add_argument("--factors", nargs="+", type=float, default=(0.5, 2.0))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parsed = parser.parse_args()
    kinds = {}
    if parsed.renders:
        kinds["renders"] = rendered(parsed.renders, parsed.count)
    if parsed.motions:
        kinds["simulated"] = simulated(
            load_library(parsed.motions).clips("test"), parsed.count, parsed.seconds, parsed.seed
        )
    settings = varied(tuple(parsed.weights), tuple(parsed.factors))
    tasks = [(one, chosen) for chosen in settings.values() for given in kinds.values() for one in given]
    errors = iter(side_by_side("fits", _errors, tasks, one_thread, parsed.workers))
    print(f"{'PA-MPJPE, MPJPE, ACC-ERR':<30}" + "".join(f"{f'{name} ({len(kinds[name])})':>30}" for name in kinds))
    for name in settings:
        print(f"{name:<30}", end="")
        for given in kinds.values():
            means = np.nanmean([next(errors) for _ in given], axis=0)
            print("".join(f"{mean:10.1f}" for mean in means), end="")
        print(flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
