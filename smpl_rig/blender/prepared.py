"""A take made ready for another program: its own axes, unit, names and root, every frame keyed, nothing else.

The copy is made from what is seen: the evaluated pose at every frame, so that constraints, layers and whatever the
user did to object and root bone are in it. Its rest pose is the armature's, upright as it stands in the scene, with the
object's scale applied. The user's own objects are not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from bpy_extras.io_utils import axis_conversion
from mathutils import Matrix
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..errors import LimberError
from ..exports.preset import Preset
from ..exports.root_motion import RootMotion, ground_path
from ..skeleton import JOINT_NAMES
from .animation import write_curves
from .armature import ROOT_NAME, edit_bones, object_mode

Array = NDArray[Any]

#: Bones that keep their size to this need no keys of it.
_SAME_SIZE = 1e-4
#: Weights of a vertex that sum up to one to this stay as they are.
_WEIGHTS_WITHIN = 1e-5


class PreparationError(LimberError):
    """A take cannot be made ready so."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """A skeleton as it is seen, B bones over T frames.

    Attributes:
        names: of the bones, each after its parent.
        parents: (B,) indices, -1 for none.
        lengths: (B,) metres.
        rest: (B, 4, 4) from each bone's axes to the world, rigid.
        posed: (T, B, 4, 4) the same at every frame, with the bones' own sizes (1 where nothing stretches them).
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    lengths: Array
    rest: Array
    posed: Array

    def with_root_motion(self, root_motion: RootMotion) -> Sampled:
        """The body's way over the floor in the root bone, or nowhere.

        Raises:
            PreparationError: if the armature has not the bones of a captured person.
        """
        if root_motion is RootMotion.PELVIS:
            return self
        for name in (JOINT_NAMES[0], *((ROOT_NAME,) if root_motion is RootMotion.ROOT else ())):
            if name not in self.names:
                raise PreparationError(
                    f"Root motion '{root_motion}' needs a bone called '{name}'. Choose '{RootMotion.PELVIS}'."
                )
        pelvis = self.names.index(JOINT_NAMES[0])
        turned = rotations.from_matrix(rigid(self.posed[:, pelvis, :3, :3]) @ self.rest[pelvis, :3, :3].T)
        orientation = rotations.multiply(turned, rotations.from_matrix(WORLD_FROM_BODY))
        path = ground_path(orientation, self.posed[:, pelvis, :3, 3])
        posed = self.posed.copy()
        if root_motion is RootMotion.ROOT:
            root = self.names.index(ROOT_NAME)
            posed[:, root] = path.matrices() @ self.rest[root]
        else:
            moved = np.array([name != ROOT_NAME for name in self.names])
            posed[..., :3, 3] -= (path.places - path.places[0])[:, None] * moved[:, None]
        return replace(self, posed=posed)

    def without(self, name: str) -> Sampled:
        """Less one bone; those that hung on it hang on what it hung on."""
        parents = {bone: self.names[parent] if parent >= 0 else None for bone, parent in self._tree()}
        gone = parents.pop(name, None)
        return self.hung({bone: gone if parent == name else parent for bone, parent in parents.items()})

    def hung(self, parents: Mapping[str, str | None]) -> Sampled:
        """These bones alone, each on another that comes before it, or on none."""
        names = tuple(parents)
        kept = [self.names.index(name) for name in names]
        return Sampled(
            names=names,
            parents=tuple(-1 if parent is None else names.index(parent) for parent in parents.values()),
            lengths=self.lengths[kept],
            rest=self.rest[kept],
            posed=self.posed[:, kept],
        )

    def _tree(self) -> Iterator[tuple[str, int]]:
        return zip(self.names, self.parents, strict=True)


def meshes_of(armature: Any) -> list[Any]:
    """What hangs on the armature, and what it moves from elsewhere in its scenes."""
    hung = [child for child in armature.children_recursive if child.type == "MESH"]
    moved = [
        each
        for scene in armature.users_scene
        for each in scene.objects
        if each.type == "MESH" and is_skinned(each, armature)
    ]
    return list(dict.fromkeys(hung + moved))


