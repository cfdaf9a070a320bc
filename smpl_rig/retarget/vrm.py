"""Which bones of a VRM character are which, as its file says itself: VRM 0.x and 1.0 are glTF with a humanoid."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from .finding import Finding
from .rig import RigError
from .rig_map import RigBones, rig_maps

_GLB_MAGIC, _GLB_HEADER = b"glTF", struct.Struct("<4sII II")


def find_in_vrm(path: str | os.PathLike[str]) -> Finding | None:
    """The bones that a glTF file names as a humanoid's; None where it is no VRM's.

    Format: "VRM 0.x" (``extensions.VRM``) and "VRMC_vrm 1.0" (``extensions.VRMC_vrm``), field ``humanoid.humanBones``.

    Raises:
        RigError: if the file cannot be read, or its humanoid is damaged or lacks bones that are needed.
    """
    path = Path(path)
    try:
        document = _document(path)
        named = _human_bones(document)
        if not named:
            return None
        nodes = {human: str(document["nodes"][node]["name"]) for human, node in named.items()}
    except OSError as error:
        raise RigError(f"{path} cannot be read: {error.strerror}.") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, struct.error) as error:
        raise RigError(f"{path.name}: its humanoid is damaged: {error!r}.") from error
    family = next(family for family in rig_maps() if family.name == "vrm")
    found = family.found_in(nodes)
    bones = RigBones(
        {joint: nodes[human] for joint, human in found.joints.items()},
        {chain: tuple(nodes[human] for human in members) for chain, members in found.chains.items()},
    )
    if bones.lacking():
        raise RigError(f"{path.name}: its humanoid lacks {', '.join(bones.lacking())}.")
    return Finding(bones, "the file's own humanoid", dict.fromkeys(bones.all(), 1.0))


def _human_bones(document: Any) -> dict[str, int]:
    """By VRM's name of a bone, the number of its node."""
    extensions = document.get("extensions", {})
    if "VRMC_vrm" in extensions:
        humans = extensions["VRMC_vrm"]["humanoid"]["humanBones"]
        return {human: int(bone["node"]) for human, bone in humans.items()}
    if "VRM" in extensions:
        # a bone that is left out has the node -1
        humans = extensions["VRM"]["humanoid"]["humanBones"]
        return {str(bone["bone"]): int(bone["node"]) for bone in humans if int(bone["node"]) >= 0}
    return {}


def _document(path: Path) -> Any:
    with path.open("rb") as file:
        if file.read(len(_GLB_MAGIC)) != _GLB_MAGIC:
            return json.loads(path.read_text(encoding="utf-8"))
        file.seek(0)
        *_, length, _kind = _GLB_HEADER.unpack(file.read(_GLB_HEADER.size))
        return json.loads(file.read(length))
