"""Published checkpoints, brought into this program's names and into a file that can hold nothing but tensors.

A checkpoint is a pickle, which could run code when it is read. It is read here by PyTorch's reader for weights alone,
once, and every tensor in it is either used or named as not used; what is written is a safetensors file.
"""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from backend.features.image_backbones.resnet import ResNet50
from smpl_rig.errors import LimberError
from smpl_rig.whole_files import whole_file

from . import weights_path
from .mps_net import MPSNet
from .regressor import IterativeRegressor

#: How many names an error lists.
NAMES_SHOWN = 6


class CheckpointError(LimberError):
    """A published checkpoint cannot be used."""


@dataclass(frozen=True)
class Renamed:
    """Tensors that have other names in a release.

    Attributes:
        ours: how their names begin here.
        released: how they begin there.
        kernel: sizes that follow theirs there, where a release has a convolution for what is a linear layer here.
    """

    ours: str
    released: str
    kernel: tuple[int, ...] = ()


@dataclass(frozen=True)
class PublishedNetwork:
    """One of our networks, of which a release holds the weights.

    Attributes:
        network: the name it has here.
        config: which of its sizes, or whose weights.
        build: makes the network.
        names: for each of its tensors, the first that fits counts.
    """

    network: str
    config: str
    build: Callable[[], nn.Module]
    names: tuple[Renamed, ...]


@dataclass(frozen=True)
class Release:
    """How a public release stores weights.

    Attributes:
        entry: where in the checkpoint the tensors are.
        networks: whose they are.
        unused: how the names of those begin for which there is no use here.
    """

    entry: str
    networks: tuple[PublishedNetwork, ...]
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """What became of a checkpoint.

    Attributes:
        written: the files made of it.
        used: how many tensors they hold.
        unused: names of the tensors and other entries that were left.
    """

    written: tuple[Path, ...]
    used: int
    unused: tuple[str, ...]


#: What ``--network`` may say, and the release that it means.
RELEASES: Mapping[str, Release] = {
    # github.com/MPS-Net/MPS-Net_release
    "mps-net": Release(
        entry="gen_state_dict",
        networks=(
            PublishedNetwork(
                network="mps-net",
                config="paper",
                build=MPSNet,
                names=(
                    Renamed("moca.theta.", "nonlocalblock.conv_theta.", kernel=(1,)),
                    Renamed("moca.phi.", "nonlocalblock.conv_phi.", kernel=(1,)),
                    Renamed("moca.g.", "nonlocalblock.conv_g.", kernel=(1,)),
                    Renamed("moca.rho.", "nonlocalblock.conv_mask_forR."),
                    Renamed("moca.W_z.", "nonlocalblock.conv_mask.", kernel=(1,)),
                    Renamed("hafi.resize.", "nonlocalblock.attention.fc."),
                    Renamed("hafi.attention.", "nonlocalblock.attention.attention."),
                    Renamed("regressor.", "regressor."),
                ),
            ),
        ),
        unused=("regressor.smpl.",),
    ),
    # github.com/nkolot/SPIN: the features that MPS-Net's release reads, and a body found in each frame alone
    "resnet50": Release(
        entry="model",
        networks=(
            PublishedNetwork("resnet50", "spin", build=ResNet50, names=(Renamed("", ""),)),
            PublishedNetwork("regressor", "spin", build=IterativeRegressor, names=(Renamed("", ""),)),
        ),
    ),
}


def import_weights(file: Path, network: str) -> Imported:
    """Makes weights that can be used here of a checkpoint that others published.

    Args:
        file: a checkpoint as its authors offer it.
        network: one of :data:`RELEASES`.

    Raises:
        CheckpointError: if the network is unknown, the file cannot be read, asks for more than tensors, or does not
            hold exactly the tensors that the release does.
    """
    if network not in RELEASES:
        raise CheckpointError(
            f"Weights for '{network}' cannot be imported. Choose one of {', '.join(sorted(RELEASES))}."
        )
    release = RELEASES[network]
    checkpoint = _read(file)
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get(release.entry), dict):
        held = ", ".join(map(str, checkpoint)) if isinstance(checkpoint, dict) else type(checkpoint).__name__
        raise CheckpointError(
            f"{file.name} is not a checkpoint of {network}: it should have an entry '{release.entry}' and holds {held}."
        )
    found, unused = our_tensors(checkpoint[release.entry], release, f"{file.name} is not the release of {network}")
    digest = _sha256(file)
    written = []
    for published, tensors in zip(release.networks, found, strict=True):
        path = weights_path(published.network, published.config)
        about = {"network": published.network, "config": published.config, "source": file.name, "source_sha256": digest}
        _write(safetensors.torch.save(tensors, about), path)
        written.append(path)
    others = [str(entry) for entry in checkpoint if entry != release.entry]
    return Imported(tuple(written), sum(map(len, found)), (*unused, *others))