def is_skinned(mesh: Any, armature: Any) -> bool:
    """Whether the armature bends the mesh."""
    return any(each.type == "ARMATURE" and each.object == armature for each in mesh.modifiers)


def bone_held_by(mesh: Any, armature: Any) -> str | None:
    """The bone that the mesh hangs on as a stiff thing, itself or through other objects."""
    link = mesh
    while link.parent is not None and link.parent != armature:
        link = link.parent
    return str(link.parent_bone) if link.parent == armature and link.parent_type == "BONE" else None


def rigid(linear: Array) -> Array:
    """(..., 3, 3) rotations with sizes -> rotations."""
    return linear / np.linalg.norm(linear, axis=-2, keepdims=True)


def sample_poses(armature: Any, scene: Any) -> Array:
    """(T, B, 4, 4): every bone in the world at every frame of the scene, which must be open in the window."""
    layer = bpy.context.view_layer
    posed = []
    buffer = np.empty(len(armature.data.bones) * 16, dtype=np.float32)
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        evaluated = armature.evaluated_get(layer.depsgraph)
        evaluated.pose.bones.foreach_get("matrix", buffer)
        in_armature = buffer.astype(np.float64).reshape(-1, 4, 4).transpose(0, 2, 1)  # stored by columns
        posed.append(np.array(evaluated.matrix_world) @ in_armature)
    return np.stack(posed)


def sampled(armature: Any, posed: Array) -> Sampled:
    """What :func:`sample_poses` gave, with the armature's bones at rest."""
    bones = armature.data.bones
    standing = standing_matrix(armature)
    size = float(np.cbrt(np.linalg.det(standing[:3, :3])))
    rest = standing @ np.array([bone.matrix_local for bone in bones])
    rest[:, :3, :3] = rigid(rest[:, :3, :3])
    names = tuple(bone.name for bone in bones)
    return Sampled(
        names=names,
        parents=tuple(names.index(bone.parent.name) if bone.parent else -1 for bone in bones),
        lengths=size * np.array([bone.length for bone in bones]),
        rest=rest,
        posed=posed @ np.diag([1 / size] * 3 + [1]),  # the object's scale is in the bones' lengths
    )


def standing_matrix(armature: Any) -> Array:
    """(4, 4): the object's scale and tilt, without where it stands and where it faces."""
    placed = np.array(armature.matrix_world)
    quaternion = rotations.from_matrix(rigid(placed[:3, :3]))
    heading = rotations.normalize(quaternion * [1, 0, 0, 1])
    standing = np.eye(4)
    standing[:3, :3] = rotations.to_matrix(rotations.conjugate(heading)) @ placed[:3, :3]
    return standing


@contextmanager
def prepared(
    armature: Any, sample: Sampled, preset: Preset, unit_m: float, turned: Array, *, t_pose: bool = False
) -> Iterator[Any]:
    """A copy of the armature and its meshes as a preset wants them, gone afterwards.

    Args:
        armature: the user's.
        sample: what is seen of it, with its root as it is to be.
        preset: names and root.
        unit_m: metres of the copy's unit of length.
        turned: (3, 3) from the world's axes to the copy's; the copy's object is turned back, so that it stands upright.
        t_pose: begin one frame earlier, with the rest pose.

    Yields:
        The copy's armature object, in the scene of the user's.
    """
    action = armature.animation_data.action
    if preset.root_bone is None and is_captured(sample.names):
        sample = sample.without(ROOT_NAME)
    made = _Copy(preset.armature or armature.name, action.name)
    with object_mode():
        try:
            names = renamed(sample.names, preset)
            made.build(armature, sample, names, unit_m, turned)
            first = int(np.floor(action.frame_range[0]))
            if t_pose:
                sample = replace(sample, posed=np.concatenate((sample.rest[None], sample.posed)))
                first -= 1
            made.key(sample, names, unit_m, turned, first + np.arange(len(sample.posed)))
            yield made.armature
        finally:
            made.remove()


