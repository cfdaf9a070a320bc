"""How answers are scored on a dataset, as the papers do it.

Without SMPL's licensed files the twelve joints of the limbs are compared, which SMPL, every dataset and BlazePose
share; their errors stand for themselves and are not the papers'. With them, people are captured with the neutral SMPL
body and the joints are those of the dataset's :class:`Protocol`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig.body import Body, skin
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX, JOINT_NAMES

from .comparison import SHARED_JOINTS
from .datasets.filmed import JOINT_SETS, DatasetError, FilmedPerson, Posed
from .licensed import REGRESSED_JOINTS, LicensedFiles
from .metrics import (
    acceleration_distances,
    auc,
    joint_distances,
    mean,
    pck,
    per_action,
    per_joint,
    procrustes_distances,
)

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
HIPS = ("left_hip", "right_hip")


@dataclass(frozen=True)
class Protocol:
    """What is compared.

    Attributes:
        joints: names.
        root: joints whose middle is laid on the truth's.
        regressed: whether the joints come from SMPL's vertices by ``J_regressor_h36m``; else they are SMPL's own.
        gendered: whether the truth's body is of the person's gender; else it is the neutral one.
        vertices_from_root: whether vertices are laid on each other by the root; else by SMPL's origin, as VIBE does.
    """

    joints: tuple[str, ...]
    root: tuple[str, ...] = HIPS
    regressed: bool = False
    gendered: bool = False
    vertices_from_root: bool = False


#: What is compared where SMPL's licensed files are not there.
UNLICENSED = Protocol(SHARED_JOINTS)
#: The protocols of the papers.
PROTOCOLS = {
    "3dpw": Protocol(JOINT_SETS["lsp"], regressed=True),
    "emdb": Protocol(JOINT_NAMES, gendered=True, vertices_from_root=True),
    "mpi-inf-3dhp": Protocol(JOINT_SETS["mpi_inf_3dhp_test"], root=("pelvis",), regressed=True),
    "human36m": Protocol(JOINT_SETS["lsp"], regressed=True),
    "pose2sim": UNLICENSED,
}


@dataclass(frozen=True, eq=False)
class Shape:
    """Joints (T, J, 3) and, if they are scored, vertices (T, V, 3) of a body, metres, about any origin."""

    joints: Floats
    vertices: Floats | None = None


def shape_of(posed: Posed, body: Body, protocol: Protocol, licensed: LicensedFiles | None) -> Shape:
    """What of a posed body is compared."""
    origin = np.zeros((len(posed.local_rotations), 3))
    if licensed is None:
        _, joints = forward_kinematics(posed.local_rotations, body.rest_joints(posed.betas), origin)
        return Shape(joints[:, [INDEX[name] for name in protocol.joints]])
    vertices = skin(body, posed.betas, posed.local_rotations, origin)
    if protocol.regressed:
        rows = [REGRESSED_JOINTS.index(name) for name in protocol.joints]
        return Shape(np.einsum("jv,tvc->tjc", licensed.regressor[rows], vertices), vertices)
    _, joints = forward_kinematics(posed.local_rotations, body.rest_joints(posed.betas), origin)
    return Shape(joints[:, [INDEX[name] for name in protocol.joints]], vertices)


def truth_of(person: FilmedPerson, protocol: Protocol, licensed: LicensedFiles | None) -> Shape:
    """The truth of what is compared.

    Raises:
        LimberError: if a licensed file is needed and missing.
        DatasetError: if the dataset knows no such joint.
    """
    if licensed is not None and person.posed is not None:
        gender = person.posed.gender if protocol.gendered else "neutral"
        return shape_of(person.posed, licensed.body(gender), protocol, licensed)
    missing = [name for name in protocol.joints if name not in person.joint_names]
    if missing:
        raise DatasetError(f"{person.name} has no joint '{missing[0]}'. Give SMPL's licensed files with --smpl.")
    return Shape(person.joints[:, [person.joint_names.index(name) for name in protocol.joints]])


@dataclass(eq=False)
class Errors:
    """Of one answer, over all frames of all sequences that counted; empty at first.

    Attributes:
        actions: of each of the N frames of each part.
        joints: (N, J) mm of each part, roots laid on each other.
        aligned: (N, J) mm of each part, after Procrustes analysis.
        accelerations: (N, J) mm/frame^2 of each part.
        vertices: (N,) mm of each part.
        wanted: frames that count.
    """

    actions: list[NDArray[np.str_]] = field(default_factory=list)
    joints: list[Floats] = field(default_factory=list)
    aligned: list[Floats] = field(default_factory=list)
    accelerations: list[Floats] = field(default_factory=list)
    vertices: list[Floats] = field(default_factory=list)
    wanted: int = 0

    def add(self, actions: NDArray[np.str_], shape: Shape, truth: Shape, counted: Mask, protocol: Protocol) -> None:
        """Takes in an answer about a stretch of T frames, of which some count."""
        rows = [protocol.joints.index(name) for name in protocol.root]
        root, true_root = shape.joints[:, rows].mean(axis=1), truth.joints[:, rows].mean(axis=1)
        self.actions.append(actions[counted])
        self.joints.append(joint_distances(shape.joints, truth.joints, counted, root, true_root))
        self.aligned.append(procrustes_distances(shape.joints, truth.joints, counted))
        centred, true_centred = shape.joints - root[:, None], truth.joints - true_root[:, None]
        self.accelerations.append(acceleration_distances(centred, true_centred, counted))
        if shape.vertices is not None and truth.vertices is not None:
            if not protocol.vertices_from_root:
                root = true_root = np.zeros_like(root)
            self.vertices.append(joint_distances(shape.vertices, truth.vertices, counted, root, true_root).mean(axis=1))

    def summary(self, protocol: Protocol) -> dict[str, Any]:
        """The papers' figures, and those by joint and by action; NaN where nothing counted."""
        joints, aligned, actions = _together(self.joints), _together(self.aligned), _together(self.actions)
        return {
            "frames": len(joints),
            "seen": 100.0 * len(joints) / self.wanted if self.wanted else float("nan"),
            "pa_mpjpe": mean(aligned),
            "mpjpe": mean(joints),
            "pve": mean(_together(self.vertices)),
            "acc_err": mean(_together(self.accelerations)),
            "pck": pck(joints),
            "auc": auc(joints),
            "mpjpe_by_joint": per_joint(protocol.joints, joints) if joints.size else {},
            "pa_mpjpe_by_joint": per_joint(protocol.joints, aligned) if joints.size else {},
            "mpjpe_by_action": per_action(actions, joints),
            "pa_mpjpe_by_action": per_action(actions, aligned),
        }


def _together(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0)
