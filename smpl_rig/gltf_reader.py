"""Reading the animations of glTF 2.0 files (.glb, .gltf), in numpy: nodes alone, meshes are not looked at.

Khronos' specification, "glTF 2.0", sections 3.5 (nodes), 3.6 (accessors), 3.7 (skins) and 3.11 (animations). Its
lengths are metres, its axes Y up.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .skeletal_motion import MOST_FRAMES, Floats, SkeletalMotion, SkeletalMotionError, check_values

_NUMBERS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_GLB_MAGIC, _JSON_CHUNK, _BINARY_CHUNK = b"glTF", 0x4E4F534A, 0x004E4942
#: Frames per second where keys are too few, too near or too far apart to tell.
USUAL_RATE = 30.0
_RATES = (10.0, 240.0)


class GltfError(SkeletalMotionError):
    """A file is no glTF, or holds no motion of a skeleton."""


def read_gltf(path: str | os.PathLike[str]) -> dict[str, SkeletalMotion]:
    """The animations of a file by name, each sampled at even times, as often as its keys come.

    The skeleton is the first skin's joints and what they hang on; without a skin, all nodes that are animated. Scales
    of the rest pose are taken into its lengths; animated scales are not followed.

    Raises:
        GltfError: if it cannot be read, is not what the format says, or holds no animated skeleton.
    """
    path = Path(path)
    try:
        file = _File(path)
        return _animations(file)
    except OSError as error:
        raise GltfError(f"{error.filename or path} cannot be read: {error.strerror}.") from error
    except SkeletalMotionError as error:
        raise GltfError(f"{path.name}: {error}") from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        raise GltfError(f"{path.name} is damaged, or no glTF 2.0 file: {error!r}.") from error


def _animations(file: _File) -> dict[str, SkeletalMotion]:
    animations = file.content.get("animations", [])
    if not animations:
        raise GltfError("There are no animations.")
    skeleton = _skeleton(file)
    names = [animation.get("name", f"animation {index}") for index, animation in enumerate(animations)]
    if len(set(names)) < len(names):
        names = [f"{name} {index}" for index, name in enumerate(names)]
    return {name: _motion(file, skeleton, animation) for name, animation in zip(names, animations, strict=True)}


@dataclass(frozen=True, eq=False)
class _Skeleton:
    """Nodes of the file in an order in which parents come first; the rest pose in each parent's axes."""

    nodes: list[int]
    names: tuple[str, ...]
    parents: tuple[int, ...]
    rotations: Floats  # (J, 4)
    translations: Floats  # (J, 3)
    scales: Floats  # (J,) of the axes that a joint's translation is given in


def _skeleton(file: _File) -> _Skeleton:
    nodes = file.content.get("nodes", [])
    parent_of = {child: index for index, node in enumerate(nodes) for child in node.get("children", [])}
    skins = file.content.get("skins", [])
    wanted = set(skins[0]["joints"]) if skins else _animated(file)
    for node in list(wanted):
        while node in parent_of and parent_of[node] not in wanted:
            node = parent_of[node]  # noqa: PLW2901
            wanted.add(node)
    roots = [node for node in wanted if node not in parent_of]
    if len(roots) != 1:
        raise GltfError(f"The animated nodes hang on {len(roots)} roots, expected one skeleton.")
    order: list[int] = []
    waiting = roots
    while waiting:
        node = waiting.pop()
        if node in order:
            raise GltfError(f"Node {node} hangs on more than one node.")
        order.append(node)
        waiting += [child for child in reversed(nodes[node].get("children", [])) if child in wanted]
    parents = tuple(order.index(parent_of[node]) if node in parent_of else -1 for node in order)
    names = tuple(str(nodes[node].get("name", f"node {node}")) for node in order)
    turned, moved, scaled = zip(
        *(_rest(nodes[node], name) for node, name in zip(order, names, strict=True)), strict=True
    )
    scales = np.ones(len(order))
    for joint, parent in enumerate(parents):
        if parent >= 0:
            scales[joint] = scales[parent] * scaled[parent]
    return _Skeleton(order, names, parents, np.array(turned), np.array(moved), scales)


def _animated(file: _File) -> set[int]:
    return {
        channel["target"]["node"]
        for animation in file.content["animations"]
        for channel in animation["channels"]
        if "node" in channel["target"]
    }


