"""The five networks in their two sizes: the papers', and the compact one that reads landmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from backend.features.landmark_maps import MAP_CHANNELS, MAP_SIZE
from smpl_rig.skeleton import JOINT_COUNT

from . import mps_net, rotation6d, sps_net, stc_net, str_net, tar
from .frame_features import FrameFeatures
from .regressor import MEAN_CAMERA
from .temporal_network import TemporalNetwork

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Configuration:
    """One of a network's sizes.

    Attributes:
        network: the network's name.
        name: ``paper`` or ``landmark``.
        build: makes it, freshly initialised.
        reads: the fields of :class:`FrameFeatures` that it reads, and their shapes for one frame.
    """

    network: str
    name: str
    build: Callable[[], TemporalNetwork]
    reads: Mapping[str, Shape]

    def noise(self, clips: int, frames: int) -> FrameFeatures:
        """Random features of everything that it reads, every person observed, (clips, frames, ...)."""
        fields = {name: torch.randn(clips, frames, *shape) for name, shape in self.reads.items()}
        fields.setdefault("global_features", torch.zeros(clips, frames, 0))
        if "initial_pose6d" in fields:
            fields["initial_pose6d"] = 0.1 * fields["initial_pose6d"] + rotation6d.identity(JOINT_COUNT)
        if "initial_camera" in fields:
            fields["initial_camera"] = 0.1 * fields["initial_camera"] + torch.tensor(MEAN_CAMERA)
        if "box_information" in fields:
            fields["box_information"] = 0.3 + 0.1 * fields["box_information"]
        return FrameFeatures(**fields, observed=torch.ones(clips, frames, dtype=torch.bool))


_RESNET_50: Mapping[str, Shape] = {"global_features": (2048,)}
_LANDMARKS: Mapping[str, Shape] = {"global_features": (512,)}
_ESTIMATE: Mapping[str, Shape] = {"initial_pose6d": (JOINT_COUNT, 6), "initial_camera": (3,)}
_BOX: Mapping[str, Shape] = {"box_information": (3,)}

CONFIGURATIONS: tuple[Configuration, ...] = (
    Configuration("mps-net", "paper", mps_net.MPSNet, _RESNET_50),
    Configuration("mps-net", "landmark", lambda: mps_net.MPSNet(mps_net.LANDMARK), _LANDMARKS),
    Configuration("sps-net", "paper", sps_net.SPSNet, _RESNET_50),
    Configuration("sps-net", "landmark", lambda: sps_net.SPSNet(sps_net.LANDMARK), _LANDMARKS),
    Configuration("stc-net", "paper", stc_net.STCNet, {"local_maps": (16, 112, 112), **_ESTIMATE}),
    Configuration("stc-net", "landmark", lambda: stc_net.STCNet(stc_net.LANDMARK), {**_LANDMARKS, **_ESTIMATE}),
    Configuration("tar", "paper", tar.TAR, {"global_features": (384,), "local_maps": (256, 64, 64), **_BOX}),
    Configuration(
        "tar",
        "landmark",
        lambda: tar.TAR(tar.LANDMARK),
        {**_LANDMARKS, "local_maps": (MAP_CHANNELS, MAP_SIZE, MAP_SIZE), **_BOX},
    ),
    Configuration("str-net", "paper", str_net.STRNet, _RESNET_50),
    Configuration("str-net", "landmark", lambda: str_net.STRNet(str_net.LANDMARK), _LANDMARKS),
)
