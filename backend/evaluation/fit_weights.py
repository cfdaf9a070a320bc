"""``python -m backend.evaluation.fit_weights``: whether each weight of the fit is near its best.

Every weight is halved and doubled by itself, on films seen by the real detector and on simulated motions of the
library's validation part, and the errors are printed beside those of the weights that are in use. A change is worth
making if both agree. From a network's answer, the fit also tells the shape itself once, which it keeps otherwise.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.argument_types import count, seed
from backend.features.initial_pose import FitSettings
from backend.models import PER_FRAME, choose_network
from backend.text_table import aligned
from backend.training.motions import load_library
from backend.user_errors import told_in_one_line
from smpl_rig.errors import LimberError

from . import simulated
from .held_out import held_out_sequences
from .renders import load_film
from .simulated import score
from .solutions import answered, fitted, fitted_with_own_shape, set_right, shared_joints
from .workers import one_thread, side_by_side

#: What is varied, how much each kind of evidence is believed: in any fit, in one from a network's answer, in one alone.
SHARED = ("image", "world", "world_weight", "angular_acceleration", "acceleration")
FROM_ANSWER = ("guess_joints", "guess_rotations")
ALONE = ("usual", "beta")
ERRORS = ("pa_mpjpe", "mpjpe", "acc_err")
OWN_SHAPE = "shape told by the fit"


def weights_of(network: str) -> tuple[str, ...]:
    """The weights of the fit from a network's answer, or of the fit alone."""
    return SHARED + (ALONE if network == PER_FRAME.name else FROM_ANSWER)


def varied(weights: Sequence[str], factors: Sequence[float]) -> dict[str, FitSettings]:
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


def rendered(folder: Path, count: int) -> list[simulated.Sequence]:
    """Sequences of films that :mod:`.renders` has made."""
    films = (load_film(path) for path in sorted(folder.glob("clip_*.npz"))[:count])
    return [film.sequence() for film in films if film.track is not None]


def errors(sequence: simulated.Sequence, network: str, settings: Sequence[FitSettings]) -> NDArray[np.float64]:
    """(S, 3) the ``ERRORS`` of a fit with each of the settings; (S + 1, 3) from a network, ``OWN_SHAPE`` the last."""
    seen = set_right(sequence)
    guess = None if network == PER_FRAME.name else answered(network, seen)
    found = [fitted(seen, guess, chosen) for chosen in settings]
    found += [fitted_with_own_shape(seen, guess)] if guess else []
    rows = [score(shared_joints(body), sequence) for body in found]
    return np.array([[row[error] for error in ERRORS] for row in rows])


def table(settings: Sequence[str], kinds: dict[str, NDArray[np.float64]]) -> str:
    """The mean errors, and by how much PA-MPJPE differs from the first's with its standard error.

    Args:
        settings: names, S.
        kinds: errors (N, S, 3) of sequences of each kind.
    """
    header = ["PA-MPJPE / MPJPE / ACC-ERR"]
    columns: list[list[str]] = [list(settings)]
    for kind, found in kinds.items():
        header += [f"{len(found)} {kind}", "PA-MPJPE differs"]
        change = found[..., 0] - found[:, :1, 0]  # (N, S)
        uncertain = change.std(axis=0) / len(found) ** 0.5
        columns.append([" / ".join(f"{mean:.1f}" for mean in means) for means in found.mean(axis=0)])
        columns.append([f"{mean:+.1f} ± {by:.1f}" for mean, by in zip(change.mean(axis=0), uncertain, strict=True)])
    return aligned([header, *(list(row) for row in zip(*columns, strict=True))])


@told_in_one_line
def main() -> int:
    """Varies the weights of the fit, one at a time, and prints the errors in millimetres."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.fit_weights", description=main.__doc__)
    parser.add_argument("--renders", type=Path, help="folder of films made by backend.evaluation.renders")
    parser.add_argument("--motions", type=Path, nargs="+", help="folders of motion for simulated sequences")
    parser.add_argument("--network", default="auto", help="whose answer is fitted; per-frame for the fit alone")
    parser.add_argument("--count", type=count, default=40, help="sequences of each kind")
    parser.add_argument("--weights", nargs="+", choices=SHARED + FROM_ANSWER + ALONE, help="default: all that count")
    parser.add_argument("--factors", nargs="+", type=float, default=(0.5, 2.0))
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1)
    parsed = parser.parse_args()
    network = choose_network(parsed.network)
    kinds: dict[str, list[simulated.Sequence]] = {}
    if parsed.renders:
        kinds["films"] = rendered(parsed.renders, parsed.count)
    if parsed.motions:
        drawn = held_out_sequences(load_library(parsed.motions), parsed.count, parsed.seed, part="validation")
        kinds["simulated"] = [sequence for _, sequence in drawn]
    if not any(kinds.values()):
        raise LimberError(
            "There is nothing to fit. Name --renders with films in which somebody was found, or --motions."
        )
    settings = varied(parsed.weights or weights_of(network), parsed.factors)
    tasks = [(one, network, list(settings.values())) for given in kinds.values() for one in given]
    found = iter(side_by_side("fits", errors, tasks, one_thread, parsed.workers))
    names = [*settings, *([] if network == PER_FRAME.name else [OWN_SHAPE])]
    print(table(names, {kind: np.array([next(found) for _ in given]) for kind, given in kinds.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
