"""What the slider and the filters are tried on: captured sequences whose truth is known.

Motion of the library is seen through the simulated detector; rendered clips are seen through the real one. Each
sequence is captured in several ways (eyes): by the networks with the fit, as ``limber capture`` does it by default, by
the networks alone, by the fit alone, and by a fit to which time means nothing, which is as jittery as answers to single
pictures are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.features.initial_pose import BodyInCamera, FitSettings
from backend.models import PER_FRAME
from backend.training.motions import Library
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion

from . import renders, simulated
from .held_out import held_out_sequences
from .simulated import about_hips, shared
from .solutions import answered, embedded_body, fitted, in_camera_motion, set_right
from .workers import one_thread, side_by_side

Floats = NDArray[np.floating[Any]]

#: A fit to which time means nothing.
FRAME_BY_FRAME = FitSettings(angular_acceleration=1e6, acceleration=(1e6, 1e6))


@dataclass(frozen=True, eq=False)
class Seen:
    """A captured sequence and its truth.

    Attributes:
        motion: raw; its world is the camera.
        truth: (T, 12, 3) metres, the shared joints in the camera's axes.
    """

    motion: Motion
    truth: Floats

    @property
    def speed(self) -> float:
        """Of the truth's joints about the hips, metres per second."""
        moved = np.diff(about_hips(self.truth), axis=0) / np.diff(self.motion.timestamps_s)[:, None, None]
        return float(np.linalg.norm(moved, axis=-1).mean())


@dataclass(frozen=True)
class Collection:
    """What one eye made of one source.

    Attributes:
        learning: sequences from which a filter may learn; none if nothing is to be learned.
        tuning: others, by which filters' constants are chosen.
        measured: others again, by which everything is judged.
    """

    learning: list[Seen]
    tuning: list[Seen]
    measured: list[Seen]


def in_simulation(
    library: Library, networks: Sequence[str], counts: tuple[int, int, int], seed: int, workers: int
) -> dict[str, Collection]:
    """Motion of the library through the simulated detector, by each eye.

    Args:
        library: its train part is learned from, its validation part tunes, its test part is measured on.
        networks: names.
        counts: of sequences of the three parts, at least: every act has the same number.
        seed: the same seed draws the same sequences.
        workers: processes.
    """
    parts = ("train", "validation", "test")
    drawn = [
        [sequence for _, sequence in held_out_sequences(library, count, seed, part=part)] if count else []
        for part, count in zip(parts, counts, strict=True)
    ]
    return _collections("sequences", drawn, networks, workers)


def in_films(paths: Sequence[Path], networks: Sequence[str], workers: int) -> dict[str, Collection]:
    """Clips of :mod:`backend.evaluation.renders`, seen by the real detector, by each eye. Every second one tunes.

    Raises:
        LimberError: if there are not two films in which somebody was found, one that tunes and one that is measured.
    """
    films = [film.sequence() for film in map(renders.load_film, paths) if film.track is not None]
    if len(films) < 2:
        raise LimberError(f"Somebody was found in {len(films)} of the films. At least two of them are needed.")
    return _collections("films", [[], films[1::2], films[0::2]], networks, workers)


def _collections(
    what: str, parts: list[list[simulated.Sequence]], networks: Sequence[str], workers: int
) -> dict[str, Collection]:
    tasks = [(sequence, tuple(networks)) for part in parts for sequence in part]
    rows = iter(side_by_side(what, _by_each_eye, tasks, one_thread, workers))
    seen = [[next(rows) for _ in part] for part in parts]
    return {eye: Collection(*([row[eye] for row in part] for part in seen)) for eye in eyes(networks)}


def eyes(networks: Sequence[str]) -> list[str]:
    """By what each sequence is captured; the default first."""
    by_network = [eye for name in networks for eye in (f"{name}, fitted", name)]
    return [*by_network, PER_FRAME.name, f"{PER_FRAME.name}, without time"]


def _by_each_eye(sequence: simulated.Sequence, networks: Sequence[str]) -> dict[str, Seen]:
    repaired = set_right(sequence)

    def seen(found: BodyInCamera) -> Seen:
        return Seen(in_camera_motion(found, sequence.track, sequence.K, embedded_body()), shared(sequence.joints))

    found = []
    for answer in (answered(name, repaired) for name in networks):
        found += [fitted(repaired, answer), answer]
    found += [fitted(repaired), fitted(repaired, settings=FRAME_BY_FRAME)]
    return dict(zip(eyes(networks), map(seen, found), strict=True))
