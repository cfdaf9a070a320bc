"""Parameters and FLOPs of the networks as their papers describe them, beside the figures that the papers print.

Nothing is computed: tensors on torch's meta device have a shape and no values.

Papers count differently. MPS-Net, SPS-Net and STR-Net count HMR in, its regressor beside their own; MPS-Net and STR-Net
also the pose that the body model of a batch of 64 holds. TAR leaves its backbone out. What MPS-Net calls FLOPs are
multiply-adds, those of ResNet-50 for one frame and of all else for a window; TAR has twice as many, for a window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from backend.features.image_backbones.resnet import ResNet50
from backend.text_table import aligned

from . import tar
from .configurations import CONFIGURATIONS, Configuration
from .frame_features import FrameFeatures
from .mps_net import MPSNet
from .regressor import IterativeRegressor
from .sps_net import SPSNet
from .str_net import STRNet
from .temporal_network import TemporalNetwork

ModuleT = TypeVar("ModuleT", bound=nn.Module)

#: Numbers of pose and shape that smplx's body model holds as parameters for a batch of 64.
SMPL_POSE = 64 * (24 * 3 + 10)
#: Of millions printed with two decimals.
_HALF_OF_THE_LAST_DIGIT = 5e3
#: Table S3: S, parameters, FLOPs.
TAR_TABLE = ((64, 25.0e6, 184.6e9), (32, 29.9e6, 72.4e9), (16, 34.3e6, 43.5e9), (8, 38.5e6, 36.3e9))


class Asked(Enum):
    """How near a figure must come to what is expected."""

    NOTHING = "-"
    EXACTLY = "exactly"
    AS_PRINTED = "to the last digit"
    WITHIN_2_PERCENT = "within 2 %"


@dataclass(frozen=True)
class Figure:
    """One figure, ours beside a paper's.

    Attributes:
        network: whose it is.
        what: is counted.
        ours: counted in the code.
        printed: as the paper prints it, in millions or billions; empty if it does not.
        expected: what it should be; None where nobody says.
        asked: how near it must come to that.
    """

    network: str
    what: str
    ours: int
    printed: str = ""
    expected: float | None = None
    asked: Asked = Asked.NOTHING

    @property
    def ratio(self) -> float | None:
        """Ours to what is expected."""
        return None if self.expected is None else self.ours / self.expected

    @property
    def met(self) -> bool:
        """Whether it is what is asked for, if something is."""
        if self.expected is None:
            return True
        allowed = {
            Asked.NOTHING: math.inf,
            Asked.EXACTLY: 0.0,
            Asked.AS_PRINTED: _HALF_OF_THE_LAST_DIGIT,
            Asked.WITHIN_2_PERCENT: 0.02 * self.expected,  # TAR's text does not settle all sizes
        }
        return abs(self.ours - self.expected) <= allowed[self.asked]


def paper_table() -> list[Figure]:
    """All figures, network by network."""
    return [*_mps_net(), *_sps_net(), *_stc_net(), *_tar(), *_str_net()]


def as_table(figures: list[Figure]) -> str:
    """For people."""
    heading = ("network", "figure", "ours", "expected", "paper prints", "ratio", "asked for")
    rows = [
        (
            figure.network,
            figure.what,
            f"{figure.ours:,}",
            "-" if figure.expected is None else f"{figure.expected:,.0f}",
            figure.printed or "-",
            "-" if figure.ratio is None else f"{figure.ratio:.4f}",
            figure.asked.value if figure.met else f"{figure.asked.value}: NOT MET",
        )
        for figure in figures
    ]
    return aligned([heading, *rows], right=(2, 3, 4, 5))


def as_records(figures: list[Figure]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        asdict(figure) | {"asked": figure.asked.value, "ratio": figure.ratio, "met": figure.met} for figure in figures
    ]


def _mps_net() -> list[Figure]:
    network, window = _built("mps-net")
    assert isinstance(network, MPSNet)
    temporal = parameters(network.moca) + parameters(network.hafi)
    all_of_it = parameters(network) + hmr() + SMPL_POSE
    one_frame = torch.empty(1, 3, ResNet50.crop_px, ResNet50.crop_px, device="meta")
    multiply_adds = (flops(network, window) + flops(_on_meta(ResNet50), one_frame)) // 2
    return [
        Figure("mps-net", "parameters of MoCA and HAFI", temporal, expected=9_176_581, asked=Asked.EXACTLY),
        Figure("mps-net", "parameters of the regressor", parameters(network.regressor), "", 3_469_469, Asked.EXACTLY),
        Figure("mps-net", "parameters of HMR", hmr(), "", 26_977_501, Asked.EXACTLY),
        Figure("mps-net", "parameters, HMR and SMPL's pose in", all_of_it, "39.63 M", 39_628_799, Asked.EXACTLY),
        Figure("mps-net", "parameters, ResNet-50 in", parameters(network) + resnet_50(), "", 36_154_082, Asked.EXACTLY),
        Figure("mps-net", "multiply-adds, ResNet-50 for a frame in", multiply_adds, "4.45 G", 4.45e9),
        Figure("mps-net", "FLOPs of a window", flops(network, window)),
    ]


def _sps_net() -> list[Figure]:
    network, window = _built("sps-net")
    assert isinstance(network, SPSNet)
    whole = parameters(network) + hmr()
    fusion = parameters(network.fusion)  # of the two, which without one of them is not needed
    no_forecast = whole - parameters(network.forecasting) - fusion
    no_attention = whole - parameters(network.attention) - fusion
    return [
        Figure("sps-net", "parameters, HMR in", whole, "51.43 M", 51_430_779, Asked.EXACTLY),
        Figure("sps-net", "the same without forecasting", no_forecast, "47.23 M", 47_232_378, Asked.EXACTLY),
        Figure("sps-net", "the same without self-attention", no_attention, "34.64 M", 34_643_322, Asked.EXACTLY),
        Figure("sps-net", "FLOPs of a window", flops(network, window)),
    ]


def _stc_net() -> list[Figure]:
    network, window = _built("stc-net")
    return [
        Figure("stc-net", "parameters", parameters(network)),
        Figure("stc-net", "FLOPs of a window", flops(network, window)),
    ]


def _tar() -> list[Figure]:
    return [figure for size, millions, billions in TAR_TABLE for figure in _tar_of_size(size, millions, billions)]


def _tar_of_size(size: int, parameters_printed: float, flops_printed: float) -> list[Figure]:
    _, window = _built("tar")
    network = _on_meta(lambda: tar.TAR(replace(tar.PAPER, hidden_size=size)))
    return [
        Figure(
            "tar",
            f"parameters, S = {size}",
            parameters(network),
            f"{parameters_printed / 1e6} M",
            parameters_printed,
            Asked.WITHIN_2_PERCENT,
        ),
        Figure(
            "tar",
            f"FLOPs of a window, S = {size}",
            flops(network, window),
            f"{flops_printed / 1e9} G",
            flops_printed,
            Asked.WITHIN_2_PERCENT,
        ),
    ]


def _str_net() -> list[Figure]:
    network, window = _built("str-net")
    assert isinstance(network, STRNet)
    whole = parameters(network) + hmr() + SMPL_POSE
    return [
        Figure("str-net", "parameters, HMR and SMPL's pose in", whole, "127.19 M", 127.19e6, Asked.AS_PRINTED),
        Figure("str-net", "FLOPs of a window", flops(network, window)),
    ]


def parameters(module: nn.Module) -> int:
    """How many numbers a module learns."""
    return sum(parameter.numel() for parameter in module.parameters())


def flops(module: nn.Module, read: FrameFeatures | Tensor) -> int:
    """Twice the multiply-adds of matrix products and convolutions, as torch counts them."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(read)
    return int(counter.get_total_flops())


def resnet_50() -> int:
    """Parameters of ResNet-50 without its classifier."""
    return parameters(_on_meta(ResNet50))


def hmr() -> int:
    """Parameters of HMR: ResNet-50 and a regressor."""
    return resnet_50() + parameters(_on_meta(IterativeRegressor))


def _built(name: str) -> tuple[TemporalNetwork, FrameFeatures]:
    """The paper's network of that name and one window for it, without values."""
    (configuration,) = (one for one in CONFIGURATIONS if (one.network, one.name) == (name, "paper"))
    network = _on_meta(configuration.build)
    return network, _window(configuration, network)


def _window(configuration: Configuration, network: TemporalNetwork) -> FrameFeatures:
    with torch.device("meta"):
        return configuration.noise(1, network.window.length)


def _on_meta(build: Callable[[], ModuleT]) -> ModuleT:
    with torch.device("meta"):
        return build().eval()
