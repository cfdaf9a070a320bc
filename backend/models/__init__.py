"""The networks that can turn what is seen of a person into pose, and which of them can be used now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backend.cache import weights_folder
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
        imported: network and configuration of the published weights that it needs; none where its own ship with Limber.
        parts: the networks of whose answers it is the mean.
    """

    name: str
    title: str
    paper: str
    imported: tuple[tuple[str, str], ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def weights(self) -> tuple[Path, ...]:
        """The files that it needs."""
        if self.parts:
            return tuple(weights_file(part) for part in self.parts)
        if not self.paper:
            return ()
        return tuple(weights_path(*published) for published in self.imported) or (weights_file(self.name),)

    @property
    def ready(self) -> bool:
        """Whether it can be used now, that is, has weights or needs none."""
        return all(file.is_file() for file in self.weights)

    @property
    def missing(self) -> tuple[str, ...]:
        """How ``limber import-weights`` would bring the published weights that are not here yet."""
        there = {published: weights_path(published, config).is_file() for published, config in self.imported}
        return tuple(f"limber import-weights FILE --network {name}" for name in there if not there[name])


def weights_file(name: str) -> Path:
    """Where the weights lie that ship with Limber."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def weights_path(network: str, config: str) -> Path:
    """Where a network's imported weights lie, or would."""
    return weights_folder() / f"{network}-{config}.safetensors"


TOGETHER = Network(
    "together",
    "The mean of what all five networks answer; as good as the best of them, and five times the work",
    "",
    parts=("mps-net", "sps-net", "stc-net", "tar", "str-net"),
)
PER_FRAME = Network("per-frame", "Body fitted to the landmarks of every frame; needs no weights", "")

#: ``auto`` takes the first: with the fit, it is ahead of ``tar`` on the library's validation part, by which choices are
#: made (docs/evaluation.md).
NETWORKS: tuple[Network, ...] = (
    Network(
        "mps-net",
        "Self-similarity-guided attention (MoCA) and hierarchical integration (HAFI), 16 frames",
        "Wei et al. 2022, Capturing Humans in Motion: Temporal-Attentive 3D Human Pose and Shape Estimation",
    ),
    TOGETHER,
    Network(
        "tar",
        "Temporal transformer, bidirectional ConvGRU on local maps and recurrent refinement, 9 frames",
        "Temporal-Aware Refinement for Video-based Human Pose and Shape Recovery",
    ),
    Network(
        "stc-net",
        "Five similarity and attention maps over per-frame estimates, LSTM residual refinement, 16 frames",
        "Enhanced Spatio-Temporal Context for Temporally Consistent Robust 3D Human Motion Recovery",
    ),
    Network(
        "str-net",
        "Temporal tendency reasoning and spatial tendency enhancing in time and frequency, 16 frames",
        "Spatio-Temporal Tendency Reasoning for Human Body Pose and Shape Estimation from Videos",
    ),
    Network(
        "sps-net",
        "Self-attention with forecasting and learned fusion, 32 frames",
        "Self-attentive Pose and Shape Network",
    ),
    Network(
        "mps-net-paper",
        "MPS-Net as its authors published it, which reads pictures; needs their weights and SPIN's to be imported",
        "Wei et al. 2022, Capturing Humans in Motion: Temporal-Attentive 3D Human Pose and Shape Estimation",
        imported=(("mps-net", "paper"), ("resnet50", "spin")),
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
    network = network_named(name)
    if not network.ready:
        offered = (
            f" here. Its authors offer them: {' and '.join(network.missing)}"
            if network.imported
            else " in this version"
        )
        raise NetworkError(f"Network '{name}' has no weights{offered}. Choose auto or one of {', '.join(ready)}.")
    return name


def network_named(name: str) -> Network:
    """One of :data:`NETWORKS`.

    Raises:
        NetworkError: if there is none of that name.
    """
    for network in NETWORKS:
        if network.name == name:
            return network
    ready = ", ".join(network.name for network in NETWORKS if network.ready)
    raise NetworkError(f"Network '{name}' is unknown. Choose auto or one of {ready}.")
