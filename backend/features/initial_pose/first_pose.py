"""Where the fit begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.people.tracks import LANDMARK_INDEX, TRUNK
from smpl_rig.skeleton import INDEX

from . import rotation_vectors
from .energy import residuals
from .evidence import Evidence
from .figure import Figure, local_rotations

Floats = NDArray[np.floating[Any]]

#: Limbs whose first direction is read from BlazePose's 3D: joint, the joint above, landmarks at the limb's two ends.
_LIMBS = (
    ("shoulder", None, "shoulder", "elbow"),
    ("elbow", "shoulder", "elbow", "wrist"),
    ("hip", None, "hip", "knee"),
    ("knee", "hip", "knee", "ankle"),
)
#: Metres before the camera at which people can be, and where they are put if nothing tells.
NEAREST_M, FARTHEST_M = 0.3, 200.0
_NOWHERE = (0.0, 0.0, 4.0)
#: Landmarks that lie so far from a body's, in the mean, are not that body's; parts of the person's height.
MISTAKEN = 0.2


def first_pose(seen: Evidence, figure: Figure, betas: Tensor) -> tuple[Tensor, Tensor]:
    """Pelvis (T, 3, 3), and rotation vectors (T, 24, 3) of the other joints: as guessed, else by BlazePose's 3D."""
    if seen.guess is None:
        return _pose_by_world(seen, figure, betas)
    return seen.guess[:, 0], rotation_vectors.to_vector(seen.guess)


def _pose_by_world(seen: Evidence, figure: Figure, betas: Tensor) -> tuple[Tensor, Tensor]:
    """Pelvis (T, 3, 3) from the torso of BlazePose's 3D, and rotation vectors (T, 24, 3) that point the limbs."""
    rest = figure.skin.template + figure.skin.shapedirs @ betas  # (33, 3)
    root = kabsch(rest[TRUNK, :].expand(len(seen), -1, -1), seen.world[:, TRUNK])
    bend = figure.usual.expand(len(seen), -1, -1).clone()
    for side in ("left", "right"):
        turned: dict[str | None, Tensor] = {None: root}
        for joint, above, start, end in _LIMBS:
            ends = [LANDMARK_INDEX[f"{side}_{start}"], LANDMARK_INDEX[f"{side}_{end}"]]
            wanted = seen.world[:, ends[1]] - seen.world[:, ends[0]]
            local_wanted = (turned[above].transpose(1, 2) @ wanted.unsqueeze(-1)).squeeze(-1)
            vector = rotation_vectors.swing(rest[ends[1]] - rest[ends[0]], local_wanted)
            bend[:, INDEX[f"{side}_{joint}"]] = vector
            turned[joint] = turned[above] @ rotation_vectors.to_matrix(vector)
    return root, bend


def kabsch(source: Tensor, target: Tensor) -> Tensor:
    """The rotations (T, 3, 3) that bring centred (T, N, 3) source points nearest to the target (Kabsch 1976)."""
    a, b = source - source.mean(dim=1, keepdim=True), target - target.mean(dim=1, keepdim=True)
    u, _, v = torch.linalg.svd(b.transpose(1, 2) @ a)
    sign = torch.ones(len(a), 3, device=a.device)
    sign[:, 2] = torch.det(u @ v).sign()
    return (u * sign.unsqueeze(1)) @ v


def first_place(seen: Evidence, figure: Figure, K: Tensor, base: Tensor, bend: Tensor, betas: Tensor) -> Tensor:
    """(T, 3) metres, of the pelvis: least squares of the pinhole equations, which are linear in it.

    Args:
        seen: the evidence.
        figure: who is posed.
        K: (3, 3) pixels.
        base: (T, 3, 3) orientation of the pelvis.
        bend: (T, 24, 3) rotation vectors of the other joints.
        betas: (10,).
    """
    nothing = torch.zeros_like(bend[:, 0])
    points = figure.landmarks(local_rotations(base, nothing, bend), nothing, betas)  # about the pelvis
    rays = torch.linalg.solve(K, _homogeneous(seen.image).transpose(1, 2)).transpose(1, 2)
    weight = seen.image_weight.clamp(min=1e-4)
    rows, targets = [], []
    for axis in (0, 1):
        row = torch.zeros_like(points)
        row[..., axis] = 1
        row[..., 2] = -rays[..., axis]
        rows.append(row * weight.unsqueeze(-1))
        targets.append((rays[..., axis] * points[..., 2] - points[..., axis]) * weight)
    system, target = torch.cat(rows, dim=1), torch.cat(targets, dim=1).unsqueeze(-1)
    gram = system.transpose(1, 2) @ system + 1e-8 * torch.eye(3, device=points.device)
    pelvis = torch.linalg.solve(gram, system.transpose(1, 2) @ target).squeeze(-1)
    return _bridged(seen, pelvis, tell_place(residuals(seen, points + pelvis[:, None], K), seen.image_weight))


def tell_place(residual: Tensor, weight: Tensor) -> Tensor:
    """(T,) bool: in which frames landmarks say where a body is, from how far from its own they lie.

    Least squares bring landmarks that are not this body's, as those of a mistaken detection, right before the camera.

    Args:
        residual: (T, 33) parts of the person's height.
        weight: (T, 33) how much each counts.
    """
    mean = (residual * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-6)
    return mean < MISTAKEN


def _homogeneous(pixels: Tensor) -> Tensor:
    """(..., 2) -> (..., 3)."""
    return torch.cat((pixels, torch.ones_like(pixels[..., :1])), dim=-1)


def _bridged(seen: Evidence, pelvis: Tensor, told: Tensor) -> Tensor:
    """Takes the place of frames that saw nobody, or saw them nowhere, from their neighbours in time."""
    places, times = pelvis.cpu().numpy(), seen.times.cpu().numpy()
    near_enough = (places[:, 2] > NEAREST_M) & (places[:, 2] < FARTHEST_M)
    good = (seen.observed.cpu().numpy() > 0) & near_enough & told.cpu().numpy()
    if not good.any():
        places, good = np.tile(_NOWHERE, (len(places), 1)), np.ones(len(places), dtype=bool)
    if seen.turns is None:
        bridged = _interpolated(places, times, good)
    else:  # straight in axes that stand still
        turns = seen.turns.cpu().numpy()
        steady = _interpolated(np.einsum("tij,tj->ti", turns, places), times, good)
        bridged = np.einsum("tji,tj->ti", turns, steady)
    return torch.tensor(bridged, dtype=pelvis.dtype, device=pelvis.device)


def _interpolated(places: Floats, times: Floats, good: NDArray[np.bool_]) -> Floats:
    """(T, 3) straight ways over the frames that are not good."""
    return np.stack([np.interp(times, times[good], places[good, axis]) for axis in range(3)], axis=-1)
