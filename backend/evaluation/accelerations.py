"""Where ACC-ERR comes from: accelerations across the line of sight, which the picture shows, and those along it.

    python -m backend.evaluation.accelerations --motions FOLDERS [--sequences N]

An answer that stands still has the truth's own accelerations as its error. One that saw every acceleration across the
line of sight exactly and none along it would have no more and no less than what it has along it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.argument_types import count
from backend.models import PER_FRAME, choose_network
from backend.text_table import aligned
from backend.training.motions import load_library
from backend.user_errors import told_in_one_line

from . import simulated
from .answers import answers, true_shape
from .held_out import held_out_sequences
from .metrics import acceleration_error
from .rivals import FAIR
from .scores import as_captured
from .simulated import about_hips
from .workers import one_thread, side_by_side

Floats = NDArray[np.floating[Any]]

STILL = "standing still"
#: Camera axes (OpenCV) that count.
PARTS = {"all": (1.0, 1.0, 1.0), "across": (1.0, 1.0, 0.0), "along": (0.0, 0.0, 1.0)}


def parts_of_error(joints: Floats, truth: Floats, observed: NDArray[np.bool_]) -> dict[str, float]:
    """ACC-ERR, mm/frame², in all, across and along the camera's axis.

    Args:
        joints: (T, 12, 3) metres, camera axes.
        truth: likewise.
        observed: (T,) frames that count.
    """
    centred, true = about_hips(joints), about_hips(truth)
    return {name: acceleration_error(centred * axes, true * axes, observed) for name, axes in PARTS.items()}


def measured(network: str, sequence: simulated.Sequence) -> dict[str, dict[str, float]]:
    """The parts of the error of what moves not at all, of the rivals, and of what a capture gives."""
    truth, observed = true_shape(sequence), sequence.track.observed
    found = {STILL: parts_of_error(np.zeros_like(truth.joints), truth.joints, observed)}
    chosen = {FAIR, as_captured(PER_FRAME.name), as_captured(network)}
    for name, shape in answers([network], sequence, truth):
        if name in chosen:
            found[name] = parts_of_error(shape.joints, truth.joints, observed)
    return found


def table(found: Sequence[dict[str, dict[str, float]]]) -> str:
    """Means over all sequences."""
    names = list(dict.fromkeys(name for each in found for name in each))
    means = {
        name: [float(np.nanmean([each[name][part] for each in found if name in each])) for part in PARTS]
        for name in names
    }
    return aligned(
        [["ACC-ERR, mm/frame²", *PARTS], *([name, *map("{:.1f}".format, row)] for name, row in means.items())]
    )


@told_in_one_line
def main() -> int:
    """Prints the parts of the error on held-out motion."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.accelerations", description=main.__doc__)
    parser.add_argument("--motions", type=Path, nargs="+", required=True)
    parser.add_argument("--sequences", type=count, default=60)
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1)
    parsed = parser.parse_args()
    drawn = held_out_sequences(load_library(parsed.motions), parsed.sequences, 0)
    tasks = [(choose_network("auto"), sequence) for _, sequence in drawn]
    print(table(side_by_side("sequences", measured, tasks, one_thread, parsed.workers)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
