"""The weights that ship with Limber: one file for each network, with the encoder whose features it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from backend.features.landmarks import LandmarkEncoder
from smpl_rig.whole_files import whole_file

from . import TOGETHER, NetworkError, mps_net, sps_net, stc_net, str_net, tar, weights_file
from .estimation import LandmarkNetwork, Together
from .temporal_network import TemporalNetwork

#: How each network is made in its landmark configuration.
LANDMARK_NETWORKS: Mapping[str, Callable[[], TemporalNetwork]] = MappingProxyType(
    {
        "mps-net": lambda: mps_net.MPSNet(mps_net.LANDMARK),
        "sps-net": lambda: sps_net.SPSNet(sps_net.LANDMARK),
        "stc-net": lambda: stc_net.STCNet(stc_net.LANDMARK),
        "tar": lambda: tar.TAR(tar.LANDMARK),
        "str-net": lambda: str_net.STRNet(str_net.LANDMARK),
    }
)


def build_landmark_network(name: str) -> LandmarkNetwork:
    """A network of that name with its encoder, freshly initialised.

    Raises:
        NetworkError: if there is none of that name.
    """
    if name not in LANDMARK_NETWORKS:
        raise NetworkError(f"Network '{name}' is unknown. Choose one of {', '.join(LANDMARK_NETWORKS)}.")
    return LandmarkNetwork(LandmarkEncoder(), LANDMARK_NETWORKS[name]())


def load_networks(name: str, device: torch.device) -> LandmarkNetwork | Together:
    """The network of that name that ships with Limber, or those of whose answers it is the mean.

    Raises:
        NetworkError: as :func:`load_network`.
    """
    if name == TOGETHER.name:
        return Together([load_network(part, device) for part in TOGETHER.parts])
    return load_network(name, device)


def save_network(network: LandmarkNetwork, name: str, path: Path, made: Mapping[str, str]) -> None:
    """Writes a network in half precision, and how it was made, in the file's metadata.

    Processes that learned together may all write it: the file is never half of one and half of another.
    """
    halves = {key: value.half().contiguous() for key, value in network.state_dict().items()}
    with whole_file(path) as part:
        save_file(halves, part, metadata={"network": name, **made})


def how_made(path: Path) -> dict[str, str]:
    """What :func:`save_network` wrote beside the weights."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def load_network(name: str, device: torch.device, path: Path | None = None) -> LandmarkNetwork:
    """Reads a network, ready to be used.

    Args:
        name: the network's.
        device: where it is to run.
        path: its file; None is the one that ships with Limber.

    Raises:
        NetworkError: if there is no such file, or it does not hold this network's weights.
    """
    network = build_landmark_network(name)
    path = path or weights_file(name)
    if not path.is_file():
        raise NetworkError(f"Network '{name}' has no weights: {path} is missing.")
    try:
        with safe_open(path, framework="pt") as file:
            held = (file.metadata() or {}).get("network")
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118  (not a mapping)
    except SafetensorError as error:
        raise NetworkError(f"{path} is damaged ({error}). Install Limber again.") from error
    if held != name:
        raise NetworkError(f"{path} holds the weights of '{held}', not of '{name}'.")
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise NetworkError(f"{path} is of another version of '{name}': {error}") from error
    return network.to(device).eval()
