"""An independent reader of Alembic files (.abc): moving meshes in an Ogawa container.

The container (alembic/lib/Alembic/Ogawa): the word ``Ogawa``, a byte that is 255 when the file was finished, a version,
and the place of the first group. A group is a count and as many places, of data where the top bit is set and of groups
where it is not; data is a size and bytes. All numbers are little-endian.

What lies in it (alembic/lib/Alembic/AbcCoreOgawa): the first group holds version, library version, the top object,
metadata, time samplings and indexed metadata. An object is its properties, its children, and the children's names;
a property is its samples, each behind a key of 16 bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_DATA = 1 << 63
_NUMBERS = "?BbHhIiQqefd"  # by AbcCoreAbstract's PlainOldDataType
_COMPOUND, _SCALAR = 0, 1
_SIZES = ("<u1", "<u2", "<u4")


@dataclass(frozen=True)
class Mesh:
    """``points`` is (T, V, 3) in the world, in the file's units and axes; ``times_s`` (T,)."""

    points: np.ndarray
    times_s: np.ndarray
    faces: int


@dataclass
class _Object:
    name: str
    schema: str
    properties: dict[str, _Property]
    children: list[_Object] = field(default_factory=list)


@dataclass
class _Property:
    """``samples`` has what changed; ``times_s`` (T,) of all frames, ``places`` (T,) where each is in ``samples``."""

    samples: list[np.ndarray] = field(default_factory=list)
    places: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    times_s: np.ndarray = field(default_factory=lambda: np.zeros(0))
    members: dict[str, _Property] = field(default_factory=dict)

    def at(self, frame: int) -> np.ndarray:
        return self.samples[self.places[min(frame, len(self.places) - 1)]]


def read_alembic(path: Path) -> dict[str, Mesh]:
    """Every mesh by the name of its shape, moved by the transforms above it."""
    file = _File(path.read_bytes())
    meshes: dict[str, Mesh] = {}

    def walk(node: _Object, above: list[_Property]) -> None:
        if ".xform" in node.properties:
            above = [*above, node.properties[".xform"]]
        if node.schema.startswith("AbcGeom_PolyMesh"):
            geometry = node.properties[".geom"].members
            points = geometry["P"]
            frames = len(points.times_s)
            placed = np.array(
                [_moved(points.at(frame).reshape(-1, 3), above, frame) for frame in range(frames)], dtype=np.float64
            )
            meshes[node.name] = Mesh(placed, points.times_s, len(geometry[".faceCounts"].at(0)))
        for child in node.children:
            walk(child, above)

    walk(file.top, [])
    return meshes


def _moved(points: np.ndarray, above: list[_Property], frame: int) -> np.ndarray:
    for xform in reversed(above):
        matrix = _matrix(xform, frame)
        points = points @ matrix[:3, :3] + matrix[3, :3]
    return points


def _matrix(xform: _Property, frame: int) -> np.ndarray:
    """(4, 4) for rows, of the one operation that Blender writes: a whole matrix (AbcGeom's kMatrixOperation)."""
    if ".vals" not in xform.members:
        return np.eye(4)
    operations = xform.members[".ops"].at(0)
    assert len(operations) == 1
    assert operations[0] >> 4 == 3
    return xform.members[".vals"].at(frame).reshape(4, 4)


class _File:
    def __init__(self, raw: bytes) -> None:
        assert raw[:5] == b"Ogawa"
        assert raw[5] == 255, "the file was not finished"
        self._raw = raw
        first = self._group(struct.unpack_from("<Q", raw, 8)[0])
        self._times = self._time_samplings(self._data(first[4]))
        self._metadata = ["", *self._indexed_metadata(self._data(first[5]))]
        self.top = self._object(first[2] & ~_DATA, "ABC", "")

    def _group(self, place: int) -> list[int]:
        if place == 0:
            return []
        (count,) = struct.unpack_from("<Q", self._raw, place)
        return list(struct.unpack_from(f"<{count}Q", self._raw, place + 8))

    def _data(self, child: int) -> bytes:
        assert child & _DATA
        place = child & ~_DATA
        if place == 0:
            return b""
        (size,) = struct.unpack_from("<Q", self._raw, place)
        return self._raw[place + 8 : place + 8 + size]

    @staticmethod
    def _time_samplings(data: bytes) -> list[tuple[float, np.ndarray]]:
        """Seconds of a cycle and the times within it, of each sampling."""
        found, place = [], 0
        while place < len(data):
            _, cycle, count = struct.unpack_from("<IdI", data, place)
            found.append((cycle, np.frombuffer(data, "<f8", count, place + 16)))
            place += 16 + 8 * count
        return found

    @staticmethod
    def _indexed_metadata(data: bytes) -> list[str]:
        found, place = [], 0
        while place < len(data):
            size = data[place]
            found.append(data[place + 1 : place + 1 + size].decode())
            place += 1 + size
        return found

    def _object(self, place: int, name: str, metadata: str) -> _Object:
        group = self._group(place)
        schema = dict(each.split("=", 1) for each in metadata.split(";") if "=" in each).get("schema", "")
        made = _Object(name, schema, self._properties(self._group(group[0])) if group else {})
        headers = self._data(group[-1])[:-32] if len(group) > 1 else b""  # two hashes follow them
        cursor, children = 0, group[1:-1]
        for child in children:
            (size,) = struct.unpack_from("<I", headers, cursor)
            called = headers[cursor + 4 : cursor + 4 + size].decode()
            cursor += 4 + size
            index = headers[cursor]
            cursor += 1
            if index == 255:
                (size,) = struct.unpack_from("<I", headers, cursor)
                told = headers[cursor + 4 : cursor + 4 + size].decode()
                cursor += 4 + size
            else:
                told = self._metadata[index]
            made.children.append(self._object(child, called, told))
        return made

    def _properties(self, group: list[int]) -> dict[str, _Property]:
        if not group:
            return {}
        headers, found, cursor = self._data(group[-1]), {}, 0
        for child in group[:-1]:
            (info,) = struct.unpack_from("<I", headers, cursor)
            cursor += 4
            size = np.dtype(_SIZES[info >> 2 & 3])

            def number(size: np.dtype = size) -> int:
                nonlocal cursor
                value = int(np.frombuffer(headers, size, 1, cursor)[0])
                cursor += size.itemsize
                return value

            kind, count, first, last, sampling = info & 3, 0, 0, 0, 0
            if kind != _COMPOUND:
                count = number()
                first, last = 1, count - 1
                if info & 0x200:
                    first, last = number(), number()
                elif info & 0x800:
                    first = last = 0
                if info & 0x100:
                    sampling = number()
            length = number()
            name = headers[cursor : cursor + length].decode()
            cursor += length
            if info >> 20 & 255 == 255:
                cursor += number()
            if kind == _COMPOUND:
                found[name] = _Property(members=self._properties(self._group(child)))
            else:
                dtype = np.dtype(_NUMBERS[info >> 4 & 15]) if info >> 4 & 15 < len(_NUMBERS) else np.dtype("u1")
                step = 1 if kind == _SCALAR else 2  # arrays have their dimensions behind each sample
                rows = [np.frombuffer(self._data(each)[16:], dtype) for each in self._group(child)[::step]]
                changes = np.arange(count)
                if first == last == 0:
                    changes[:] = 0
                else:
                    changes = np.clip(changes - first + 1, 0, last - first + 1)
                cycle, offsets = self._times[sampling]
                times = offsets[0] + cycle * np.arange(count) if len(offsets) == 1 else offsets[:count]
                found[name] = _Property(rows, changes, times)
        return found
