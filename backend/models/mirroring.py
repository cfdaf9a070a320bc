"""The same person in a mirror, in which left is right: a second look at the same footage."""

from __future__ import annotations

import torch
from torch import Tensor

from backend.people.tracks import LANDMARK_MIRROR
from smpl_rig.skeleton import MIRROR


def mirror_landmarks(landmarks2d: Tensor, landmarks3d: Tensor, centre_x: float) -> tuple[Tensor, Tensor]:
    """What the detector would see in a mirror in the plane of the optical axis and the picture's vertical.

    Args:
        landmarks2d: (..., 33, 3) pixel x, pixel y, visibility.
        landmarks3d: (..., 33, 3) metres, camera axes.
        centre_x: of the principal point, pixels, which stays what it is.
    """
    order = torch.tensor(LANDMARK_MIRROR, device=landmarks2d.device)
    seen, world = landmarks2d[..., order, :], landmarks3d[..., order, :]
    x, rest = seen[..., :1], seen[..., 1:]
    return torch.cat((2 * centre_x - x, rest), dim=-1), world * world.new_tensor([-1.0, 1.0, 1.0])


def mirror_rotations(rotations: Tensor) -> Tensor:
    """Local rotations (..., 24, 3, 3) of the body in the mirror; the pelvis's in camera axes."""
    sides = rotations.new_tensor([-1.0, 1.0, 1.0])
    counterparts = rotations[..., torch.as_tensor(MIRROR, device=rotations.device), :, :]
    return sides[:, None] * counterparts * sides
