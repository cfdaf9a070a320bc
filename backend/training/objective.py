"""What a network is asked to make small: its paper's losses, and two that temporal answers need."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from backend.body import TorchBody
from backend.models import crop_camera, rotation6d
from backend.models.frame_features import Estimate
from backend.models.precision import in_full_precision

from .coarse_body import coarse_body
from .examples import Truth
from .losses import LossWeights, joint_loss_2d, joint_loss_3d, mask_loss, pose_loss, shape_loss, weighted
from .silhouette import Silhouette

#: No body is taken to be farther away than this scale in its crop says, however wrong a camera is at first.
LEAST_SCALE = 0.05
#: Joints far outside the crop, half sides: farther off, they cost no more.
FARTHEST = 3.0
#: Pixels across and down a crop in which silhouettes are drawn.
MASK_SIZE = 32
#: Frames whose silhouettes are drawn in a step; all of them would take longer than everything else together.
MASK_FRAMES = 6


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


@in_full_precision
def objective(
    estimate: Estimate,
    truth: Truth,
    boxes: Tensor,
    body: TorchBody,
    weights: LossWeights,
    direct: DirectWeights,
) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum of losses, and each of them, in full precision: half of it loses a millimetre on the way.

    Args:
        estimate: of O frames of B clips, in windows of consecutive ones; ``frame_indices`` say which of the truth's.
        truth: of T frames.
        boxes: (B, T, 3) pixels, centre and side of the crops.
        body: that wears the poses.
        weights: the paper's.
        direct: ours.
    """
    pose6d, betas, camera = (part.float() for part in (estimate.pose6d, estimate.betas, estimate.camera))
    estimate, frames = replace(estimate, pose6d=pose6d, betas=betas, camera=camera), estimate.frame_indices
    clips = torch.arange(len(frames), device=frames.device)[:, None]
    seen_in = boxes[clips, frames]
    true_joints = truth.joints[clips, frames]  # (B, O, 24, 3)
    true_centred = true_joints - true_joints[:, :, :1]
    centred = _joints(estimate, body)
    transl = _translation(estimate.camera, seen_in, truth.K)
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
    following = frames.diff(dim=1) == 1  # (B, O - 1); where windows meet, no motion is told
    if centred.shape[1] > 1:
        ours["velocity"] = (centred.diff(dim=1) - true_centred.diff(dim=1)).norm(dim=-1)[following].mean()
    if centred.shape[1] > 2:
        apart = (centred.diff(n=2, dim=1) - true_centred.diff(n=2, dim=1)).norm(dim=-1)
        ours["acceleration"] = apart[following[:, 1:] & following[:, :-1]].mean()
    loss = (
        weighted(papers, weights) + torch.stack([getattr(direct, name) * value for name, value in ours.items()]).sum()
    )
    return loss, {name: float(value.detach()) for name, value in (papers | ours).items()}


class MaskObjective(nn.Module):
    """The silhouette of an estimated body held against that of the true one, which is known here, in a few frames.

    Which frames is drawn from torch's own generator on the CPU, which goes on where it was when a run is resumed.

    Args:
        body: that wears the poses.
    """

    def __init__(self, body: TorchBody) -> None:
        super().__init__()
        self._body = (coarse_body(body),)  # not a part of what is learned
        self._silhouette = Silhouette(self._body[0].faces.cpu().numpy())

    def forward(self, estimate: Estimate, truth: Truth, boxes: Tensor) -> Tensor:
        """The mask loss; estimate, truth and boxes as for :func:`objective`."""
        clips, answers = _drawn(estimate.frame_indices)
        frames = estimate.frame_indices[clips, answers]
        seen_in, K = boxes[clips, frames], truth.K[clips]
        # bfloat16 does not tell in which pixel an edge lies
        with torch.autocast(boxes.device.type, enabled=False):
            pose6d, betas, camera = (
                part[clips, answers].float() for part in (estimate.pose6d, estimate.betas, estimate.camera)
            )
            pelvis = _translation(camera[:, None], seen_in[:, None], K)[:, 0]
            found = self._seen(rotation6d.to_matrix(pose6d), betas, pelvis, seen_in, K)
            true = self._seen(
                truth.rotations[clips, frames], truth.betas[clips], truth.joints[clips, frames, 0], seen_in, K
            )
            with torch.no_grad():
                mask = self._silhouette(true, MASK_SIZE, MASK_SIZE)
            signed_distance = self._silhouette.signed_distance(found, MASK_SIZE, MASK_SIZE)
            return mask_loss(signed_distance, mask, torch.ones_like(betas[:, 0]), self._silhouette.softness_px)

    def _seen(self, rotations: Tensor, betas: Tensor, pelvis: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
        """Where the vertices of N bodies are seen in their crops: (N, V, 2) pixels."""
        body = self._body[0]
        vertices = body.vertices(rotations, betas, pelvis - body.rest_joints(betas)[:, 0])
        return (_in_crop(vertices[:, None], boxes[:, None], K)[:, 0] + 1) * (MASK_SIZE / 2)


def _drawn(frame_indices: Tensor) -> tuple[Tensor, Tensor]:
    """A few of B x O answers: which clips, and which answers of theirs."""
    chosen = torch.randperm(frame_indices.numel())[:MASK_FRAMES].to(frame_indices.device)
    answers = frame_indices.shape[1]
    return chosen // answers, chosen % answers


def _joints(estimate: Estimate, body: TorchBody) -> Tensor:
    """(B, O, 24, 3) metres from the pelvis, camera axes."""
    clips = estimate.betas.shape[:2]
    rest = body.rest_joints(estimate.betas.flatten(0, 1))
    rotations = rotation6d.to_matrix(estimate.pose6d).flatten(0, 1)
    _, joints = body.forward_kinematics(rotations, rest, -rest[:, 0])
    return joints.unflatten(0, clips)


def _translation(camera: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
    """Where a camera (B, O, 3) says that the pelvis is: (B, O, 3) metres, camera axes."""
    camera = torch.cat((camera[..., :1].clamp_min(LEAST_SCALE), camera[..., 1:]), dim=-1)
    return crop_camera.full_translation(camera, boxes, K)


def _in_crop(points: Tensor, boxes: Tensor, K: Tensor) -> Tensor:
    """(B, O, J, 3) metres, camera axes -> (B, O, J, 2), the crop's sides at -1 and 1."""
    projected = torch.einsum("bij,bonj->boni", K, points)
    pixels = projected[..., :2] / projected[..., 2:].clamp_min(0.1)
    return ((pixels - boxes[..., None, :2]) / (boxes[..., None, 2:] / 2)).clamp(-FARTHEST, FARTHEST)