def is_captured(names: Collection[str]) -> bool:
    """Whether these bones are a captured person's; another rig's may be called alike and be others."""
    return {*JOINT_NAMES} <= {*names}


def renamed(names: tuple[str, ...], preset: Preset) -> dict[str, str]:
    """What each bone is called in the file; those that are no captured joints keep their names."""
    if not is_captured(names):
        return {name: name for name in names}
    table = preset.names | ({ROOT_NAME: preset.root_bone} if preset.root_bone else {})
    return {name: table.get(name, name) for name in names}


def turn_to(preset: Preset) -> Array:
    """(3, 3) from the world's axes to the preset's."""
    conversion = axis_conversion(to_forward=preset.backward, to_up=preset.up)
    return np.array(conversion)


class _Copy:
    """The copy's objects and data, and how to get rid of them."""

    def __init__(self, name: str, take: str) -> None:
        self.data = bpy.data.armatures.new(name)
        self.armature = bpy.data.objects.new(name, self.data)
        self.action = bpy.data.actions.new(take)
        self.meshes: list[Any] = []
        self._taken: list[tuple[Any, str]] = []
        self._claim(bpy.data.objects, self.armature, name)
        self._claim(bpy.data.armatures, self.data, name)
        self._claim(bpy.data.actions, self.action, take)

    def build(self, armature: Any, sample: Sampled, names: dict[str, str], unit_m: float, turned: Array) -> None:
        collection = armature.users_scene[0].collection
        collection.objects.link(self.armature)
        change = np.eye(4)
        change[:3, :3] = turned
        with edit_bones(self.armature) as bones:
            made: list[Any] = []
            for name, parent, length, rest in zip(
                sample.names, sample.parents, sample.lengths, sample.rest, strict=True
            ):
                bone = bones.new(names[name])
                bone.head, bone.tail = (0, 0, 0), (0, length / unit_m, 0)
                placed = change @ rest
                placed[:3, 3] /= unit_m
                bone.matrix = Matrix(placed)
                bone.use_deform = armature.data.bones[name].use_deform
                bone.parent = made[parent] if parent >= 0 else None
                made.append(bone)
        for mesh in meshes_of(armature):
            self._add_mesh(mesh, armature, names, change @ np.diag([1 / unit_m] * 3 + [1]), collection)
        # last, or the meshes would be bound to a turned armature
        self.armature.matrix_world = Matrix(change.T)

    def key(self, sample: Sampled, names: dict[str, str], unit_m: float, turned: Array, frames: Array) -> None:
        """Keys every bone at every frame."""
        self.armature.animation_data_create().action = self.action
        for bone in self.armature.pose.bones:
            bone.rotation_mode = "QUATERNION"
        bones = [self.data.bones[names[name]] for name in sample.names]
        rest = np.array([bone.matrix_local for bone in bones])  # as Blender rounded them
        posed = sample.posed.copy()
        posed[..., :3, :] = turned @ posed[..., :3, :]
        posed[..., :3, 3] /= unit_m
        channels: dict[str, Array] = {}
        for index, (bone, parent) in enumerate(zip(bones, sample.parents, strict=True)):
            at_rest, pose = rest[index], posed[:, index]
            if parent >= 0:
                at_rest = np.linalg.inv(rest[parent]) @ at_rest
                pose = np.linalg.inv(posed[:, parent]) @ pose
            moved = np.linalg.inv(at_rest) @ pose
            path = f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"]'
            sizes = np.linalg.norm(moved[:, :3, :3], axis=-2)
            channels[f"{path}.location"] = moved[:, :3, 3]
            turns = rotations.from_matrix(moved[:, :3, :3] / sizes[:, None])
            channels[f"{path}.rotation_quaternion"] = rotations.make_continuous(turns)
            if np.abs(sizes - 1).max() > _SAME_SIZE:
                channels[f"{path}.scale"] = sizes
        write_curves(self.armature, channels, frames)

    def remove(self) -> None:
        for mesh in self.meshes:
            data = mesh.data
            bpy.data.objects.remove(mesh)
            bpy.data.meshes.remove(data)
        bpy.data.objects.remove(self.armature)
        bpy.data.armatures.remove(self.data)
        bpy.data.actions.remove(self.action)
        for owner, name in self._taken:
            owner.name = name

    def _claim(self, among: Any, owner: Any, name: str) -> None:
        """Gives a name that the file is to show; who had it gets it back afterwards."""
        other = among.get(name)
        if other is None or other == owner:
            return
        other.name = f"{name[:50]} (aside)"
        self._taken.append((other, name))
        owner.name = name

    def _add_mesh(self, mesh: Any, armature: Any, names: dict[str, str], change: Array, collection: Any) -> None:
        copy = mesh.copy()
        copy.data = mesh.data.copy()
        copy.animation_data_clear()
        self.meshes.append(copy)
        self._claim(bpy.data.objects, copy, mesh.name)
        self._claim(bpy.data.meshes, copy.data, mesh.data.name)
        copy.data.transform(Matrix(change @ _mesh_at_rest(mesh, armature)), shape_keys=True)
        copy.parent = self.armature
        copy.parent_type = "OBJECT"
        copy.matrix_parent_inverse = Matrix.Identity(4)
        copy.matrix_basis = Matrix.Identity(4)
        if is_skinned(mesh, armature):
            _weigh_as_shown(copy, armature)
        wanted = [names.get(group.name, group.name) for group in copy.vertex_groups]
        for number, group in enumerate(copy.vertex_groups):  # first out of each other's way
            group.name = f"limber {number}"
        for name, group in zip(wanted, copy.vertex_groups, strict=True):
            group.name = name
        for modifier in copy.modifiers:
            if modifier.type == "ARMATURE" and modifier.object == armature:
                modifier.object = self.armature
        held_by = bone_held_by(mesh, armature)
        if held_by is not None and not is_skinned(mesh, armature):  # engines know no other way to follow a bone
            copy.vertex_groups.clear()
            copy.vertex_groups.new(name=names[held_by]).add(range(len(copy.data.vertices)), 1.0, "REPLACE")
            copy.modifiers.new("Armature", "ARMATURE").object = self.armature
        collection.objects.link(copy)


