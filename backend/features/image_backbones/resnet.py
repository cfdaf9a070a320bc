"""ResNet-50 (He et al. 2016, Deep Residual Learning for Image Recognition), as SPIN, VIBE and MPS-Net use it.

The stride lies on the 3 x 3 convolution, and the layers have the names that torchvision and SPIN give them.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import relu

from .backbone import CropFeatures, ImageBackbone


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut (section 4.1); four times as many channels come out.

    Args:
        channels: that come in.
        inner: of the 3 x 3 convolution.
        stride: of the 3 x 3 convolution.
    """

    expansion = 4

    def __init__(self, channels: int, inner: int, stride: int = 1) -> None:
        super().__init__()
        outer = inner * self.expansion
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outer, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outer)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != outer:
            self.downsample = nn.Sequential(nn.Conv2d(channels, outer, 1, stride, bias=False), nn.BatchNorm2d(outer))

    def forward(self, maps: Tensor) -> Tensor:
        inner = relu(self.bn1(self.conv1(maps)))
        inner = relu(self.bn2(self.conv2(inner)))
        return relu(self.bn3(self.conv3(inner)) + self.downsample(maps))


def bottlenecks(channels: int, inner: int, count: int, stride: int = 1) -> nn.Sequential:
    """``count`` blocks, the first of which has the stride."""
    outer = inner * Bottleneck.expansion
    rest = (Bottleneck(outer, inner) for _ in range(count - 1))
    return nn.Sequential(Bottleneck(channels, inner, stride), *rest)


class ResNet50(ImageBackbone):
    """Table 1, 50 layers, without the classifier: 2048 numbers, the mean of 2048 maps of 7 x 7."""

    crop_px = 224
    feature_size = 2048
    map_shape = (2048, 7, 7)
    heads: ClassVar[tuple[str, ...]] = ("fc.",)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = bottlenecks(64, 64, 3)
        self.layer2 = bottlenecks(256, 128, 4, stride=2)
        self.layer3 = bottlenecks(512, 256, 6, stride=2)
        self.layer4 = bottlenecks(1024, 512, 3, stride=2)

    def forward(self, crops: Tensor) -> CropFeatures:
        maps = self.maxpool(relu(self.bn1(self.conv1(crops))))  # (N, 64, 56, 56)
        maps = self.layer1(maps)  # (N, 256, 56, 56)
        maps = self.layer2(maps)  # (N, 512, 28, 28)
        maps = self.layer3(maps)  # (N, 1024, 14, 14)
        maps = self.layer4(maps)  # (N, 2048, 7, 7)
        return CropFeatures(maps.mean((-2, -1)), maps)
