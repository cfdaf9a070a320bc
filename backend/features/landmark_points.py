"""Where BlazePose's 33 landmarks lie on a body in SMPL's layout.

Landmarks at joints are the joints themselves. The others are vertices, found on the template by rules that hold for any
upright, T-posed body (heel: the rearmost vertex of the foot, and so on), so that no list of vertex numbers is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backend.body import TorchBody
from backend.people.tracks import LANDMARK_NAMES
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX, JOINT_COUNT

Floats = NDArray[np.floating[Any]]

_AT_JOINTS = ("shoulder", "elbow", "wrist", "knee", "ankle")
#: BlazePose's hips from SMPL's, which lie low and far inside: times the distance from the middle, and the part of the
#: way up to the pelvis. Chosen so that neither bias is left on real footage.
_HIP_WIDER, _HIP_HIGHER = 1.5, 0.3
#: From the tip of the nose, metres in the body frame, for the left side of an adult's face.
_FACE_FROM_NOSE: dict[str, tuple[float, float, float]] = {
    "eye_inner": (0.018, 0.035, -0.025),
    "eye": (0.032, 0.036, -0.028),
    "eye_outer": (0.046, 0.035, -0.036),
    "mouth": (0.025, -0.035, -0.02),
}
#: From the hand joint (the knuckle of the middle finger), along the hand's width and length.
_HAND_FROM_KNUCKLE: dict[str, tuple[float, float, float]] = {
    "pinky": (-0.01, 0.0, -0.04),
    "index": (0.005, 0.0, 0.025),
    "thumb": (-0.045, -0.01, 0.06),
}
#: How far from there BlazePose marks them, metres in the body frame at rest, for an adult's left side: outwards, up,
#: ahead. ``python -m backend.evaluation.detector_errors`` measures it on renders whose pose is known, and on footage
#: what is left beside a fitted body is the same; of hips, shoulders and knees the two tell different things.
_BESIDE: dict[str, tuple[float, float, float]] = {
    "nose": (0.0, 0.006, -0.014),
    "eye_inner": (-0.004, 0.001, -0.009),
    "eye": (-0.008, 0.002, -0.014),
    "eye_outer": (-0.012, 0.002, -0.012),
    "ear": (-0.037, -0.010, 0.038),
    "mouth": (-0.008, 0.010, -0.008),
    "elbow": (0.0, 0.0, 0.010),
    "wrist": (0.012, -0.002, 0.002),
    "pinky": (0.0, -0.005, 0.028),
    "index": (-0.008, -0.009, -0.010),
    "thumb": (0.022, 0.010, -0.037),
    "ankle": (0.002, 0.022, 0.010),
    "heel": (0.0, 0.0, 0.020),
    "foot_index": (0.008, 0.003, -0.030),
}


@dataclass(frozen=True, eq=False)
class LandmarkPoints:
    """33 points that move with a body.

    Attributes:
        template: (33, 3) metres, rest pose, body frame.
        shapedirs: (33, 3, 10) metres for each unit of beta.
        weights: (33, 24) skinning weights.
    """

    template: Floats
    shapedirs: Floats
    weights: Floats


class LandmarkSkin(nn.Module):
    """The landmarks of posed bodies, batched in torch."""

    template: Tensor
    shapedirs: Tensor
    weights: Tensor

    def __init__(self, points: LandmarkPoints) -> None:
        super().__init__()
        for name in ("template", "shapedirs", "weights"):
            self.register_buffer(name, torch.tensor(getattr(points, name), dtype=torch.float32))

    def forward(
        self, turned: Tensor, places: Tensor, rest_joints: Tensor, betas: Tensor, misplaced: Tensor | None = None
    ) -> Tensor:
        """Linear blend skinning.

        Args:
            turned: (B, 24, 3, 3) rotations of the joints in the world, from :meth:`TorchBody.forward_kinematics`.
            places: (B, 24, 3) metres, where the joints are, from the same.
            rest_joints: (B or 1, 24, 3) metres, body frame.
            betas: (B or 1, 10).
            misplaced: (B or 1, 33, 3) metres, body frame, added to where the landmarks lie on the resting body.

        Returns:
            (B, 33, 3) metres, where ``places`` are.
        """
        rest = self.template + torch.einsum("lcb,nb->nlc", self.shapedirs, betas)  # (B or 1, 33, 3)
        if misplaced is not None:
            rest = rest + misplaced
        moved = places - (turned @ rest_joints.unsqueeze(-1)).squeeze(-1)  # (B, 24, 3)
        blended = torch.einsum("lj,bjac->blac", self.weights, turned)  # (B, 33, 3, 3)
        return (blended @ rest.unsqueeze(-1)).squeeze(-1) + torch.einsum("lj,bjc->blc", self.weights, moved)

    def of_pose(self, body: TorchBody, local_rotations: Tensor, betas: Tensor, transl: Tensor) -> Tensor:
        """The landmarks of a body in poses, (B, 33, 3) metres, world; arguments as of :meth:`TorchBody.vertices`."""
        rest = body.rest_joints(betas)
        turned, places = body.forward_kinematics(local_rotations, rest, transl)
        return cast("Tensor", self(turned, places, rest, betas))


def landmark_points(body: Body) -> LandmarkPoints:
    """Finds the landmarks on a body."""
    joints = body.rest_joints(np.zeros(body.shapedirs.shape[-1]))
    regressor = np.zeros((len(LANDMARK_NAMES), len(body.v_template)))
    weights = np.zeros((len(LANDMARK_NAMES), JOINT_COUNT))
    for row, name in enumerate(LANDMARK_NAMES):
        side, part = side_and_part(name)
        if part in _AT_JOINTS:
            joint = INDEX[f"{side}_{part}"]
            regressor[row] = body.J_regressor[joint]
            weights[row, joint] = 1.0
        elif part == "hip":
            middle = body.J_regressor[[INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=0)
            outward = body.J_regressor[INDEX[name]] - middle
            upward = body.J_regressor[INDEX["pelvis"]] - middle
            regressor[row] = middle + _HIP_WIDER * outward + _HIP_HIGHER * upward
            weights[row, INDEX["pelvis"]] = 1.0
        else:
            vertex = _vertex(body, joints, side, part)
            regressor[row, vertex] = 1.0
            weights[row] = body.weights[vertex]
    template = regressor @ body.v_template + np.array([_beside(name) for name in LANDMARK_NAMES])
    return LandmarkPoints(template, np.einsum("lv,vcb->lcb", regressor, body.shapedirs), weights)


def _beside(landmark: str) -> Floats:
    """(3,) metres from where the body's rules find a landmark to where BlazePose marks it."""
    side, part = side_and_part(landmark)
    return np.array(_BESIDE.get(part, (0.0, 0.0, 0.0))) * (-1.0 if side == "right" else 1.0, 1.0, 1.0)