def _weigh_as_shown(mesh: Any, armature: Any) -> None:
    """Gives each vertex weights of deforming bones alone, which sum up to one, as Blender takes them."""
    deforms = {bone.name: bone.use_deform for bone in armature.data.bones}
    for group in [each for each in mesh.vertex_groups if not deforms.get(each.name, True)]:
        mesh.vertex_groups.remove(group)
    counted = {group.index for group in mesh.vertex_groups if group.name in deforms}
    for vertex in mesh.data.vertices:
        weights = [each for each in vertex.groups if each.group in counted]
        total = sum(each.weight for each in weights)
        if total > 0 and abs(total - 1) > _WEIGHTS_WITHIN:
            for each in weights:
                each.weight /= total


def _mesh_at_rest(mesh: Any, armature: Any) -> Array:
    """(4, 4) from the mesh's axes to the world, with the armature at rest, as :func:`standing_matrix` has it."""
    placed = np.linalg.inv(np.array(armature.matrix_world)) @ np.array(mesh.matrix_world)
    held_by = bone_held_by(mesh, armature)
    if held_by is not None and not is_skinned(mesh, armature):
        posed = np.array(armature.pose.bones[held_by].matrix)
        placed = np.array(armature.data.bones[held_by].matrix_local) @ np.linalg.inv(posed) @ placed
    return standing_matrix(armature) @ placed
