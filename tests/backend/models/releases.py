"""Checkpoints of exactly the tensors that public releases hold, with made-up numbers."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: What the public release of MPS-Net holds.
MPS_NET_SHAPES = {
    "nonlocalblock.conv_phi.weight": (1024, 2048, 1),
    "nonlocalblock.conv_theta.weight": (1024, 2048, 1),
    "nonlocalblock.conv_g.weight": (1024, 2048, 1),
    "nonlocalblock.conv_mask.weight": (2048, 1024, 1),
    "nonlocalblock.conv_mask_forR.weight": (1, 2, 1, 1),
    "nonlocalblock.attention.fc.weight": (256, 2048),
    "nonlocalblock.attention.fc.bias": (256,),
    "nonlocalblock.attention.attention.0.weight": (256, 768),
    "nonlocalblock.attention.attention.0.bias": (256,),
    "nonlocalblock.attention.attention.2.weight": (256, 256),
    "nonlocalblock.attention.attention.2.bias": (256,),
    "nonlocalblock.attention.attention.4.weight": (3, 256),
    "nonlocalblock.attention.attention.4.bias": (3,),
    "regressor.fc1.weight": (1024, 2205),
    "regressor.fc1.bias": (1024,),
    "regressor.fc2.weight": (1024, 1024),
    "regressor.fc2.bias": (1024,),
    "regressor.decpose.weight": (144, 1024),
    "regressor.decpose.bias": (144,),
    "regressor.decshape.weight": (10, 1024),
    "regressor.decshape.bias": (10,),
    "regressor.deccam.weight": (3, 1024),
    "regressor.deccam.bias": (3,),
    "regressor.init_pose": (1, 144),
    "regressor.init_shape": (1, 10),
    "regressor.init_cam": (1, 3),
}
#: What lies there beside the network.
SMPL_SHAPES = {"regressor.smpl.betas": (64, 10), "regressor.smpl.v_template": (6890, 3)}


def spin_shapes() -> dict[str, tuple[int, ...]]:
    """What SPIN's checkpoint holds: ResNet-50 in torchvision's names without its classifier, and the regressor."""

    def normalisation(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        values = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{value}": (channels,) for value in values} | {f"{name}.num_batches_tracked": ()}

    shapes = {"conv1.weight": (64, 3, 7, 7), **normalisation("bn1", 64)}
    channels = 64
    for layer, (inner, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            shapes[f"{name}.conv1.weight"] = (inner, channels, 1, 1)
            shapes[f"{name}.conv2.weight"] = (inner, inner, 3, 3)
            shapes[f"{name}.conv3.weight"] = (4 * inner, inner, 1, 1)
            shapes |= normalisation(f"{name}.bn1", inner)
            shapes |= normalisation(f"{name}.bn2", inner)
            shapes |= normalisation(f"{name}.bn3", 4 * inner)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * inner, channels, 1, 1)
                shapes |= normalisation(f"{name}.downsample.1", 4 * inner)
            channels = 4 * inner
    for name, shape in MPS_NET_SHAPES.items():
        if name.startswith("regressor."):
            shapes[name.removeprefix("regressor.")] = shape
    return shapes


def uncounted_spin_shapes() -> dict[str, tuple[int, ...]]:
    """Without the counters of batches, which are whole numbers and may be missing."""
    return {name: shape for name, shape in spin_shapes().items() if not name.endswith("num_batches_tracked")}


def empty(shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Zeros which take no room in a file."""
    return OrderedDict((name, torch.zeros(()).expand(shape)) for name, shape in shapes.items())


def filled(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Numbers by which each layer's output is neither lost nor saturated."""
    generator = torch.Generator().manual_seed(0)

    def numbers(shape: tuple[int, ...]) -> Tensor:
        width = int(np.prod(shape[1:])) if len(shape) > 1 else 4
        return torch.randn(shape, generator=generator) / width**0.5

    return OrderedDict((name, numbers(shape)) for name, shape in shapes.items())


def save(folder: Path, released: Any, entry: str = "gen_state_dict", **how: Any) -> Path:
    """A checkpoint with what else lies in the release."""
    path = folder / "model_best.pth.tar"
    optimiser = {"state": {0: {"step": 5, "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 5e-5, "params": [0]}]}
    checkpoint = {"epoch": 29, entry: released, "performance": np.float64(52.1), "gen_optimizer": optimiser}
    torch.save(checkpoint, path, **how)
    return path
