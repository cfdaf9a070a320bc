"""Independent readers of exported files: nothing here is Blender's, nor Limber's.

Each gives the joints' places by frame, in the file's own axes.
"""

from __future__ import annotations

import json
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Take:
    """``places[name]`` is (T, 3) in the file's axes and units; ``times_s`` (T,)."""

    times_s: np.ndarray
    places: dict[str, np.ndarray]
    parents: dict[str, str | None]
    animations: tuple[str, ...]
    bones: frozenset[str] = frozenset()
    #: Where the nodes stand without the animation: (4, 4) each, where a reader tells.
    standing: dict[str, np.ndarray] = field(default_factory=dict)
    #: (T, V, 3) the vertices that follow bones, as these bend them, where a reader tells.
    skin: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3)))


def _matrix(quaternion_wxyz: np.ndarray) -> np.ndarray:
    """(T, 4) -> (T, 3, 3)."""
    w, x, y, z = quaternion_wxyz.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _compose(place: np.ndarray, turn: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(T, 3), (T, 4) w first, (T, 3) -> (T, 4, 4)."""
    matrices = np.tile(np.eye(4), (len(place), 1, 1))
    matrices[:, :3, :3] = _matrix(turn) * scale[:, None]
    matrices[:, :3, 3] = place
    return matrices


def read_assimp(path: Path) -> Take:
    """Any format that Debian's ``assimp`` reads: it evaluates the file, we only walk its tree."""
    converted = path.with_suffix(".assimp.json")
    subprocess.run(
        ["assimp", "export", str(path), str(converted), "-fassjson"], check=True, capture_output=True, timeout=120
    )
    scene = json.loads(converted.read_text())
    animation = scene["animations"][0]
    channels = {channel["name"]: channel for channel in animation["channels"]}
    ticks = np.array([key[0] for key in animation["channels"][0]["positionkeys"]], dtype=float)
    places: dict[str, np.ndarray] = {}
    parents: dict[str, str | None] = {}
    standing: dict[str, np.ndarray] = {}
    moved: dict[str, np.ndarray] = {}

    def walk(node: dict[str, Any], above: np.ndarray, parent: str | None) -> None:
        name = node["name"]
        own = np.array(node["transformation"], dtype=float).reshape(4, 4)
        standing[name] = own if parent is None else standing[parent] @ own
        if name in channels:
            keys = [
                np.array([key[1] for key in channels[name][kind]])
                for kind in ("positionkeys", "rotationkeys", "scalingkeys")
            ]
            local = _compose(*(np.broadcast_to(key, (len(ticks), key.shape[1])) for key in keys))
        else:
            local = own
        world = above @ local
        places[name], parents[name], moved[name] = world[:, :3, 3], parent, world
        for child in node.get("children", []):
            walk(child, world, name)

    walk(scene["rootnode"], np.tile(np.eye(4), (len(ticks), 1, 1)), None)
    bones = {bone["name"] for mesh in scene.get("meshes", []) for bone in mesh.get("bones", [])}
    return Take(
        times_s=ticks / animation["tickspersecond"],
        places=places,
        parents=parents,
        animations=tuple(found["name"] for found in scene["animations"]),
        bones=frozenset(bones),
        standing=standing,
        skin=np.concatenate(
            [_skin(mesh, moved) for mesh in scene.get("meshes", [])] or [np.zeros((len(ticks), 0, 3))], 1
        ),
    )


def _skin(mesh: dict[str, Any], moved: dict[str, np.ndarray]) -> np.ndarray:
    """(T, V, 3): linear blend skinning, of meshes that have bones."""
    frames = len(next(iter(moved.values())))
    if "bones" not in mesh:
        return np.zeros((frames, 0, 3))
    vertices = np.reshape(mesh["vertices"], (-1, 3))
    resting = np.column_stack((vertices, np.ones(len(vertices))))
    bent, weights = np.zeros((frames, len(vertices), 3)), np.zeros(len(vertices))
    for bone in (bone for bone in mesh["bones"] if bone["weights"]):
        follows, weight = (np.array(each) for each in zip(*bone["weights"], strict=True))
        matrices = moved[bone["name"]] @ np.reshape(bone["offsetmatrix"], (4, 4))
        bent[:, follows] += weight[:, None] * np.einsum("tij,vj->tvi", matrices, resting[follows])[..., :3]
        weights[follows] += weight
    np.testing.assert_allclose(weights, 1, atol=1e-4)
    return bent


def read_bvh(path: Path) -> Take:  # noqa: PLR0912
    words = path.read_text().split()
    cursor = 0
    stack: list[str] = []
    parents: dict[str, str | None] = {}
    offsets: dict[str, np.ndarray] = {}
    channels: list[tuple[str, str]] = []
    while words[cursor] != "MOTION":
        word = words[cursor]
        if word in ("ROOT", "JOINT"):
            name = words[cursor + 1]
            parents[name] = stack[-1] if stack else None
            stack.append(name)
            cursor += 3  # and its brace
        elif word == "End":
            cursor += 8  # Site { OFFSET x y z }
        elif word == "OFFSET":
            offsets[stack[-1]] = np.array([float(value) for value in words[cursor + 1 : cursor + 4]])
            cursor += 4
        elif word == "CHANNELS":
            count = int(words[cursor + 1])
            channels += [(stack[-1], channel) for channel in words[cursor + 2 : cursor + 2 + count]]
            cursor += 2 + count
        else:
            if word == "}":
                stack.pop()
            cursor += 1
    frames = int(words[cursor + 2])
    frame_time = float(words[cursor + 5])
    values = np.array(words[cursor + 6 :], dtype=float).reshape(frames, len(channels))
    places: dict[str, np.ndarray] = {}
    turned: dict[str, np.ndarray] = {}
    for name, parent in parents.items():
        place = np.tile(offsets[name], (frames, 1))
        turn = np.tile(np.eye(3), (frames, 1, 1))
        for column, (owner, channel) in enumerate(channels):
            if owner != name:
                continue
            axis = "XYZ".index(channel[0])
            if channel.endswith("position"):
                place[:, axis] += values[:, column]
            else:
                half = np.zeros((frames, 4))
                half[:, 0], half[:, 1 + axis] = (f(np.deg2rad(values[:, column]) / 2) for f in (np.cos, np.sin))
                turn = turn @ _matrix(half)
        if parent is None:
            places[name], turned[name] = place, turn
        else:
            places[name] = places[parent] + (turned[parent] @ place[..., None])[..., 0]
            turned[name] = turned[parent] @ turn
    return Take(np.arange(frames) * frame_time, places, parents, ("",))


def read_glb(path: Path) -> Take:
    data = path.read_bytes()
    json_length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + json_length])
    binary = data[20 + json_length + 8 :]

    def accessor(index: int) -> np.ndarray:
        entry = document["accessors"][index]
        assert entry["componentType"] == 5126  # float
        width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[entry["type"]]
        view = document["bufferViews"][entry["bufferView"]]
        start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        flat = np.frombuffer(binary, "<f4", entry["count"] * width, start)
        return flat.reshape(-1, width).astype(float)

    nodes = document["nodes"]
    animation = document["animations"][0]
    times = max((accessor(sampler["input"])[:, 0] for sampler in animation["samplers"]), key=len)
    curves: dict[tuple[int, str], np.ndarray] = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        assert sampler.get("interpolation", "LINEAR") in ("LINEAR", "STEP")
        keys, values = accessor(sampler["input"])[:, 0], accessor(sampler["output"])
        if len(keys) != len(times):  # a constant channel has two keys
            assert np.allclose(values, values[0], atol=1e-6)
            values = np.tile(values[0], (len(times), 1))
        curves[channel["target"]["node"], channel["target"]["path"]] = values
    places: dict[str, np.ndarray] = {}
    parents: dict[str, str | None] = {}

    def walk(index: int, above: np.ndarray, parent: str | None) -> None:
        node = nodes[index]
        rest = {"translation": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": [1, 1, 1]}
        parts = {
            path: curves.get((index, path), np.tile(np.array(node.get(path, value), dtype=float), (len(times), 1)))
            for path, value in rest.items()
        }
        local = _compose(parts["translation"], np.roll(parts["rotation"], 1, axis=-1), parts["scale"])
        world = above @ local
        places[node["name"]], parents[node["name"]] = world[:, :3, 3], parent
        for child in node.get("children", []):
            walk(child, world, node["name"])

    for index in document["scenes"][document.get("scene", 0)]["nodes"]:
        walk(index, np.tile(np.eye(4), (len(times), 1, 1)), None)
    bones = {nodes[joint]["name"] for skin in document.get("skins", []) for joint in skin["joints"]}
    return Take(times, places, parents, tuple(found["name"] for found in document["animations"]), frozenset(bones))
