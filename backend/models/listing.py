"""What ``limber networks`` tells of each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

from backend.text_table import aligned

from . import PER_FRAME, TOGETHER, weights_file, weights_path
from .configurations import CONFIGURATIONS, Configuration, Shape
from .published import RELEASES
from .temporal_network import Window

#: Of the networks' code and of the weights that ship with Limber.
OUR_LICENCE = "GPL-3.0-or-later"
THEIR_LICENCE = "its authors'"

_FIELDS: Mapping[str, str] = {
    "global_features": "features",
    "local_maps": "maps",
    "initial_pose6d": "initial pose",
    "initial_camera": "initial camera",
    "box_information": "place of the box",
}
#: Fields whose sizes say something.
_SIZED = ("global_features", "local_maps")


@dataclass(frozen=True)
class Listed:
    """One network in one of its configurations.

    Attributes:
        network: its name.
        configuration: ``paper`` or ``landmark``; empty for the fit, which is no network.
        inputs: what it reads of each frame.
        window: frames that it reads together.
        outputs: those of them that it answers for.
        parameters: that it has, the features' encoder not counted.
        weights: whether there are any here, and if not, where they may come from.
        licence: of the weights, or of the code where there are none.
    """

    network: str
    configuration: str
    inputs: str
    window: int
    outputs: int
    parameters: int
    weights: str
    licence: str


def listing() -> list[Listed]:
    """All networks in all configurations, and the fit that needs none."""
    listed = [_listed(configuration) for configuration in CONFIGURATIONS]
    parts = [entry for entry in listed if entry.network in TOGETHER.parts and entry.configuration == "landmark"]
    together = Listed(
        TOGETHER.name,
        "",
        "what its parts read",
        max(entry.window for entry in parts),
        1,
        sum(entry.parameters for entry in parts),
        "shipped" if TOGETHER.ready else "none yet",
        OUR_LICENCE,
    )
    fit = Listed(PER_FRAME.name, "", "landmarks", 1, 1, 0, "needs none", OUR_LICENCE)
    return [*listed, together, fit]


def as_table(listed: list[Listed]) -> str:
    """For people."""
    heading = ("network", "configuration", "reads", "window", "parameters", "weights", "licence")
    rows = [
        (
            entry.network,
            entry.configuration or "-",
            entry.inputs,
            f"{entry.window} in, {entry.outputs} out",
            f"{entry.parameters:,}",
            entry.weights,
            entry.licence,
        )
        for entry in listed
    ]
    return aligned([heading, *rows], right=(4,))


def as_records(listed: list[Listed]) -> list[dict[str, Any]]:
    """For programs."""
    return [asdict(entry) for entry in listed]


def _listed(configuration: Configuration) -> Listed:
    with torch.device("meta"):
        network = configuration.build()
    weights, licence = _weights(configuration)
    window: Window = network.window
    return Listed(
        network=configuration.network,
        configuration=configuration.name,
        inputs=", ".join(_named(field, shape) for field, shape in configuration.reads.items()),
        window=window.length,
        outputs=len(window.outputs),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        weights=weights,
        licence=licence,
    )


def _named(field: str, shape: Shape) -> str:
    return f"{' x '.join(map(str, shape))} {_FIELDS[field]}" if field in _SIZED else _FIELDS[field]


def _weights(configuration: Configuration) -> tuple[str, str]:
    if configuration.name == "landmark":
        return ("shipped" if weights_file(configuration.network).is_file() else "none yet"), OUR_LICENCE
    if weights_path(configuration.network, configuration.name).is_file():
        return "imported", THEIR_LICENCE
    if configuration.network in RELEASES:
        return "can be imported", THEIR_LICENCE
    return "none published", OUR_LICENCE
