"""What the backbones have in common, and reading their weights."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import safetensors.torch
import torch
from torch import Tensor, nn

from smpl_rig.errors import LimberError


class BackboneError(LimberError):
    """A backbone's weights cannot be used."""


@dataclass(frozen=True, eq=False)
class CropFeatures:
    """What a backbone sees in N crops.

    Attributes:
        global_features: (N, D).
        local_maps: (N, C, H, W).
    """

    global_features: Tensor
    local_maps: Tensor


class ImageBackbone(nn.Module, ABC):
    """A network that reads square crops, see :mod:`backend.features.crops`.

    Attributes:
        crop_px: side of the crops that it was made for.
        feature_size: D of its global features.
        map_shape: (C, H, W) of its local maps.
        heads: how the names of tensors begin that published files hold for what follows the backbone.
    """

    crop_px: int
    feature_size: int
    map_shape: tuple[int, int, int]
    heads: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def forward(self, crops: Tensor) -> CropFeatures:
        """(N, 3, crop_px, crop_px), normalised."""


def load_backbone(build: Callable[[], ImageBackbone], path: str | os.PathLike[str]) -> ImageBackbone:
    """A backbone with the weights of a file, in evaluation mode.

    Args:
        build: makes the backbone.
        path: a safetensors file, or one of PyTorch's that holds nothing but tensors; each by its name.

    Raises:
        BackboneError: if the file cannot be read, asks for more than tensors, or does not hold the backbone's tensors
            and, besides, none but its heads'.
    """
    path = Path(path)
    backbone = build()
    tensors = {name: tensor for name, tensor in _read(path).items() if not name.startswith(backbone.heads)}
    expected = backbone.state_dict()
    for name, tensor in expected.items():
        # files from before PyTorch 0.4.1 do not count batches, which matters in training only
        if name not in tensors and not name.endswith(".num_batches_tracked"):
            raise BackboneError(f"{path.name} lacks '{name}': it does not hold this backbone.")
        if name in tensors and tensors[name].shape != tensor.shape:
            found, wanted = tuple(tensors[name].shape), tuple(tensor.shape)
            raise BackboneError(f"{path.name}: '{name}' has shape {found}, expected {wanted}.")
    for name, tensor in tensors.items():
        if name not in expected:
            raise BackboneError(f"{path.name} holds '{name}', which is no part of this backbone.")
        if not bool(tensor.isfinite().all()):
            raise BackboneError(f"{path.name}: '{name}' holds values that are not finite numbers.")
    backbone.load_state_dict(expected | tensors)
    return backbone.eval()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BackboneError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # a damaged file can raise nearly anything
        raise BackboneError(f"{path.name} is damaged, or holds more than tensors: it was refused.") from error
    if not isinstance(content, dict):
        raise BackboneError(f"{path.name} holds a {type(content).__name__}, expected tensors by their names.")
    for name, tensor in content.items():
        if not isinstance(tensor, Tensor):
            raise BackboneError(f"{path.name}: '{name}' is a {type(tensor).__name__}, expected a tensor.")
    return dict(content)


def weights_sha256(backbone: ImageBackbone) -> str:
    """Of all tensors that the answer depends on, and their names: the same whatever file they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(backbone.state_dict().items()):
        if not name.endswith(".num_batches_tracked"):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()
