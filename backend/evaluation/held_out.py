"""Answers on motion that no network has learned from, seen through the simulated detector.

Each act of a part of the library has as many sequences as any other, so that walking does not outweigh crawling:
of the test part as a rule, of the validation part where something is chosen. Everybody is given the same landmarks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from backend.body import TorchBody, limber_body
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.training.detector import DetectorErrors
from backend.training.examples import ExampleSource, Variety
from backend.training.motions import Library
from backend.training.variety import UNSTRETCHED_MOTION

from . import simulated
from .answers import scored
from .scores import Row
from .simulated import sequences
from .workers import one_thread, side_by_side

#: Library motion as it is, at 30 frames per second: what is measured must not depend on what training stretches. The
#: detector always has 3D, as it has on footage but for moments.
UNSTRETCHED = Variety(motion=UNSTRETCHED_MOTION, detector=DetectorErrors(without_world=0.0))
WITHOUT_3D = replace(UNSTRETCHED, detector=DetectorErrors(without_world=1.0))
FRAMES = 90


def evaluate_held_out(
    library: Library,
    networks: Sequence[str],
    count: int,
    seed: int,
    workers: int,
    frames: int = FRAMES,
    seen: Variety = UNSTRETCHED,
    part: str = "test",
) -> list[Row]:
    """Every answer's scores on every sequence.

    Args:
        library: of motion.
        networks: names; each is asked alone, then with the fit, then smoothed by the default amount.
        count: of sequences, at least; every act has the same number.
        seed: the same seed draws the same sequences.
        workers: processes.
        frames: of each sequence.
        seen: how the motion is filmed and detected.
        part: of the library, ``test`` or ``validation``.
    """
    tasks = [
        (tuple(networks), act, number, sequence)
        for number, (act, sequence) in enumerate(held_out_sequences(library, count, seed, frames, seen, part))
    ]
    return [row for rows in side_by_side("sequences", scored, tasks, one_thread, workers) for row in rows]


def held_out_sequences(
    library: Library, count: int, seed: int, frames: int = FRAMES, seen: Variety = UNSTRETCHED, part: str = "test"
) -> Iterator[tuple[str, simulated.Sequence]]:
    """Sequences of each act of a part of the library, with its name."""
    acts = library.subjects_of(part)
    body = limber_body()
    torch_body, skin = TorchBody(body), LandmarkSkin(landmark_points(body))
    for act in acts:
        source = ExampleSource(library.clips(part, subject=act), torch_body, skin, seen, seed)
        for sequence in sequences(source, -(-count // len(acts)), frames):
            yield act, sequence
