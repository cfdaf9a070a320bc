"""How many frames a second each network answers for, alone: from features to pose, 64 windows at once.

A processor runs one thread, whose own time is taken, so that the figures mean the same on a machine that has other work
to do. On a GPU it is the time that passes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch

from backend.machine import machine
from backend.text_table import aligned

from .configurations import CONFIGURATIONS, Configuration
from .frame_features import FrameFeatures
from .sliding_window import run
from .temporal_network import TemporalNetwork

WINDOWS_AT_ONCE = 64
#: A network is run over and over for so long, and the best time counts.
SECONDS_EACH = 3.0
#: What papers print: whose, seconds for an image, on what, with the backbone that finds the features.
PRINTED = (("SPS-Net", 0.09, "V100"), ("VIBE", 0.07, "RTX 2080 Ti"))


@dataclass(frozen=True)
class Speed:
    """One network's speed.

    Attributes:
        network: its name.
        configuration: ``paper`` or ``landmark``.
        device: the processor or GPU.
        frames_per_second: answered for.
        seconds_per_frame: the same, the other way round.
        times_sps_net: how many times SPS-Net's printed speed that is, which has the backbone in.
    """

    network: str
    configuration: str
    device: str
    frames_per_second: float
    seconds_per_frame: float
    times_sps_net: float


def devices() -> list[torch.device]:
    """The processor, and the GPU if there is one."""
    gpus = [torch.device("cuda")] if torch.cuda.is_available() else []
    return [torch.device("cpu"), *gpus]


def speeds(configurations: tuple[Configuration, ...] = CONFIGURATIONS) -> Iterator[Speed]:
    """Each network's, on each device, as they are found."""
    for device in devices():
        for configuration in configurations:
            torch.manual_seed(0)
            seconds = _seconds_per_frame(configuration, device)
            yield Speed(
                configuration.network,
                configuration.name,
                _name_of(device),
                1 / seconds,
                seconds,
                PRINTED[0][1] / seconds,
            )


def as_table(found: list[Speed]) -> str:
    """For people."""
    heading = ("network", "configuration", "frames per second", "ms per frame", "times SPS-Net's paper", "on")
    rows = [
        (
            speed.network,
            speed.configuration,
            f"{speed.frames_per_second:,.1f}",
            f"{1000 * speed.seconds_per_frame:.2f}",
            f"{speed.times_sps_net:,.1f}",
            speed.device,
        )
        for speed in found
    ]
    printed = (f"{whose}: {1 / seconds:.1f} ({seconds} s for an image, {on})" for whose, seconds, on in PRINTED)
    return f"{aligned([heading, *rows], right=(2, 3, 4))}\nPapers print, backbone included: {'; '.join(printed)}."


def as_records(found: list[Speed]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(speed) for speed in found]


def _name_of(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"one core of {machine()}"


def _seconds_per_frame(configuration: Configuration, device: torch.device) -> float:
    network = configuration.build().eval().to(device)
    window = network.window
    frames = window.first + (WINDOWS_AT_ONCE - 1) * window.stride + window.outputs[-1] + 1
    noise = configuration.noise(1, frames)
    features = FrameFeatures(**{name: value.to(device) for name, value in noise.tensors().items()})
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times: list[float] = []
    with _one_thread():
        while sum(times) < SECONDS_EACH:
            times.append(_seconds(network, features, clock))
    return min(times) / frames


@torch.no_grad()
def _seconds(network: TemporalNetwork, features: FrameFeatures, clock: Callable[[], float]) -> float:
    """One sequence, with the copies of its border frames that fill the first and the last windows."""
    began = clock()
    estimate = run(network, features, WINDOWS_AT_ONCE)
    assert bool(estimate.pose6d.isfinite().all())  # waits for the GPU
    return clock() - began


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