def _rest(node: dict[str, Any], name: str) -> tuple[Floats, Floats, float]:
    """Rotation (4,) w, x, y, z, translation (3,) and uniform scale."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T  # stored by columns
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        rotation, translation = rotations.from_matrix(matrix[:3, :3] / scale), matrix[:3, 3]
    else:
        scale = np.array(node.get("scale", (1, 1, 1)), dtype=np.float64)
        x, y, z, w = node.get("rotation", (0, 0, 0, 1))
        rotation = rotations.normalize(np.array((w, x, y, z), dtype=np.float64))
        translation = np.array(node.get("translation", (0, 0, 0)), dtype=np.float64)
    if scale.min() <= 0 or np.ptp(scale) > 0.01 * scale.max():
        raise GltfError(f"Node '{name}' is scaled by {scale.tolist()}, expected the same along all axes.")
    return rotation, translation, float(scale.mean())


def _motion(file: _File, skeleton: _Skeleton, animation: dict[str, Any]) -> SkeletalMotion:
    channels = [channel for channel in animation["channels"] if channel["target"].get("node") in skeleton.nodes]
    tracks = [(channel["target"], _Track(file, animation["samplers"][channel["sampler"]])) for channel in channels]
    if not tracks:
        raise GltfError(f"Animation '{animation.get('name', '')}' moves no joint of the skeleton.")
    start, end = min(track.times[0] for _, track in tracks), max(track.times[-1] for _, track in tracks)
    rate = _rate([track.times for _, track in tracks])
    if (end - start) * rate > MOST_FRAMES:
        raise GltfError(f"The keys go from {start:g} s to {end:g} s, which is longer than any motion.")
    times = start + np.arange(round((end - start) * rate) + 1) / rate
    local_rotations = np.tile(skeleton.rotations, (len(times), 1, 1))
    local_positions = np.tile(skeleton.translations, (len(times), 1, 1))
    for target, track in tracks:
        joint = skeleton.nodes.index(target["node"])
        if target["path"] == "rotation":
            local_rotations[:, joint] = track.rotations(times)
        elif target["path"] == "translation":
            local_positions[:, joint] = track.vectors(times)
    scales = skeleton.scales[:, None]
    motion = SkeletalMotion(
        names=skeleton.names,
        parents=skeleton.parents,
        offsets=skeleton.translations * scales,
        local_rotations=local_rotations,
        local_positions=local_positions * scales,
        frame_rate=rate,
    )
    rest = np.empty_like(skeleton.rotations)
    for joint, parent in enumerate(skeleton.parents):
        own = skeleton.rotations[joint]
        rest[joint] = rotations.multiply(rest[parent], own) if parent >= 0 else own
    return motion.with_rest(rest)


def _rate(times: list[Floats]) -> float:
    """Frames per second: of the track with the most keys."""
    densest = max(times, key=len)
    if len(densest) < 3:
        return USUAL_RATE
    rate = 1 / float(np.median(np.diff(densest)))
    return round(rate, 3) if _RATES[0] <= rate <= _RATES[1] else USUAL_RATE


class _Track:
    """One sampler: values (K, N) at times (K,)."""

    def __init__(self, file: _File, sampler: dict[str, Any]) -> None:
        self.times = file.accessor(sampler["input"])[:, 0]
        self._values = file.accessor(sampler["output"])
        self._way = sampler.get("interpolation", "LINEAR")
        if len(self.times) == 0 or (np.diff(self.times) <= 0).any() or not np.isfinite(self.times).all():
            raise GltfError("A track's key times do not rise.")
        if self._way not in {"LINEAR", "STEP", "CUBICSPLINE"}:
            raise GltfError(f"Interpolation '{self._way}' is unknown; expected LINEAR, STEP or CUBICSPLINE.")
        if len(self._values) != len(self.times) * (3 if self._way == "CUBICSPLINE" else 1):
            raise GltfError(f"A track has {len(self.times)} key times and {len(self._values)} values.")

    def vectors(self, times: Floats) -> Floats:
        """(T, 3)."""
        return self._cubic(times) if self._way == "CUBICSPLINE" else self._linear(times)

    def rotations(self, times: Floats) -> Floats:
        """(T, 4) w, x, y, z; between keys by the shortest way."""
        if self._way == "CUBICSPLINE":
            return rotations.normalize(np.roll(self._cubic(times), 1, axis=-1))
        keys = rotations.normalize(np.roll(self._values, 1, axis=-1))
        before, after, part = self._between(times)
        step = rotations.log(rotations.multiply(rotations.conjugate(keys[before]), keys[after]))
        return rotations.multiply(keys[before], rotations.exp(part * step))

    def _linear(self, times: Floats) -> Floats:
        before, after, part = self._between(times)
        return self._values[before] * (1 - part) + self._values[after] * part

    def _cubic(self, times: Floats) -> Floats:
        """Cubic Hermite splines (appendix C.5 of the specification): in-tangent, value and out-tangent of each key."""
        before, after, t = self._between(times)
        keys = self._values.reshape(len(self.times), 3, -1)
        span = (self.times[after] - self.times[before])[:, None]
        return (
            (2 * t**3 - 3 * t**2 + 1) * keys[before, 1]
            + span * (t**3 - 2 * t**2 + t) * keys[before, 2]
            + (3 * t**2 - 2 * t**3) * keys[after, 1]
            + span * (t**3 - t**2) * keys[after, 0]
        )

    def _between(self, times: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
        """The keys before and after each time, and how far between them (T, 1); ends hold."""
        last = len(self.times) - 1
        before = np.clip(np.searchsorted(self.times, times + 1e-6, side="right") - 1, 0, last)
        after = np.minimum(before + 1, last)
        span = np.where(after > before, self.times[after] - self.times[before], 1)
        part = np.clip((times - self.times[before]) / span, 0, 1)
        return before, after, (0 * part if self._way == "STEP" else part)[:, None]


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_indices(value: Any) -> bool:
    return isinstance(value, list) and all(_is_index(each) for each in value)


def _numbers(count: int) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, list) and len(value) == count and all(isinstance(each, int | float) for each in value)
    )


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


#: Of the lists at the top, what is read of each member, and what the specification says of it.
_LAYOUT: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    "nodes": {
        "children": (_are_indices, "indices of nodes"),
        "translation": (_numbers(3), "3 numbers"),
        "rotation": (_numbers(4), "4 numbers"),
        "scale": (_numbers(3), "3 numbers"),
        "matrix": (_numbers(16), "16 numbers"),
    },
    "skins": {"joints": (_are_indices, "indices of nodes")},
    "animations": {"samplers": (_are_objects, "a list of objects"), "channels": (_are_objects, "a list of objects")},
    "accessors": {
        "bufferView": (_is_index, "an index"),
        "count": (_is_index, "a whole number"),
        "componentType": (lambda value: _is_index(value) and value in _NUMBERS, f"one of {[*_NUMBERS]}"),
        "type": (lambda value: isinstance(value, str) and value in _SIZES, f"one of {[*_SIZES]}"),
    },
    "bufferViews": {"buffer": (_is_index, "an index")},
    "buffers": {"uri": (lambda value: isinstance(value, str), "text")},
}


def _check_layout(content: dict[str, Any]) -> None:
    """Refuses what the specification does not allow, of what is read.

    Raises:
        GltfError: naming the key.
    """
    for name, rules in _LAYOUT.items():
        members = content.get(name, [])
        if not _are_objects(members):
            raise GltfError(f"Key '{name}' is {str(members)[:40]!r}, expected a list of objects.")
        for index, member in enumerate(members):
            for key, (is_right, expected) in rules.items():
                if key in member and not is_right(member[key]):
                    told = str(member[key])[:40]
                    raise GltfError(f"Key '{name}[{index}].{key}' is {told!r}, expected {expected}.")


class _File:
    """The JSON of a file and the bytes that it points to."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        self._folder, self._binary = path.parent, b""
        if raw[:4] == _GLB_MAGIC:
            raw = self._read_chunks(raw)
        try:
            self.content = json.loads(raw)
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            raise GltfError(f"This is no glTF file: {error}.") from error
        if not isinstance(self.content, dict) or not str(self.content.get("asset", {}).get("version", "")).startswith(
            "2"
        ):
            raise GltfError("This is no glTF 2 file: 'asset.version' is missing or another.")
        _check_layout(self.content)
        self._buffers = [self._buffer(buffer) for buffer in self.content.get("buffers", [])]

    def accessor(self, index: int) -> Floats:
        """(count, components) as f64; integers that stand for parts of one are divided."""
        accessor = self.content["accessors"][index]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise GltfError("Sparse accessors in animations are not read; export without them.")
        view = self.content["bufferViews"][accessor["bufferView"]]
        dtype, size = np.dtype(_NUMBERS[accessor["componentType"]]), _SIZES[accessor["type"]]
        count, item = accessor["count"], dtype.itemsize * size
        stride = view.get("byteStride", item)
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        buffer = self._buffers[view["buffer"]]
        if start < 0 or stride < item:
            raise GltfError(f"Accessor {index} begins at {start} with a stride of {stride} bytes.")
        if count < 1 or start + stride * (count - 1) + item > len(buffer):
            raise GltfError(f"Accessor {index} reaches beyond its buffer of {len(buffer)} bytes: the file was cut off.")
        values = np.ndarray((count, size), dtype, buffer, start, (stride, dtype.itemsize)).astype(np.float64)
        if accessor.get("normalized"):
            values = np.maximum(values / np.iinfo(dtype).max, -1)
        check_values(values, f"Accessor {index}")
        return values

    def _read_chunks(self, raw: bytes) -> bytes:
        place, text = 12, b""
        while place + 8 <= len(raw):
            length, kind = struct.unpack_from("<II", raw, place)
            chunk = raw[place + 8 : place + 8 + length]
            if kind == _JSON_CHUNK:
                text = chunk
            elif kind == _BINARY_CHUNK:
                self._binary = chunk
            place += 8 + length
        return text

    def _buffer(self, buffer: dict[str, Any]) -> bytes:
        uri = buffer.get("uri")
        if uri is None:
            return self._binary
        if uri.startswith("data:"):
            try:
                return base64.b64decode(uri.partition(",")[2], validate=True)
            except binascii.Error as error:
                raise GltfError(f"A buffer inside the file is damaged: {error}.") from error
        path = (self._folder / unquote(uri)).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise GltfError(f"A buffer lies outside of the file's folder: '{uri}'. It was not read.")
        return path.read_bytes()
