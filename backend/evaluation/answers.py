"""All answers about a sequence, asked from the same landmarks, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.features.initial_pose import BodyInCamera
from backend.models import PER_FRAME, TOGETHER, choose_network, weights_file
from backend.models.estimation import once
from backend.models.weights import LANDMARK_NETWORKS
from smpl_rig.body import skin
from smpl_rig.motion import Motion
from smpl_rig.refine import refine
from smpl_rig.rotations import from_matrix

from . import simulated
from .metrics import pve
from .protocol import Shape
from .rivals import FAIR, RAW
from .scores import TRUTH, Row, as_captured, asked_once
from .simulated import blazepose, blazepose_repaired, errors_by_joint, middle_of_hips, score, shared
from .solutions import answered, embedded_body, fitted, in_camera_motion, set_right, shared_joints

Floats = NDArray[np.floating[Any]]


def networks_to_measure(names: Sequence[str] | None) -> list[str]:
    """The networks to measure beside the per-frame solver: those that are named, else all that have weights.

    Raises:
        NetworkError: if a name is unknown, or a network has no weights.
    """
    if names is None:
        alone = [name for name in LANDMARK_NETWORKS if weights_file(name).is_file()]
        return [*alone, TOGETHER.name] if TOGETHER.ready else alone
    return [name for name in dict.fromkeys(map(choose_network, names)) if name != PER_FRAME.name]


def scored(networks: Sequence[str], act: str, number: int, sequence: simulated.Sequence) -> list[Row]:
    """A row for each answer, the truth's first.

    Args:
        networks: names; each is asked alone, without the mirror image, fitted, and smoothed by the default amount.
        act: what is done in the sequence.
        number: of the sequence.
        sequence: landmarks and truth.
    """
    truth = true_shape(sequence)
    return [row_of(act, number, name, shape, truth, sequence) for name, shape in answers(networks, sequence, truth)]


def answers(networks: Sequence[str], sequence: simulated.Sequence, truth: Shape) -> Iterator[tuple[str, Shape]]:
    """The shared joints (T, 12, 3) and the vertices, if there is a body, of every answer; BlazePose's if it has 3D."""
    yield TRUTH, truth
    if np.isfinite(sequence.track.landmarks3d).any():
        yield RAW, Shape(blazepose(sequence))
        yield FAIR, Shape(blazepose_repaired(sequence))
    seen = set_right(sequence)

    def smoothed(found: BodyInCamera) -> Shape:
        return _shape_of_motion(refine(in_camera_motion(found, seen.track, seen.K, embedded_body())))

    found = fitted(seen)
    yield PER_FRAME.name, _shape(found)
    yield as_captured(PER_FRAME.name), smoothed(found)
    for name in networks:
        guess = answered(name, seen)
        yield name, _shape(guess)
        yield asked_once(name), _shape(answered(name, seen, once))
        found = fitted(seen, guess)
        yield f"{name}, fitted", _shape(found)
        yield as_captured(name), smoothed(found)


def true_shape(sequence: simulated.Sequence) -> Shape:
    """The truth's shared joints and vertices."""
    body = embedded_body()
    transl = sequence.joints[:, 0] - body.rest_joints(sequence.betas)[0]
    local = from_matrix(sequence.rotations.astype(np.float64))
    return Shape(shared(sequence.joints), skin(body, sequence.betas, local, transl))


def _shape(found: BodyInCamera) -> Shape:
    local = from_matrix(found.rotations.astype(np.float64))
    return Shape(shared_joints(found), skin(embedded_body(), found.betas, local, found.transl))


def _shape_of_motion(motion: Motion) -> Shape:
    vertices = skin(embedded_body(), motion.betas, motion.local_rotations, motion.trans)
    return Shape(shared(motion.joints_world), vertices)


def row_of(act: str, number: int, name: str, shape: Shape, truth: Shape, sequence: simulated.Sequence) -> Row:
    """The scores of an answer (shared joints, and vertices if it has a body) called ``name`` about a sequence."""
    vertex_error = np.nan
    if shape.vertices is not None and truth.vertices is not None:
        roots = middle_of_hips(shape.joints), middle_of_hips(truth.joints)
        vertex_error = pve(shape.vertices, truth.vertices, sequence.track.observed, *roots)
    figures: dict[str, Any] = {**score(shape.joints, sequence), **errors_by_joint(shape.joints, sequence)}
    return Row(act, number, name, pve=vertex_error, **figures)