def side_and_part(name: str) -> tuple[str, str]:
    """``left``, ``right`` or nothing, and the rest of a landmark's name, which both sides share."""
    if name.startswith("mouth_"):
        return name.removeprefix("mouth_"), "mouth"
    side, _, part = name.partition("_")
    return (side, part) if part else ("", name)


def _vertex(body: Body, joints: Floats, side: str, part: str) -> int:
    mirror = np.array([-1.0 if side == "right" else 1.0, 1.0, 1.0])
    vertices = body.v_template.astype(np.float64)
    if part in {"heel", "foot_index"}:
        foot = body.weights[:, INDEX[f"{side}_ankle"]] + body.weights[:, INDEX[f"{side}_foot"]] > 0.5
        low = vertices[:, 1] < joints[INDEX[f"{side}_ankle"], 1] - 0.02
        forward = vertices[:, 2] * (-1 if part == "heel" else 1)
        return int(np.argmax(np.where(foot & low, forward, -np.inf)))
    if part in _HAND_FROM_KNUCKLE:
        place = joints[INDEX[f"{side}_hand"]] + mirror * _HAND_FROM_KNUCKLE[part]
        return _nearest(vertices, place)
    head = body.weights[:, INDEX["head"]] > 0.5
    centred = np.abs(vertices[:, 0]) < 0.01
    # above the chin, which may reach further forward than the nose from a head held high
    face = head & (vertices[:, 1] > joints[INDEX["head"], 1] - 0.02)
    nose = vertices[int(np.argmax(np.where(face & centred, vertices[:, 2], -np.inf)))]
    if part == "nose":
        return _nearest(vertices, nose)
    if part == "ear":
        level = np.abs(vertices[:, 1] - nose[1] - 0.02) < 0.025
        return int(np.argmax(np.where(head & level, vertices[:, 0] * mirror[0], -np.inf)))
    return _nearest(vertices, nose + mirror * _FACE_FROM_NOSE[part])


def _nearest(vertices: Floats, place: Floats) -> int:
    return int(np.argmin(np.linalg.norm(vertices - place, axis=1)))
