"""What the five papers' networks make small, and how much each of it counts.

The papers print sums of L2 norms and take the weights from VIBE (Kocabas et al. 2020), whose losses are mean squared
differences, with rotations compared as matrices; so these losses are, for the weights would mean nothing otherwise.
TAR alone prints squared norms. Means are taken over what is known, so that neither a window's length nor what lacks a
label changes the balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from backend.models import rotation6d
from backend.models.frame_features import Estimate


@dataclass(frozen=True)
class LossWeights:
    """Lambda of each loss; 0 for losses that a paper does not have.

    Attributes:
        joints_2d: of :func:`joint_loss_2d`.
        joints_3d: of :func:`joint_loss_3d`.
        shape: of :func:`shape_loss`.
        pose: of :func:`pose_loss`.
        adversarial: of the network's loss in :mod:`backend.training.adversarial`.
        feature: of :func:`feature_loss`.
        mask: of :func:`mask_loss`.
        camera: of :func:`camera_consistency_loss`.
        occluded_shape: of the first of :func:`occlusion_losses`.
        occluded_pose: of the second.
        occluded_camera: of the third.
        step_decay: how much less an estimate before the last counts than the one after it, see :func:`over_steps`.
    """

    joints_2d: float = 300.0
    joints_3d: float = 300.0
    shape: float = 0.06
    pose: float = 60.0
    adversarial: float = 0.0
    feature: float = 0.0
    mask: float = 0.0
    camera: float = 0.0
    occluded_shape: float = 0.0
    occluded_pose: float = 0.0
    occluded_camera: float = 0.0
    step_decay: float = 0.0


#: By network. MPS-Net prints none and names VIBE; the adversarial weight is its release's. STC-Net prints 300, 0.06 and
#: 60 for SMPL, 3D and 2D, which are VIBE's numbers in another order: VIBE's are meant. TAR prints its gamma (eq. 14)
#: and, like STR-Net, no others; both name followers of VIBE.
PAPER_WEIGHTS: Mapping[str, LossWeights] = MappingProxyType(
    {
        "mps-net": LossWeights(adversarial=0.5),
        "sps-net": LossWeights(
            adversarial=2.0,
            feature=1.0,
            mask=300.0,
            camera=0.1,
            occluded_shape=0.06,
            occluded_pose=60.0,
            occluded_camera=0.1,
        ),
        "stc-net": LossWeights(),
        "tar": LossWeights(step_decay=0.85),
        "str-net": LossWeights(),
    }
)


def weighted(losses: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """The sum of losses, each by the name of its weight.

    Raises:
        AttributeError: if there is no weight of that name.
    """
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()


def over_steps(losses: Sequence[Tensor], decay: float) -> Tensor:
    """The losses of a network's steps, the last in full and each one before it ``decay`` times less (TAR, eq. 14)."""
    return torch.stack([decay**back * loss for back, loss in enumerate(reversed(losses))]).sum()


def shape_loss(betas: Tensor, true_betas: Tensor, known: Tensor) -> Tensor:
    """The first part of the SMPL parameter loss (SPS-Net, eq. 4).

    Args:
        betas: (B, O, 10).
        true_betas: (B, O, 10) or (B, 1, 10).
        known: (B, O) how much each frame counts; where it is 0 the truth is not read.
    """
    return _mean_square(betas, true_betas.expand_as(betas), known)


def pose_loss(pose6d: Tensor, true_rotations: Tensor, known: Tensor) -> Tensor:
    """The second part (SPS-Net, eq. 4), on matrices: rotation vectors leap where an angle passes half a turn.

    Args:
        pose6d: (B, O, 24, 6).
        true_rotations: (B, O, 24, 3, 3) of the same frame of reference.
        known: (B, O), as in :func:`shape_loss`.
    """
    rotations = rotation6d.to_matrix(pose6d).flatten(-3)  # (B, O, 24 * 9)
    return _mean_square(rotations, true_rotations.flatten(-3), known)


