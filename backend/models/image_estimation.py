"""A person's pictures in, their body in every frame out, by networks whose authors published their weights.

What such a network says of pose is its own. Its betas belong to SMPL's body, which Limber does not ship: another body
takes none of them. Its camera is that of a crop and fits SMPL's size; here the body is placed, as any network's, so
that its landmarks are seen where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from backend.body import TorchBody
from backend.features.feature_cache import FeatureCache
from backend.features.image_backbones.backbone import ImageBackbone, load_backbone
from backend.features.image_backbones.resnet import ResNet50
from backend.features.image_features import image_features
from backend.features.initial_pose import BodyInCamera
from backend.features.landmark_points import LandmarkSkin
from backend.footage import Footage
from backend.people.tracks import Track
from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from . import NetworkError, network_named, rotation6d
from .estimation import body_in_camera
from .frame_features import FrameFeatures
from .mps_net import MPSNet
from .sliding_window import stream
from .temporal_network import TemporalNetwork
from .turns import nearest, turns

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class ImageNetwork:
    """A temporal network and the backbone whose features it reads, both in evaluation mode and on one device."""

    backbone: ImageBackbone
    network: TemporalNetwork


#: How each is made: the network and its backbone, in the order in which their weights are named.
IMAGE_NETWORKS: Mapping[str, tuple[Callable[[], TemporalNetwork], Callable[[], ImageBackbone]]] = MappingProxyType(
    {"mps-net-paper": (MPSNet, ResNet50)}
)


def load_image_network(name: str, device: torch.device) -> ImageNetwork:
    """Reads a network and its backbone, ready to be used.

    Args:
        name: one of :data:`IMAGE_NETWORKS`.
        device: where they are to run.

    Raises:
        NetworkError: if weights are missing or cannot be used.
        BackboneError: if the backbone's cannot be used.
    """
    build_network, build_backbone = IMAGE_NETWORKS[name]
    network_file, backbone_file = network_named(name).weights
    network = build_network()
    try:
        network.load_state_dict(safetensors.torch.load_file(network_file))
    except (OSError, safetensors.SafetensorError, RuntimeError) as error:
        raise NetworkError(f"{network_file} cannot be used: {error}. Import the weights again.") from error
    return ImageNetwork(load_backbone(build_backbone, backbone_file).to(device), network.to(device).eval())


@torch.no_grad()
def estimate_body(
    footage: Footage,
    track: Track,
    K: Floats,
    body: TorchBody,
    skin: LandmarkSkin,
    network: ImageNetwork,
    cache: FeatureCache,
    betas: Floats | None,
    told: Callable[[float], None],
) -> BodyInCamera:
    """Runs a network over a track's pictures.

    Args:
        footage: in which the track was found.
        track: landmarks with left and right set right.
        K: (3, 3) pinhole camera, pixels.
        body: where the body is placed is where this module lies.
        skin: where the landmarks lie on this body.
        network: with its backbone.
        cache: where features are kept.
        betas: (10,) shape, for a body to which the network's answer, SMPL's shape, means nothing.
        told: is told the fraction done.

    Raises:
        FootageError: if the footage cannot be read any more.
    """
    intrinsics = torch.tensor(K, dtype=torch.float32)
    local = np.empty((len(track), JOINT_COUNT, 3, 3), dtype=np.float32)
    shapes = np.empty((len(track), BETA_COUNT), dtype=np.float32)
    answered = np.zeros(len(track), dtype=bool)
    read = 0

    def watched(pieces: Iterable[FrameFeatures]) -> Iterator[FrameFeatures]:
        nonlocal read
        for piece in pieces:
            yield piece
            read += len(piece)
            told(read / len(track))

    with_maps = "local_maps" in network.network.needs
    for chosen in turns(track):
        pieces = image_features(footage, track.of_frames(chosen), intrinsics, network.backbone, with_maps, cache)
        for estimate in stream(network.network, watched(pieces)):
            frames = chosen[estimate.frame_indices[0].cpu().numpy()]
            local[frames] = rotation6d.to_matrix(estimate.pose6d)[0].cpu().numpy()
            shapes[frames] = estimate.betas[0].cpu().numpy()
            answered[frames] = True
    shape = np.median(shapes[track.observed], axis=0) if betas is None else betas
    return body_in_camera(track, K, local[nearest(answered)], shape, body, skin)
