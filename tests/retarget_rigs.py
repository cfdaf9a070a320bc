"""Other people's rigs, from files that lie beside the repository where they are there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.retarget.rig import Rig

RIGS = Path(__file__).resolve().parents[2] / "shared" / "rigs"
_UP_FROM_FILE = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])


def present(path: Path) -> Path:
    """Skips the test where a file is not there."""
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


@dataclass(frozen=True)
class StoredBone:
    """(3,) metres, Z up; ``roll`` in radians, as Blender counts it."""

    name: str
    parent: str
    head: np.ndarray
    tail: np.ndarray
    roll: float


def mpfb_bones(kind: str) -> list[StoredBone]:
    """MPFB's rig of a kind (``mixamo``, ``game_engine``, ``cmu_mb``) on its base mesh, parents first."""
    stored = json.loads(present(RIGS / "mpfb2_cc0" / f"rig.{kind}.json").read_text())
    stored = stored.get("bones", stored)
    vertices, cubes = _base_mesh()

    def place(end: dict) -> np.ndarray:
        if end["strategy"] == "CUBE":
            return vertices[cubes[end["cube_name"]]].mean(axis=0)
        if end["strategy"] == "VERTEX":
            return vertices[end["vertex_index"]]
        assert end["strategy"] == "MEAN", end
        return vertices[end["vertex_indices"]].mean(axis=0)

    bones = [
        StoredBone(name, bone["parent"], place(bone["head"]), place(bone["tail"]), float(bone["roll"]))
        for name, bone in stored.items()
    ]
    ordered: list[StoredBone] = []
    while len(ordered) < len(bones):
        known = {bone.name for bone in ordered} | {""}
        ordered += [bone for bone in bones if bone.name not in known and bone.parent in known]
    return ordered


@cache
def _base_mesh() -> tuple[np.ndarray, dict[str, list[int]]]:
    """(V, 3) metres, Z up, soles at 0; by name, the vertices of the cubes that mark joints."""
    vertices: list[list[float]] = []
    cubes: dict[str, set[int]] = {}
    group = ""
    for line in present(RIGS / "mpfb2_cc0" / "base.obj").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            vertices.append([float(value) for value in rest.split()])
        elif word == "g":
            group = rest.strip()
        elif word == "f" and group.startswith("joint-"):
            cubes.setdefault(group, set()).update(int(corner.split("/")[0]) - 1 for corner in rest.split())
    places = np.array(vertices) @ _UP_FROM_FILE.T / 10  # decimetres
    ground = places[sorted(cubes["joint-ground"])].mean(axis=0)
    return places - [0, 0, ground[2]], {name: sorted(corners) for name, corners in cubes.items()}


def mpfb_rig(kind: str) -> Rig:
    """As numpy sees it; bones have the axes that take Y to their direction by the shortest way."""
    bones = mpfb_bones(kind)
    names = tuple(bone.name for bone in bones)
    heads, tails = np.array([bone.head for bone in bones]), np.array([bone.tail for bone in bones])
    up = np.tile([0.0, 1.0, 0.0], (len(bones), 1))
    return Rig(
        names,
        tuple(names.index(bone.parent) if bone.parent else -1 for bone in bones),
        heads,
        tails,
        rotations.between(up, tails - heads),
    )


def kaykit_file() -> Path:
    return present(RIGS / "kaykit_mannequin" / "manny_med_mod.gltf")


def kaykit_rig() -> Rig:
    """KayKit's mannequin out of its glTF, Z up."""
    document = json.loads(kaykit_file().read_text())
    nodes, joints = document["nodes"], document["skins"][0]["joints"]
    parent_of = {child: index for index, node in enumerate(nodes) for child in node.get("children", [])}
    turned: dict[int, np.ndarray] = {}
    placed: dict[int, np.ndarray] = {}

    def visit(node: int) -> None:
        if node in turned:
            return
        x, y, z, w = nodes[node].get("rotation", (0, 0, 0, 1))
        own, offset = np.array([w, x, y, z]), np.array(nodes[node].get("translation", (0.0, 0, 0)))
        assert np.allclose(nodes[node].get("scale", 1), 1, atol=1e-3)
        parent = parent_of.get(node)
        if parent is None:
            turned[node], placed[node] = own, offset
            return
        visit(parent)
        turned[node] = rotations.multiply(turned[parent], own)
        placed[node] = placed[parent] + rotations.rotate(turned[parent], offset)

    for joint in joints:
        visit(joint)
    ordered: list[int] = []
    while len(ordered) < len(joints):
        ordered += [j for j in joints if j not in ordered and (parent_of[j] not in joints or parent_of[j] in ordered)]
    up = rotations.from_matrix(_UP_FROM_FILE)
    heads = np.array([placed[joint] for joint in ordered]) @ _UP_FROM_FILE.T
    rest = rotations.multiply(np.tile(up, (len(ordered), 1)), np.array([turned[joint] for joint in ordered]))
    return Rig(
        tuple(nodes[joint]["name"] for joint in ordered),
        tuple(ordered.index(parent_of[joint]) if parent_of[joint] in ordered else -1 for joint in ordered),
        heads,
        heads + rotations.rotate(rest, np.array([0, 0.1, 0])),
        rest,
    )
