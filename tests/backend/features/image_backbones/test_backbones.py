import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from backend.features.image_backbones.backbone import ImageBackbone
from backend.features.image_backbones.hrnet import (
    POSE_W32,
    POSE_W48,
    W32,
    W48,
    HRNet,
    HRNetConfig,
    ProjectedHRNet,
)
from backend.features.image_backbones.resnet import ResNet50

from .authored import authored_crops, authored_weights

#: Made by ``make_golden.py`` with torchvision and timm, which keeps every so many channels and places.
GOLDEN = json.loads((Path(__file__).parent / "golden" / "features.json").read_text())
CHANNEL_STEP, PLACE_STEP = 31, 5


def near(found: Tensor, golden: list[float]) -> bool:
    """To a few millionths of the largest, which is what the order of sums leaves open."""
    expected = torch.tensor(golden)
    return bool(torch.allclose(found.flatten(), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())))


@torch.no_grad()
@pytest.mark.parametrize(
    ("build", "golden", "side"),
    [(ResNet50, "resnet50", 224), (lambda: HRNet(W32), "hrnet_w32", 128)],
    ids=["resnet50", "hrnet_w32"],
)
def test_answers_as_independent_implementations_do(build: Callable[[], ImageBackbone], golden: str, side: int) -> None:
    backbone = build().eval()
    backbone.load_state_dict(authored_weights(backbone.state_dict()))
    seen = backbone(authored_crops(1, side))
    assert near(seen.global_features[0, ::CHANNEL_STEP], GOLDEN[golden]["global_features"])
    assert near(seen.local_maps[0, ::CHANNEL_STEP, ::PLACE_STEP, ::PLACE_STEP], GOLDEN[golden]["local_maps"])


@pytest.mark.parametrize(
    ("build", "side"),
    [
        (ResNet50, 224),
        (HRNet, 256),
        (lambda: HRNet(W32), 256),
        (lambda: HRNet(POSE_W48), 256),
        (ProjectedHRNet, 256),
    ],
)
def test_features_have_the_sizes_that_are_declared(build: Callable[[], ImageBackbone], side: int) -> None:
    with torch.device("meta"):
        backbone = build().eval()
        assert backbone.crop_px == side
        seen = backbone(torch.zeros(2, 3, side, side))
    assert seen.global_features.shape == (2, backbone.feature_size)
    assert seen.local_maps.shape == (2, *backbone.map_shape)


def test_tars_backbone_gives_maps_of_256_channels_and_64_by_64() -> None:
    with torch.device("meta"):
        assert ProjectedHRNet(W48).map_shape == (256, 64, 64)


def count(backbone: ImageBackbone, height: int, width: int) -> tuple[int, int]:
    """Parameters, and multiplications with additions for one crop."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        backbone.eval()(torch.zeros(1, 3, height, width))
    return sum(parameter.numel() for parameter in backbone.parameters()), counter.get_total_flops() // 2


def test_resnet_50_has_its_parameters_and_multiplications() -> None:
    with torch.device("meta"):
        parameters, multiplications = count(ResNet50(), 224, 224)
    assert parameters == 23_508_032
    assert round(multiplications / 1e9, 2) == 4.09  # 4.087 G in MPS-Net's table


@pytest.mark.parametrize(("config", "millions", "giga"), [(POSE_W32, 28.5, 7.10), (POSE_W48, 63.6, 14.6)])
def test_hrnet_for_pose_has_the_sizes_of_its_paper(config: HRNetConfig, millions: float, giga: float) -> None:
    """Sun et al. 2019, table 1, for crops of 256 x 192; with the last layer, which is left aside here.

    A giga is 2^30 there, as in the program that was published with it.
    """
    with torch.device("meta"):
        parameters, multiplications = count(HRNet(config), 256, 192)
    parameters += 17 * (config.width + 1)
    multiplications += 17 * config.width * 64 * 48
    assert round(parameters / 1e6, 1) == millions
    assert multiplications / 2**30 == pytest.approx(giga, rel=0.005)
