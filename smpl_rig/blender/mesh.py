"""A body as a mesh, skinned to an armature."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..axes import WORLD_FROM_BODY
from ..body import Body
from ..skeleton import JOINT_NAMES

#: Weights below this move a vertex by less than is seen, and cost every program that reads the export.
LEAST_WEIGHT = 1e-3
MATERIAL_NAME = "Limber body"
_COLOUR = (0.55, 0.6, 0.68, 1.0)


def floor_height(body: Body, betas: ArrayLike) -> float:
    """The body frame's y of the soles, metres."""
    return float(body.vertices_rest(betas)[:, 1].min())


def create_mesh(collection: Any, name: str, body: Body, betas: ArrayLike, armature: Any) -> Any:
    """Makes the shaped body and binds it to the armature: a child of it, with a vertex group for each joint's bone.

    Args:
        collection: a ``bpy.types.Collection``.
        name: of the object.
        body: its joints must be those the armature was made from.
        betas: (10,).
        armature: the armature object, its rest pose standing with the soles at z = 0.

    Returns:
        The mesh object. Blender blends linearly, as SMPL does; pose corrections are left out.
    """
    standing = body.vertices_rest(betas) - np.array([0.0, floor_height(body, betas), 0.0], dtype=np.float32)
    mesh = _triangles(name, standing @ WORLD_FROM_BODY.T.astype(np.float32), body.f)
    mesh.materials.append(_material())
    person = bpy.data.objects.new(name, mesh)
    collection.objects.link(person)
    _add_weights(person, body.weights)
    person.parent = armature
    skin = person.modifiers.new("Armature", "ARMATURE")
    skin.object = armature
    skin.use_deform_preserve_volume = False
    return person


def _triangles(name: str, vertices: NDArray[np.floating[Any]], faces: NDArray[np.int64]) -> Any:
    """(V, 3) and (F, 3) -> smooth-shaded ``bpy.types.Mesh``."""
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, dtype=np.float32).reshape(-1))
    mesh.loops.add(faces.size)
    mesh.loops.foreach_set("vertex_index", faces.astype(np.int32).reshape(-1))
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), dtype=np.bool_))
    mesh.update(calc_edges=True)
    mesh.validate()
    return mesh


def _add_weights(person: Any, weights: NDArray[np.floating[Any]]) -> None:
    """(V, 24) weights -> vertex groups that sum to 1 at every vertex."""
    kept = np.where(weights >= LEAST_WEIGHT, weights, 0)
    kept = kept / kept.sum(axis=1, keepdims=True)
    for joint, name in enumerate(JOINT_NAMES):
        group = person.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(kept[:, joint]).tolist():
            group.add((vertex,), float(kept[vertex, joint]), "REPLACE")


def _material() -> Any:
    material = bpy.data.materials.get(MATERIAL_NAME)
    if material is None:
        material = bpy.data.materials.new(MATERIAL_NAME)
        material.diffuse_color = _COLOUR  # what the viewport's solid shading shows
        if bpy.app.version < (5, 0, 0):
            material.use_nodes = True
        shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        shader.inputs["Base Color"].default_value = _COLOUR
        shader.inputs["Roughness"].default_value = 0.7
    return material
