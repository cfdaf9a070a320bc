"""Answers on public datasets, for whoever has them: ``limber evaluate dataset``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import limber_body
from backend.capture import CaptureSettings, pose_finder
from backend.features.initial_pose import BodyInCamera
from backend.features.swaps import repair_swaps
from backend.json_reports import known
from backend.machine import machine
from backend.models import PER_FRAME
from backend.people.model_files import AUTO
from backend.placement import intrinsics
from backend.text_table import aligned
from smpl_rig import rotations

from . import rivals
from .datasets import emdb, human36m, mpi_inf_3dhp, pose2sim, threedpw
from .datasets.filmed import DatasetError, FilmedPerson, Posed
from .licensed import LicensedFiles
from .protocol import PROTOCOLS, UNLICENSED, Errors, Protocol, Shape, shape_of, truth_of
from .scores import METRICS
from .watching import Seen, stretched, watch

Floats = NDArray[np.floating[Any]]

READERS: Mapping[str, Callable[[Path], Iterator[FilmedPerson]]] = MappingProxyType(
    {
        "3dpw": threedpw.read,
        "emdb": emdb.read,
        "mpi-inf-3dhp": mpi_inf_3dhp.read,
        "human36m": human36m.read,
        "pose2sim": pose2sim.read,
    }
)
_COLUMNS = {"frames": "frames", "seen": "seen %"} | {
    name: METRICS[name] for name in ("pa_mpjpe", "mpjpe", "pve", "acc_err", "pck", "auc")
}

#: Is told the name of the person who is next.
Told = Callable[[str], None]


def people_of(kind: str, folder: Path) -> Iterator[FilmedPerson]:
    """Reads a dataset.

    Raises:
        DatasetError: if there is no such kind of dataset, or a file of it is not what it should be.
    """
    if kind == "amass":
        raise DatasetError(f"AMASS has no images. Simulate them: limber evaluate simulated --motions {folder}.")
    if kind not in READERS:
        raise DatasetError(f"Dataset '{kind}' is unknown. Choose one of {', '.join(READERS)}.")
    return READERS[kind](folder)


def evaluate_dataset(
    kind: str,
    people: Iterable[FilmedPerson],
    licensed: LicensedFiles | None,
    networks: Sequence[str],
    device: torch.device,
    told: Told,
    detector: str = AUTO,
) -> dict[str, dict[str, Any]]:
    """The figures of each answer, see :meth:`.protocol.Errors.summary`.

    Args:
        kind: of dataset, one of :data:`READERS`.
        people: what its reader read.
        licensed: SMPL's files; None scores the embedded body on the joints that everybody shares.
        networks: names of those that are asked beside the per-frame solver.
        device: where they run.
        told: of progress.
        detector: which landmark model looks at the people.

    Raises:
        LimberError: if images or licensed files are missing, or are not what they should be.
    """
    protocol = UNLICENSED if licensed is None else PROTOCOLS[kind]
    names = ([rivals.RAW, rivals.FAIR] if licensed is None else []) + [PER_FRAME.name]
    names += [f"{name}{', fitted' * fit}" for name in networks for fit in (False, True)]
    errors = {name: Errors() for name in names}
    for person in people:
        told(person.name)
        truth = truth_of(person, protocol, licensed)
        for answer in errors.values():
            answer.wanted += int(person.valid.sum())
        for seen in watch(person, detector):
            for name, shape in _answers(seen, protocol, licensed, networks, device):
                errors[name].add(person.actions[seen.stretch], *stretched(shape, seen, truth), protocol)
    return {name: answer.summary(protocol) for name, answer in errors.items()}


def _answers(
    seen: Seen, protocol: Protocol, licensed: LicensedFiles | None, networks: Sequence[str], device: torch.device
) -> Iterator[tuple[str, Shape]]:
    # the lens is not told, as it is not when somebody captures
    K = intrinsics((seen.footage.width, seen.footage.height))
    if licensed is None:
        yield rivals.RAW, Shape(rivals.shared_landmarks(rivals.raw(seen.track)))
        yield rivals.FAIR, Shape(rivals.shared_landmarks(rivals.fair(seen.track)))
    body = limber_body() if licensed is None else licensed.body("neutral")
    body_file = None if licensed is None else licensed.body_file("neutral")
    repaired, trusted_3d = repair_swaps(seen.track)
    asked = [(PER_FRAME.name, PER_FRAME.name, True)]
    asked += [(f"{name}{', fitted' * fit}", name, fit) for name in networks for fit in (False, True)]
    for name, network, fit in asked:
        find_pose = pose_finder(network, CaptureSettings(fit=fit, body=body_file), seen.footage, body, K, device)
        found = find_pose(repaired, trusted_3d, lambda _fraction: None)
        yield name, shape_of(_posed(found), body, protocol, licensed)


def _posed(found: BodyInCamera) -> Posed:
    return Posed("neutral", found.betas, rotations.from_matrix(found.rotations.astype(np.float64)))


def table(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each answer: millimetres, mm/frame^2 and percent."""
    lines = [["answer", *_COLUMNS.values()]]
    for name, row in figures.items():
        lines.append([name, *(_shown(row[column]) for column in _COLUMNS)])
    return aligned(lines, range(1, len(lines[0])))


def _shown(figure: float) -> str:
    if isinstance(figure, int):
        return str(figure)
    return f"{figure:.1f}" if np.isfinite(figure) else ""


def report(kind: str, licensed: LicensedFiles | None, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All figures as JSON values, with what was compared; what cannot be told is null."""
    protocol = UNLICENSED if licensed is None else PROTOCOLS[kind]
    return {
        "machine": machine(),
        "dataset": kind,
        "protocol": vars(protocol),
        "answers": known(figures),
    }
