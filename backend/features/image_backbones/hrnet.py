"""HRNet (Wang et al. 2020, Deep High-Resolution Representation Learning for Visual Recognition), the backbone of TAR.

Branches of 1/4, 1/8, 1/16 and 1/32 of the crop's resolution run side by side and are fused again and again. The layers
have the names of the public releases, for classification and for pose, whose heads are left aside.

TAR (section 3 and supplement B.1) says only that a pretrained CNN gives a global feature, and maps of 64 x 64 for crops
of 256 x 256. Read here as HRNetV2 does it: the branches, brought to the resolution of the first, stand one after the
other in the local maps, 720 channels for W48. The global feature is the mean of the coarsest branch, 384 numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from .backbone import CropFeatures, ImageBackbone
from .resnet import Bottleneck, bottlenecks

#: Modules in stages 2, 3 and 4, and residual blocks in each branch of a module.
MODULES = (1, 4, 3)
BLOCKS = 4


@dataclass(frozen=True)
class HRNetConfig:
    """Sizes; those of HRNet-W48 for classification by default.

    Attributes:
        width: channels of the branch of the highest resolution; each further one has twice as many.
        outputs: branches that come out of the last module: all four, or the first one in the releases for pose.
    """

    width: int = 48
    outputs: int = 4


W48 = HRNetConfig()
W32 = HRNetConfig(width=32)
POSE_W48 = HRNetConfig(outputs=1)
POSE_W32 = HRNetConfig(width=32, outputs=1)


def _downsampling(channels: int, outer: int) -> nn.Sequential:
    """Half the resolution, without non-linearity."""
    return nn.Sequential(nn.Conv2d(channels, outer, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outer))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        return relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(maps))))) + maps)


class HighResolutionModule(nn.Module):
    """Residual blocks in each branch, then every output is the sum of all branches at its resolution (section 3.2).

    Args:
        channels: of the branches that come in.
        outputs: how many branches come out.
    """

    def __init__(self, channels: list[int], outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(width) for _ in range(BLOCKS))) for width in channels)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_exchange(channels, branch, output) for branch in range(len(channels)))
            for output in range(outputs)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(one) for branch, one in zip(self.branches, maps, strict=True)]
        fused = []
        for layers in self.fuse_layers:
            assert isinstance(layers, nn.ModuleList)
            parts = [layer(one) for layer, one in zip(layers, maps, strict=True)]
            fused.append(relu(torch.stack(parts).sum(0)))
        return fused


def _exchange(channels: list[int], branch: int, output: int) -> nn.Module:
    """Brings a branch to the resolution and the channels of another (figure 3)."""
    if branch == output:
        return nn.Identity()
    if branch > output:
        return nn.Sequential(
            nn.Conv2d(channels[branch], channels[output], 1, bias=False),
            nn.BatchNorm2d(channels[output]),
            nn.Upsample(scale_factor=2.0 ** (branch - output), mode="nearest"),
        )
    steps = [_downsampling(channels[branch], channels[branch]).append(nn.ReLU()) for _ in range(output - branch - 1)]
    return nn.Sequential(*steps, _downsampling(channels[branch], channels[output]))


def _transition(before: list[int], after: list[int]) -> nn.ModuleList:
    """Branches go on as they are, or with other channels; one more begins at half the last one's resolution."""
    layers = nn.ModuleList()
    for channels, outer in zip(before, after, strict=False):
        same = nn.Conv2d(channels, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()
        layers.append(nn.Identity() if channels == outer else nn.Sequential(*same))
    layers.append(nn.Sequential(_downsampling(before[-1], after[-1]).append(nn.ReLU())))
    return layers


def _split(transition: nn.ModuleList, maps: list[Tensor]) -> list[Tensor]:
    """The new branch comes from the last one."""
    return [layer(one) for layer, one in zip(transition, [*maps, maps[-1]], strict=True)]


class HRNet(ImageBackbone):
    """Reads crops of 256 x 256; maps are a quarter of that. Other sizes that 32 divides do as well."""

    crop_px = 256
    heads: ClassVar[tuple[str, ...]] = ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier.")

    def __init__(self, config: HRNetConfig = W48) -> None:
        super().__init__()
        self.config = config
        channels = [config.width << branch for branch in range(4)]
        self.feature_size = channels[config.outputs - 1]
        self.map_shape = (sum(channels[: config.outputs]), self.crop_px // 4, self.crop_px // 4)
        self.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.layer1 = bottlenecks(64, 64, 4)
        self.transition1 = _transition([64 * Bottleneck.expansion], channels[:2])
        self.stage2 = _stage(channels[:2], MODULES[0], 2)
        self.transition2 = _transition(channels[:2], channels[:3])
        self.stage3 = _stage(channels[:3], MODULES[1], 3)
        self.transition3 = _transition(channels[:3], channels)
        self.stage4 = _stage(channels, MODULES[2], config.outputs)

    def forward(self, crops: Tensor) -> CropFeatures:
        maps = relu(self.bn1(self.conv1(crops)))  # (N, 64, 128, 128)
        maps = relu(self.bn2(self.conv2(maps)))  # (N, 64, 64, 64)
        maps = self.layer1(maps)  # (N, 256, 64, 64)
        branches: list[Tensor] = self.stage2(_split(self.transition1, [maps]))
        branches = self.stage3(_split(self.transition2, branches))
        branches = self.stage4(_split(self.transition3, branches))  # (N, 48, 64, 64) to (N, 384, 8, 8)
        size = branches[0].shape[-2:]
        local_maps = torch.cat([interpolate(one, size, mode="bilinear") for one in branches], dim=1)
        return CropFeatures(branches[-1].mean((-2, -1)), local_maps)


class ProjectedHRNet(HRNet):
    """HRNet-W48 with a 1 x 1 convolution that brings its maps to TAR's D = 256 channels.

    The convolution is learned together with TAR, whose table leaves it out with the backbone: a file of weights holds
    ``projection.weight`` and ``projection.bias`` beside HRNet's.
    """

    def __init__(self, config: HRNetConfig = W48, local_channels: int = 256) -> None:
        super().__init__(config)
        self.projection = nn.Conv2d(self.map_shape[0], local_channels, 1)
        self.map_shape = (local_channels, *self.map_shape[1:])

    def forward(self, crops: Tensor) -> CropFeatures:
        seen = super().forward(crops)
        return CropFeatures(seen.global_features, self.projection(seen.local_maps))


def _stage(channels: list[int], modules: int, outputs: int) -> nn.Sequential:
    first = (HighResolutionModule(channels, len(channels)) for _ in range(modules - 1))
    return nn.Sequential(*first, HighResolutionModule(channels, outputs))
