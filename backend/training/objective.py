"""What a network is asked to make small: its paper's losses, and two that temporal answers need."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.body import TorchBody
from backend.models import crop_camera, rotation6d
from backend.models.frame_features import Estimate

from .examples import Truth
from .losses import LossWeights, joint_loss_2d, joint_loss_3d, pose_loss, shape_loss, weighted

#: No body is taken to be farther away than this scale in its crop says, however wrong a camera is at first.
LEAST_SCALE = 0.05
#: Joints far outside the crop, half sides: farther off, they cost no more.
FARTHEST = 3.0


@dataclass(frozen=True)
class DirectWeights:
    """What is asked of joints beside the papers' squared errors, by which a few bad frames outweigh all others.

    Attributes:
        distance: mean distance of joints from the truth, metres, the pelvises laid on each other.
        velocity: mean distance of what they move from frame to frame.
        camera: mean squared difference of the camera, which the 2D loss alone learns slowly.
        acceleration: mean distance of how that changes from frame to frame, which is ACC-ERR.
    """

    distance: float = 30.0
    velocity: float = 60.0
    camera: float = 1.0
    acceleration: float = 0.0


def objective(
    estimate: Estimate,
    truth: Truth,
    boxes: Tensor,
    body: TorchBody,
    weights: LossWeights,
    direct: DirectWeights,
) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum of losses, and each of them.

    Args:
        estimate: of O consecutive frames of B clips; ``frame_indices`` say which of the truth's.
        truth: of T frames.
        boxes: (B, T, 3) pixels, centre and side of the crops.
        body: that wears the poses.
        weights: the paper's.
        direct: ours.
    """
    frames = estimate.frame_indices
    clips = torch.arange(len(frames), device=frames.device)[:, None]
    seen_in = boxes[clips, frames]
    true_joints = truth.joints[clips, frames]  # (B, O, 24, 3)
    true_centred = true_joints - true_joints[:, :, :1]
    centred = _joints(estimate, body)
    camera = torch.cat((estimate.camera[..., :1].clamp_min(LEAST_SCALE), estimate.camera[..., 1:]), dim=-1)
    transl = crop_camera.full_translation(camera, seen_in, truth.K)
    true_camera = crop_camera.camera_from_translation(true_joints[:, :, 0], seen_in, truth.K)
    every_frame = torch.ones_like(frames, dtype=centred.dtype)
    every_joint = torch.ones_like(centred[..., 0])
    papers = {
        "pose": pose_loss(estimate.pose6d, truth.rotations[clips, frames], every_frame),
        "shape": shape_loss(estimate.betas, truth.betas[:, None], every_frame),
        "joints_3d": joint_loss_3d(centred, true_centred, every_joint),
        "joints_2d": joint_loss_2d(
            _in_crop(centred + transl[:, :, None], seen_in, truth.K),
            _in_crop(true_joints, seen_in, truth.K),
            every_joint,
        ),
    }
    ours = {
        "distance": (centred - true_centred).norm(dim=-1).mean(),
        "camera": (estimate.camera - true_camera).square().clamp_max(4.0).mean(),
    }
    if centred.shape[1] > 1:
        ours["velocity"] = (centred.diff(dim=1) - true_centred.diff(dim=1)).norm(dim=-1).mean()
    if centred.shape[1] > 2:
        ours["acceleration"] = (centred.diff(n=2, dim=1) - true_centred.diff(n=2, dim=1)).norm(dim=-1).mean()
    loss = (
        weighted(papers, weights) + torch.stack([getattr(direct, name) * value for name, value in ours.items()]).sum()
    )
    return loss, {name: float(value.detach()) for name, value in (papers | ours).items()}


def _joints(estimate: Estimate, body: TorchBody) -> Tensor:
    """(B, O, 24, 3) metres from the pelvis, camera axes."""
    clips = estimate.betas.shape[:2]
    rest = body.rest_joints(estimate.betas.flatten(0, 1))
    rotations = rotation6d.to_matrix(estimate.pose6d).flatten(0, 1)
    _, joints = body.forward_kinematics(rotations, rest, -rest[:, 0])
    return joints.unflatten(0, clips)


def _in_crop(points: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
    """(B, O, J, 3) metres, camera axes -> (B, O, J, 2), the crop's sides at -1 and 1."""
    projected = torch.einsum("bij,bonj->boni", K, points)
    pixels = projected[..., :2] / projected[..., 2:].clamp_min(0.1)
    return ((pixels - boxes[..., None, :2]) / (boxes[..., None, 2:] / 2)).clamp(-FARTHEST, FARTHEST)
