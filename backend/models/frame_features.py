"""What a network sees of one person's frames, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """The evidence of T frames of B people (or clips).

    Attributes:
        global_features: (B, T, D) one vector for each frame.
        observed: (B, T) bool; False where the person was not seen, whatever the other fields hold there.
        local_maps: (B, T, C, H, W) features that keep their place in the crop.
        initial_pose6d: (B, T, 24, 6) pose found without looking at other frames, camera axes.
        initial_betas: (B, T, 10) shape found likewise.
        initial_camera: (B, T, 3) camera found likewise, see :mod:`backend.models.crop_camera`.
        box_information: (B, T, 3) where the crop was cut, see :func:`backend.models.crop_camera.box_information`.
    """

    global_features: Tensor
    observed: Tensor
    local_maps: Tensor | None = None
    initial_pose6d: Tensor | None = None
    initial_betas: Tensor | None = None
    initial_camera: Tensor | None = None
    box_information: Tensor | None = None

    def __len__(self) -> int:
        return self.global_features.shape[1]

    def frames(self, start: int, stop: int) -> FrameFeatures:
        """The frames from ``start`` up to ``stop``."""
        return FrameFeatures(**{name: tensor[:, start:stop] for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The fields that are there, by name."""
        given = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {name: tensor for name, tensor in given.items() if tensor is not None}


@dataclass(frozen=True, eq=False)
class Estimate:
    """Body and camera in O output frames of each of B windows.

    Attributes:
        pose6d: (B, O, 24, 6) local rotations, the pelvis's in camera axes; layout: :mod:`backend.models.rotation6d`.
        betas: (B, O, 10) shape.
        camera: (B, O, 3), see :mod:`backend.models.crop_camera`.
        frame_indices: (B, O) which frames these are.
        steps: the estimates before this one, first to last, where a network refines its answer in steps that its
            paper supervises.
        auxiliary: what else the paper's losses and checks look at, by the paper's name.
    """

    pose6d: Tensor
    betas: Tensor
    camera: Tensor
    frame_indices: Tensor
    steps: tuple[Estimate, ...] = ()
    auxiliary: dict[str, Tensor] = field(default_factory=dict)


def concatenate(estimates: list[Estimate]) -> Estimate:
    """Estimates of the same windows one after the other in time; steps and auxiliary values are left out."""
    return Estimate(
        pose6d=torch.cat([estimate.pose6d for estimate in estimates], dim=1),
        betas=torch.cat([estimate.betas for estimate in estimates], dim=1),
        camera=torch.cat([estimate.camera for estimate in estimates], dim=1),
        frame_indices=torch.cat([estimate.frame_indices for estimate in estimates], dim=1),
    )