def our_tensors(
    released: Mapping[str, Any], release: Release, refusal: str
) -> tuple[list[dict[str, Tensor]], list[str]]:
    """A release's tensors by our names, for each of its networks, and the names of those that are not used.

    Raises:
        CheckpointError: which begins with ``refusal`` and names what is missing, unknown or unfit.
    """
    left = dict(released)
    missing, unfit = [], []
    found: list[dict[str, Tensor]] = []
    for published in release.networks:
        tensors = {}
        for name, ours in _template(published).items():
            renamed = next(names for names in published.names if name.startswith(names.ours))
            theirs = renamed.released + name.removeprefix(renamed.ours)
            if theirs not in left and name.endswith(".num_batches_tracked"):
                # PyTorch before 0.4.1 did not count batches, which matters in training only
                tensors[name] = torch.zeros(ours.shape, dtype=ours.dtype)
                continue
            if theirs not in left:
                missing.append(theirs)
                continue
            tensor = left.pop(theirs)
            shape = (*ours.shape, *renamed.kernel)
            if reason := _unfit(tensor, shape, ours.dtype):
                unfit.append(f"{theirs} ({reason})")
                continue
            tensors[name] = tensor.reshape(ours.shape).to(ours.dtype, copy=True).contiguous()
        found.append(tensors)
    unused = [name for name in left if str(name).startswith(release.unused)]
    unknown = [str(name) for name in left if name not in unused]
    problems = [
        f"{what} {_listed(names)}"
        for what, names in (("it lacks", missing), ("it should not have", unknown), ("unfit are", unfit))
        if names
    ]
    if problems:
        raise CheckpointError(f"{refusal}: {'; '.join(problems)}.")
    return found, unused


def _template(published: PublishedNetwork) -> dict[str, Tensor]:
    """A network's tensors by name, without their values."""
    with torch.device("meta"):
        return published.build().state_dict()


def _unfit(tensor: Any, shape: tuple[int, ...], dtype: torch.dtype) -> str:
    """Why a tensor cannot be used; empty if it can."""
    if not isinstance(tensor, Tensor):
        return "not a tensor"
    if tuple(tensor.shape) != shape:
        return f"{tuple(tensor.shape)} instead of {shape}"
    if tensor.is_floating_point() != dtype.is_floating_point:
        return f"{tensor.dtype} instead of {dtype}"
    if not bool(tensor.isfinite().all()):
        return "not all finite"
    return ""


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return shown if len(names) <= NAMES_SHOWN else f"{shown} and {len(names) - NAMES_SHOWN} more"


class _NumPyValue:
    """Stands in for what NumPy left beside the weights, such as a score; it is not read."""

    def __init__(self, *_: object) -> None:
        """Takes what a pickle says of it."""

    def __setstate__(self, _: object) -> None:
        """Takes what a pickle says of it."""


#: Names in a pickle that are harmless, because they mean something else here.
_HARMLESS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_NumPyValue, f"numpy.{name}")
    for name in (
        "dtype",
        "ndarray",
        "core.multiarray.scalar",
        "core.multiarray._reconstruct",
        "_core.multiarray.scalar",
        "_core.multiarray._reconstruct",
    )
]


def _read(file: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror or error}.") from error
    except pickle.UnpicklingError as error:
        if asked := re.search(r"GLOBAL (\S+)", str(error)):
            name = asked[1].rstrip(".")
            raise CheckpointError(
                f"{file.name} holds more than tensors: it asks for {name!r}, which could run code and is not let in. "
                "Get the file from its authors."
            ) from error
        raise _broken(file) from error
    except Exception as error:  # what a broken file raises depends on where it is broken
        raise _broken(file) from error


def _broken(file: Path) -> CheckpointError:
    return CheckpointError(f"{file.name} is not a PyTorch checkpoint, or is damaged. Download it again.")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write(content: bytes, path: Path) -> None:
    """Never half a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written: {error.strerror or error}.") from error
