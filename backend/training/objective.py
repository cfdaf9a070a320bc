"""How far an estimate is from the truth: what the networks learn to make small."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.body import TorchBody
from backend.models import crop_camera, rotation6d
from backend.models.frame_features import Estimate

from .examples import Truth


@dataclass(frozen=True)
class Weights:
    """What each error counts. Positions are in metres, those in the crop in halves of its side.

    Attributes:
        pose: squared difference of rotation matrices.
        shape: squared difference of betas.
        joints: distance of joints, the pelvises laid on each other.
        velocity: distance of what joints move from frame to frame.
        image: squared distance of joints in the crop, under the full camera.
        camera: squared difference of the camera's scale, so that it is learned where 2D is bad.
    """

    pose: float = 1.0
    shape: float = 0.02
    joints: float = 10.0
    velocity: float = 20.0
    image: float = 2.0
    camera: float = 0.2


def objective(
    estimate: Estimate, truth: Truth, boxes: Tensor, counts: Tensor, body: TorchBody, weights: Weights
) -> tuple[Tensor, dict[str, float]]:
    """The sum of errors, and each of them.

    Args:
        estimate: of O consecutive frames of B clips; ``frame_indices`` say which of the truth's.
        truth: of T frames.
        boxes: (B, T, 3) pixels, centre and side of the crops.
        counts: (B, O) bool, frames that count.
        body: that wears the poses.
        weights: what each error counts.
    """
    frames = estimate.frame_indices
    clips = torch.arange(len(frames), device=frames.device)[:, None]
    rotations = rotation6d.to_matrix(estimate.pose6d)  # (B, O, 24, 3, 3)
    true_rotations, true_joints = truth.rotations[clips, frames], truth.joints[clips, frames]
    joints = _joints(rotations, estimate.betas, body)  # (B, O, 24, 3) from the pelvis
    true_centred = true_joints - true_joints[:, :, :1]
    seen = counts.float()
    total = seen.sum().clamp_min(1)

    def mean(values: Tensor) -> Tensor:
        return (values * seen).sum() / total

    true_camera = crop_camera.camera_from_translation(true_joints[:, :, 0], boxes[clips, frames], truth.K)
    transl = crop_camera.full_translation(_forward(estimate.camera), boxes[clips, frames], truth.K)
    image = _in_crop(joints + transl[:, :, None], boxes[clips, frames], truth.K)
    true_image = _in_crop(true_joints, boxes[clips, frames], truth.K)
    errors = {
        "pose": mean((rotations - true_rotations).square().mean((-1, -2, -3))),
        "shape": mean((estimate.betas - truth.betas[:, None]).square().mean(-1)),
        "joints": mean((joints - true_centred).norm(dim=-1).mean(-1)),
        "image": mean((image - true_image).square().sum(-1).clamp_max(1.0).mean(-1)),
        "camera": mean((estimate.camera - true_camera).square().clamp_max(4.0).mean(-1)),
    }
    if joints.shape[1] > 1:
        both = seen[:, 1:] * seen[:, :-1]
        moved = torch.diff(joints, dim=1) - torch.diff(true_centred, dim=1)
        errors["velocity"] = (moved.norm(dim=-1).mean(-1) * both).sum() / both.sum().clamp_min(1)
    loss = torch.stack([getattr(weights, name) * error for name, error in errors.items()]).sum()
    return loss, {name: float(error.detach()) for name, error in errors.items()}


def _forward(camera: Tensor) -> Tensor:
    """Bodies stay in front of the camera, however wrong the scale is at first."""
    return torch.cat((camera[..., :1].clamp_min(0.05), camera[..., 1:]), dim=-1)


def _joints(rotations: Tensor, betas: Tensor, body: TorchBody) -> Tensor:
    clips = rotations.shape[:2]
    rest = body.rest_joints(betas.flatten(0, 1))
    _, joints = body.forward_kinematics(rotations.flatten(0, 1), rest, -rest[:, 0])
    return joints.unflatten(0, clips)


def _in_crop(points: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
    """(B, O, J, 3) metres, camera axes -> (B, O, J, 2), the crop's sides at -1 and 1."""
    projected = torch.einsum("bij,bonj->boni", K, points)
    pixels = projected[..., :2] / projected[..., 2:].clamp_min(0.1)
    return (pixels - boxes[..., None, :2]) / (boxes[..., None, 2:] / 2)
