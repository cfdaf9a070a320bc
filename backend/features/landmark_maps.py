"""Landmarks as pictures: a map for each limb, drawn in the person's box, where networks look for local evidence.

The even channels hold the limb, as bright as it is well seen; the odd ones its depth by BlazePose's 3D.
"""

from __future__ import annotations

import torch
from torch import Tensor

from backend.people.tracks import LANDMARK_COUNT, LANDMARK_INDEX

from .landmarks import LandmarkInputs

MAP_SIZE = 16
_SIDED = (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "index"), ("shoulder", "hip"), ("hip", "knee"),
          ("knee", "ankle"), ("heel", "foot_index"))  # fmt: skip
#: Both ends of each limb.
LIMBS: tuple[tuple[str, str], ...] = (
    *((f"{side}_{start}", f"{side}_{end}") for start, end in _SIDED for side in ("left", "right")),
    ("left_ear", "right_ear"),
    ("nose", "nose"),
)
MAP_CHANNELS = 2 * len(LIMBS)
#: Half the width of a limb's stroke, in half sides of the box.
_STROKE = 0.09


def landmark_maps(inputs: LandmarkInputs) -> Tensor:
    """Draws the limbs of every frame: (B, T, MAP_CHANNELS, MAP_SIZE, MAP_SIZE)."""
    places, visibility, world, _ = inputs.values.split(
        (2 * LANDMARK_COUNT, LANDMARK_COUNT, 3 * LANDMARK_COUNT, inputs.values.shape[-1] - 6 * LANDMARK_COUNT), dim=-1
    )
    places, depth = places.unflatten(-1, (-1, 2)), world.unflatten(-1, (-1, 3))[..., 2]  # (B, T, 33, 2), (B, T, 33)
    start, end = ([LANDMARK_INDEX[limb[which]] for limb in LIMBS] for which in (0, 1))
    along = places[..., end, :] - places[..., start, :]  # (B, T, n, 2)
    cells = (torch.arange(MAP_SIZE, device=places.device) + 0.5) * 2 / MAP_SIZE - 1
    # how far along the limb each cell lies: separable in x and y
    from_x = cells - places[..., start, 0, None]  # (B, T, n, W)
    from_y = cells - places[..., start, 1, None]  # (B, T, n, H)
    length = along.square().sum(-1).clamp_min(1e-6)[..., None, None]
    part = (from_x * along[..., 0, None])[..., None, :] + (from_y * along[..., 1, None])[..., :, None]
    part = (part / length).clamp(0, 1)  # (B, T, n, H, W)
    apart = (from_x[..., None, :] - part * along[..., 0, None, None]).square() + (
        from_y[..., :, None] - part * along[..., 1, None, None]
    ).square()
    seen = torch.minimum(visibility[..., start], visibility[..., end])[..., None, None]
    stroke = torch.exp(-0.5 * apart / _STROKE**2) * seen
    depths = torch.lerp(depth[..., start][..., None, None], depth[..., end][..., None, None], part)
    return torch.stack((stroke, stroke * depths), dim=-3).flatten(-4, -3)