def joint_loss_3d(joints: Tensor, true_joints: Tensor, confidence: Tensor) -> Tensor:
    """The 3D joint loss (SPS-Net, eq. 4).

    Args:
        joints: (B, O, J, 3) metres from the pelvis, camera axes.
        true_joints: (B, O, J, 3) likewise.
        confidence: (B, O, J) how much each joint counts; where it is 0 the truth is not read.
    """
    return _mean_square(joints, true_joints, confidence)


def joint_loss_2d(points: Tensor, true_points: Tensor, confidence: Tensor) -> Tensor:
    """The 2D joint loss (SPS-Net, eq. 4).

    Args:
        points: (B, O, J, 2) projected joints in the crop, whose sides are at -1 and 1.
        true_points: (B, O, J, 2) likewise.
        confidence: (B, O, J) how well each was seen; where it is 0 the truth is not read.
    """
    return _mean_square(points, true_points, confidence)


def feature_loss(features: Tensor, forecast: Tensor, counts: Tensor) -> Tensor:
    """How far forecasts are from what came (SPS-Net, eq. 3, the mean of its norms).

    Only the forecast learns from it: in the paper the features are fixed, and where they are not they could become
    easy to forecast by saying nothing.

    Args:
        features: (B, N, d) f_i.
        forecast: (B, N, d) f'_i, made from the frame before.
        counts: (B, N) bool, where both frames were seen.
    """
    return _mean((features.detach() - forecast).norm(dim=-1), counts)


def mask_loss(signed_distance: Tensor, mask: Tensor, known: Tensor, softness_px: float = 0.5) -> Tensor:
    """How badly the body's silhouette fits a segmentation of the person (SPS-Net, eq. 5).

    The paper prints -m log(m'), which a silhouette that fills the picture makes 0. It is read as the cross-entropy over
    both of a pixel's classes, person and background. A pixel far on the wrong side costs its distance from the
    silhouette's edge, so a silhouette anywhere is pulled to where it belongs.

    Args:
        signed_distance: (B, H, W) pixels, :meth:`backend.training.silhouette.Silhouette.signed_distance`.
        mask: (B, H, W) the person's segmentation, from 0 to 1, or the silhouette of the true body.
        known: (B,) how much each mask counts; where it is 0 it is not read.
        softness_px: over how many pixels the silhouette's edge fades.
    """
    mask = torch.where(known[:, None, None] > 0, mask, 0.0)
    each = binary_cross_entropy_with_logits(signed_distance / softness_px, mask, reduction="none")
    return _mean(each.mean((-1, -2)), known)


def camera_consistency_loss(first: Tensor, second: Tensor, shift: int = 1) -> Tensor:
    """A frame has the same camera whichever segment it is seen in (SPS-Net, eq. 6, the mean of its norms).

    Args:
        first: (B, N, 3) cameras in a segment S_1.
        second: (B, N, 3) cameras in the segment S_2 of the same video.
        shift: by how many frames S_2 begins later.
    """
    return (first[:, shift:] - second[:, :-shift]).norm(dim=-1).mean()


def occlusion_losses(whole: Estimate, occluded: Estimate, counts: Tensor) -> dict[str, Tensor]:
    """What an occluded person should have been taken for (SPS-Net, eq. 8), by the names of their weights.

    Args:
        whole: the estimate of frames as they are, which supervises and does not learn.
        occluded: the estimate of the same frames with parts of the person hidden.
        counts: (B, O) bool, frames that count.
    """
    cameras = (occluded.camera - whole.camera.detach()).norm(dim=-1)  # (B, O)
    return {
        "occluded_shape": shape_loss(occluded.betas, whole.betas.detach(), counts),
        "occluded_pose": pose_loss(occluded.pose6d, rotation6d.to_matrix(whole.pose6d.detach()), counts),
        "occluded_camera": _mean(cameras, counts),
    }


def _mean_square(found: Tensor, true: Tensor, weights: Tensor) -> Tensor:
    """The mean square of what differs between tensors (..., n), weighted by (...)."""
    true = torch.where(weights[..., None] > 0, true, found.detach())  # what is not known may hold anything
    return _mean((found - true).square().mean(dim=-1), weights)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean; 0 where nothing counts."""
    weights = weights.to(values.dtype)
    return (values * weights).sum() / weights.sum().clamp_min(1e-9)
