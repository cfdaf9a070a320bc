"""The networks that can turn a track of landmarks into pose, and which of them can be used now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smpl_rig.errors import LimberError


class NetworkError(LimberError):
    """A network was asked for that is unknown or has no weights here."""


@dataclass(frozen=True)
class Network:
    """What a user reads of a network before choosing it.

    Attributes:
        name: how it is called on the command line and in Blender.
        title: one line that says what it is.
        paper: the paper it follows; empty if there is none.
    """

    name: str
    title: str
    paper: str

    @property
    def ready(self) -> bool:
        """Whether it can be used now, that is, has weights or needs none."""
        return not self.paper or weights_file(self.name).is_file()


def weights_file(name: str) -> Path:
    """Where the weights of a network lie, if it has any."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


PER_FRAME = Network("per-frame", "Body fitted to the landmarks of every frame; needs no weights", "")

#: Best first, as ``auto`` chooses.
NETWORKS: tuple[Network, ...] = (
    Network(
        "mps-net",
        "Self-similarity-guided attention (MoCA) and hierarchical integration (HAFI), 16 frames",
        "Wei et al. 2022, Capturing Humans in Motion: Temporal-Attentive 3D Human Pose and Shape Estimation",
    ),
    Network(
        "sps-net",
        "Self-attention with forecasting and learned fusion, 32 frames",
        "Self-attentive Pose and Shape Network",
    ),
    Network(
        "stc-net",
        "Five similarity and attention maps over per-frame estimates, LSTM residual refinement, 16 frames",
        "Enhanced Spatio-Temporal Context for Temporally Consistent Robust 3D Human Motion Recovery",
    ),
    Network(
        "tar",
        "Temporal transformer, bidirectional ConvGRU on local maps and recurrent refinement, 9 frames",
        "Temporal-Aware Refinement for Video-based Human Pose and Shape Recovery",
    ),
    Network(
        "str-net",
        "Temporal tendency reasoning and spatial tendency enhancing in time and frequency, 16 frames",
        "Spatio-Temporal Tendency Reasoning for Human Body Pose and Shape Estimation from Videos",
    ),
    PER_FRAME,
)


def choose_network(name: str) -> str:
    """The network to use: ``auto`` is the best one that is ready.

    Raises:
        NetworkError: if the name is unknown, or the network has no weights yet.
    """
    ready = [network.name for network in NETWORKS if network.ready]
    if name == "auto":
        return ready[0]
    if name not in {network.name for network in NETWORKS}:
        raise NetworkError(f"Network '{name}' is unknown. Choose auto or one of {', '.join(ready)}.")
    if name not in ready:
        raise NetworkError(
            f"Network '{name}' has no weights in this version. Choose auto or one of {', '.join(ready)}."
        )
    return name
