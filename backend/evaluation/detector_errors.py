"""How the simulated detector errs beside the real one, and where that one marks bodies whose places are known.

    python -m backend.evaluation.detector_errors RENDERS --motions FOLDERS [--footage FILES]

RENDERS is a collection of ``python -m backend.evaluation.renders``, which went through the real detector. Ranges of
:class:`backend.training.detector.DetectorErrors` reach further in depth than what is measured there, because people
vary more than renders; what a network learns is wrong where they are far off. Footage has no truth, but tells
whether BlazePose's 3D agrees with its own landmarks in the picture, and a body with those.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend import placement
from backend.argument_types import count
from backend.footage import open_footage
from backend.models import choose_network
from backend.people.model_files import choose_landmarks
from backend.people.tracking import PeopleTracker
from backend.people.tracks import LANDMARK_INDEX, Track
from backend.text_table import aligned
from backend.training.detector import STANDING_M
from backend.training.motions import load_library
from backend.user_errors import told_in_one_line
from smpl_rig.errors import LimberError
from smpl_rig.skeleton import INDEX

from .agreement import table_of_agreement
from .bends import table_of_bends, table_of_bends_in_picture
from .bone_depths import errors_of
from .held_out import held_out_sequences
from .marked_points import offsets
from .renders import Film, detector_of, load_film
from .simulated import Sequence

Floats = NDArray[np.floating[Any]]

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
SEEN = 0.5


def image_errors(sequence: Sequence, limb: str) -> Floats:
    """How far landmarks of both sides lie from their joints, (2, T, 2) percent of a standing person's height.

    The mean over the clip, most of which is that a landmark lies beside its joint, is taken away. NaN where not seen.
    """
    height_px = STANDING_M * sequence.K[0, 0] / sequence.joints[:, 0, 2]
    result = []
    for side in ("left", "right"):
        projected = sequence.joints[:, INDEX[f"{side}_{limb}"]] @ sequence.K.T
        seen = sequence.track.landmarks2d[:, LANDMARK_INDEX[f"{side}_{limb}"]]
        error = (seen[:, :2] - projected[:, :2] / projected[:, 2:]) / height_px[:, None]
        result.append(np.where(seen[:, 2:] > SEEN, error, np.nan))
    errors = np.array(result)
    middle = np.full((2, 1, 2), np.nan)
    known = np.isfinite(errors[..., 0]).any(axis=1)
    middle[known] = np.nanmedian(errors[known], axis=1, keepdims=True)
    return np.asarray(100 * (errors - middle))


def world_errors(sequence: Sequence, limb: str) -> Floats:
    """How far BlazePose's 3D of both sides is from the joints, (2, T, 3) millimetres from the hips, as above."""
    hips = [INDEX["left_hip"], INDEX["right_hip"]]
    middle = sequence.joints[:, hips].mean(axis=1)
    world = sequence.track.landmarks3d
    world = world - world[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(axis=1, keepdims=True)
    errors = np.array([
        world[:, LANDMARK_INDEX[f"{side}_{limb}"]] - sequence.joints[:, INDEX[f"{side}_{limb}"]] + middle
        for side in ("left", "right")
    ])  # fmt: skip
    if not np.isfinite(errors).any():
        return errors
    return np.asarray(1000 * (errors - np.nanmedian(errors, axis=1, keepdims=True)))


def trembling(errors: Floats) -> Floats:
    """Second differences over time of errors (2, T, n)."""
    return np.diff(errors, n=2, axis=1)


def quantiles(sequences: Iterable[Sequence], limb: str) -> dict[str, float]:
    """Of the errors' sizes: half of all are smaller than ``50``, nine tenths than ``90``."""
    drawn = list(sequences)
    image = [image_errors(sequence, limb) for sequence in drawn]
    world = [world_errors(sequence, limb) for sequence in drawn if np.isfinite(sequence.track.landmarks3d).any()]
    measured = {
        "2D %": [np.linalg.norm(errors, axis=-1) for errors in image],
        "trembling 2D %": [np.linalg.norm(trembling(errors), axis=-1) for errors in image],
        "depth mm": [np.abs(errors[..., 2]) for errors in world],
        "trembling depth mm": [np.abs(trembling(errors)[..., 2]) for errors in world],
    }
    return {
        f"{name}, {part}": float(np.nanpercentile(np.concatenate([value.ravel() for value in values]), part))
        for name, values in measured.items()
        for part in (50, 90)
    }


def table(films: list[Sequence], simulated: list[Sequence]) -> str:
    """Every limb, real and simulated beside each other."""
    rows: list[list[str]] = []
    for limb in LIMBS:
        real, drawn = quantiles(films, limb), quantiles(simulated, limb)
        rows = rows or [["real / simulated", *real]]
        rows.append([limb, *(f"{real[name]:.1f} / {drawn[name]:.1f}" for name in real)])
    return aligned(rows)


def table_of_bones(films: list[Sequence], simulated: list[Sequence]) -> str:
    """Of each bone what part of its depth its 3D keeps, and what is added to it, real and simulated."""
    real, drawn = errors_of(films), errors_of(simulated)
    rows = [["bone to, real / simulated", "keeps of its depth", "added, mm", "stays by clip, mm", "wanders, mm"]]
    for name, told in real.items():
        pairs = zip(vars(told).values(), vars(drawn[name]).values(), strict=True)
        (kept, also), *lengths = pairs
        rows.append([name, f"{kept:.2f} / {also:.2f}", *(f"{1000 * a:.0f} / {1000 * b:.0f}" for a, b in lengths)])
    return aligned(rows)


def table_of_offsets(films: list[Film]) -> str:
    """How far landmarks are marked from where ``landmark_points`` expects them, millimetres on the resting body."""
    rows = [["marked beside, mm", "outwards", "up", "ahead"]]
    for part, offset in offsets(films).items():
        rows.append([part, *(f"{1000 * value:.0f}" for value in offset)])
    return aligned(rows)


def _tracks(video: Path, detector: str) -> list[tuple[Track, Floats]]:
    """Everybody in it, with the camera that a user would get."""
    tracker, footage = PeopleTracker(detector=detector), open_footage(video)
    for frame in footage.frames():
        tracker.add(frame)
    K = placement.intrinsics((footage.width, footage.height))
    return [(track, K) for track in tracker.finish()]


@told_in_one_line
def main() -> int:
    """Prints how much the real and the simulated detector err."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.detector_errors", description=main.__doc__)
    parser.add_argument("renders", type=Path, help="a folder made by python -m backend.evaluation.renders")
    parser.add_argument("--motions", type=Path, nargs="+", required=True)
    parser.add_argument("--sequences", type=count, default=60)
    parser.add_argument("--footage", type=Path, nargs="+", default=[], help="videos of people")
    parser.add_argument("--workers", type=count, default=os.cpu_count() or 1)
    parsed = parser.parse_args()
    films = [film for path in sorted(parsed.renders.glob("*.npz")) if (film := load_film(path)).track is not None]
    if not films:
        raise LimberError(f"{parsed.renders} holds no film in which somebody was found.")
    # the detector's errors are asked for, not those of a guessed focal length
    sequences = [replace(film.sequence(), K=film.intrinsics) for film in films]
    library = load_library(parsed.motions)
    simulated = [sequence for _, sequence in held_out_sequences(library, parsed.sequences, 0)]
    kinds = {"films": sequences, "simulated": simulated}
    seen = {kind: [(each.track, each.K) for each in found] for kind, found in kinds.items()}
    if parsed.footage:
        detector = choose_landmarks(detector_of(parsed.renders))  # landmark models err each in its own way
        seen |= {path.name: _tracks(path, detector) for path in parsed.footage}
    tracks = {kind: [track for track, _ in found] for kind, found in seen.items()}
    tables = (table(sequences, simulated), table_of_bends(sequences, simulated), table_of_bends_in_picture(tracks))
    print(*tables, table_of_bones(sequences, simulated), table_of_offsets(films), sep="\n\n")
    print("\n" + table_of_agreement(seen, choose_network("auto"), parsed.workers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
