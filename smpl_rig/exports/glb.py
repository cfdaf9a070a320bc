"""Binary glTF 2.0 as Khronos' validator likes it, after Blender wrote it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

_HEADER, _CHUNK = struct.Struct("<4sII"), struct.Struct("<II")


def hang_skinned_meshes_on_scenes(path: Path) -> None:
    """Moves the nodes of skinned meshes from their parents to the scenes' own nodes.

    Only joints move a skinned mesh; what its node hangs on moves nothing (glTF 2.0, section 3.7.3.3), and programs that
    forget this move the mesh twice. Blender hangs it on the armature.
    """
    raw = path.read_bytes()
    magic, version, _ = _HEADER.unpack_from(raw)
    length, kind = _CHUNK.unpack_from(raw, _HEADER.size)
    begin = _HEADER.size + _CHUNK.size
    content = json.loads(raw[begin : begin + length])
    _hang_on_scenes(content)
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)  # chunks begin at multiples of four bytes
    rest = raw[begin + length :]
    header = _HEADER.pack(magic, version, begin + len(text) + len(rest))
    path.write_bytes(header + _CHUNK.pack(len(text), kind) + text + rest)


def _hang_on_scenes(content: dict[str, Any]) -> None:
    nodes = content.get("nodes", [])
    skinned = [index for index, node in enumerate(nodes) if "skin" in node]
    for scene in content.get("scenes", []):
        hung = set(_below(nodes, scene.get("nodes", [])))
        for node in (node for node in skinned if node in hung and node not in scene["nodes"]):
            scene["nodes"].append(node)
    for node in nodes:
        kept = [child for child in node.pop("children", []) if child not in skinned]
        if kept:
            node["children"] = kept


def _below(nodes: list[dict[str, Any]], roots: list[int]) -> list[int]:
    return [each for root in roots for each in (root, *_below(nodes, nodes[root].get("children", [])))]
