"""An SMPL person as a Blender armature: a root bone and one bone for each of the 24 joints.

Rest pose: SMPL's T-pose, upright in the Z-up world, soles on the floor, facing -Y (Blender's front view sees the face).

A bone's head is its joint and it points along the limb, to the next joint. Where several limbs meet, the spine goes
on; where none follows, the bone goes on in a natural direction. Roll follows one rule: a bone's Z is the body's
forward, and for the feet, which themselves point forward, Z is up. The bone's X is then the hinge of knee and elbow.

The root bone stands at the origin on the floor with the axes of the world and deforms nothing. It is never keyed: the
pelvis carries the captured translation and orientation, and the root is the user's, to place and turn a whole take.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..skeleton import INDEX, JOINT_NAMES, PARENTS, TIPS_M

Array = NDArray[Any]

ROOT_NAME = "root"
ROOT_LENGTH_M = 0.25

#: Where the limb goes on; a joint with no entry ends it.
_NEXT_JOINT: dict[str, str] = {
    "pelvis": "spine1",
    "left_hip": "left_knee",
    "right_hip": "right_knee",
    "spine1": "spine2",
    "left_knee": "left_ankle",
    "right_knee": "right_ankle",
    "spine2": "spine3",
    "left_ankle": "left_foot",
    "right_ankle": "right_foot",
    "spine3": "neck",
    "neck": "head",
    "left_collar": "left_shoulder",
    "right_collar": "right_shoulder",
    "left_shoulder": "left_elbow",
    "right_shoulder": "right_elbow",
    "left_elbow": "left_wrist",
    "right_elbow": "right_wrist",
    "left_wrist": "left_hand",
    "right_wrist": "right_hand",
}

_UP = np.array([0.0, 1.0, 0.0])
_FORWARD = np.array([0.0, 0.0, 1.0])
_Z_IS_UP = frozenset({"left_ankle", "right_ankle", "left_foot", "right_foot"})

#: Two joints closer than this (a degenerate shape) would make a bone that Blender deletes.
_SHORTEST_BONE_M = 1e-3


@dataclass(frozen=True, eq=False)
class RestBones:
    """The 24 bones at rest, in SMPL's order, in the armature's Z-up frame.

    Attributes:
        heads: (24, 3) metres.
        tails: (24, 3) metres.
        z_axes: (24, 3) unit vectors at right angles to the bones.
    """

    heads: Array
    tails: Array
    z_axes: Array


def rest_bones(rest_joints: Array, floor: float) -> RestBones:
    """Places and turns the bones by the rules above.

    Args:
        rest_joints: (24, 3) metres, body frame.
        floor: the body frame's y of the soles, metres; it becomes z = 0.
    """
    joints = np.asarray(rest_joints, dtype=np.float64) - floor * _UP
    tails = np.empty_like(joints)
    z_axes = np.empty_like(joints)
    for joint, name in enumerate(JOINT_NAMES):
        following = _NEXT_JOINT.get(name)
        tail = joints[joint] + np.array(TIPS_M[name]) if following is None else joints[INDEX[following]]
        if np.linalg.norm(tail - joints[joint]) < _SHORTEST_BONE_M:
            tail = joints[joint] + _SHORTEST_BONE_M * _UP
        along = (tail - joints[joint]) / np.linalg.norm(tail - joints[joint])
        wanted = _UP if name in _Z_IS_UP else _FORWARD
        across = wanted - np.dot(wanted, along) * along
        tails[joint], z_axes[joint] = tail, across / np.linalg.norm(across)
    return RestBones(joints @ WORLD_FROM_BODY.T, tails @ WORLD_FROM_BODY.T, z_axes @ WORLD_FROM_BODY.T)


def create_armature(collection: Any, name: str, rest_joints: Array, floor: float) -> Any:
    """Makes an armature object in a collection of the scene that is open.

    Args:
        collection: a ``bpy.types.Collection`` of the view layer in use.
        name: of the object; Blender adds a number where it is taken.
        rest_joints: (24, 3) metres, body frame.
        floor: the body frame's y of the soles, metres.

    Returns:
        The armature object, at the world's origin, in object mode. The user's selection is as it was.
    """
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    collection.objects.link(armature)
    bones = rest_bones(rest_joints, floor)
    with edit_bones(armature) as editable:
        root = editable.new(ROOT_NAME)
        root.head, root.tail = (0.0, 0.0, 0.0), (0.0, ROOT_LENGTH_M, 0.0)
        root.align_roll((0.0, 0.0, 1.0))
        root.use_deform = False
        made: list[Any] = []
        for joint, parent in enumerate(PARENTS):
            bone = editable.new(JOINT_NAMES[joint])
            bone.head, bone.tail = bones.heads[joint], bones.tails[joint]
            bone.align_roll(bones.z_axes[joint])
            bone.parent = root if parent < 0 else made[parent]
            bone.use_connect = False
            made.append(bone)
    for pose_bone in armature.pose.bones:
        pose_bone.rotation_mode = "QUATERNION"
    armature.data.display_type = "OCTAHEDRAL"
    armature.show_in_front = True
    return armature


def rest_rotations(armature: Any) -> Array:
    """(24, 4) quaternions: the orientation of each joint's bone at rest, in the armature's frame."""
    bones = armature.data.bones
    return rotations.from_matrix(np.array([bones[name].matrix_local.to_3x3() for name in JOINT_NAMES]))


def bone_rotations(local_rotations: Array, rest: Array) -> Array:
    """SMPL's rotations as Blender's bones take them.

    SMPL turns a joint in the axes that the body has at rest; Blender turns a bone in the bone's own. With C the bone at
    rest seen from the body's frame, the same turn R is C^-1 R C. The pelvis's R, an orientation in the world, is first
    taken relative to the upright rest pose.

    Args:
        local_rotations: (T, 24, 4) quaternions as in :class:`~smpl_rig.motion.Motion`, of any sign and precision.
        rest: (24, 4) quaternions of :func:`rest_rotations`.

    Returns:
        (T, 24, 4) quaternions of that precision for ``pose_bone.rotation_quaternion``, signs continuous in time.
    """
    body_from_world = rotations.from_matrix(WORLD_FROM_BODY.T)
    body_from_bone = rotations.multiply(body_from_world, rest).astype(local_rotations.dtype)  # (24, 4)
    turns = rotations.multiply(local_rotations, body_from_bone)
    turns[:, 0] = rotations.multiply(body_from_world.astype(turns.dtype), turns[:, 0])
    return rotations.make_continuous(rotations.normalize(rotations.relative(body_from_bone, turns)))


def smpl_rotations(turns: Array, rest: Array) -> Array:
    """Rotations (T, 24, 4) of Blender's bones as SMPL's joints turn: undoes :func:`bone_rotations`."""
    body_from_world = rotations.from_matrix(WORLD_FROM_BODY.T)
    body_from_bone = rotations.multiply(body_from_world, rest)  # (24, 4)
    local = rotations.multiply(body_from_bone, rotations.multiply(turns, rotations.conjugate(body_from_bone)))
    local[:, 0] = rotations.multiply(rotations.conjugate(body_from_world), local[:, 0])
    return rotations.normalize(local)


def pelvis_locations(pelvis_world: Array, armature: Any) -> Array:
    """(T, 3) metres in the world -> (T, 3) for the pelvis bone's ``location``, in its own axes at rest."""
    bone = armature.data.bones[JOINT_NAMES[0]]
    moved = pelvis_world - np.array(bone.head_local)
    in_bone: Array = moved @ np.array(bone.matrix_local.to_3x3())
    return in_bone


def pelvis_places(locations: Array, armature: Any) -> Array:
    """(T, 3) of the pelvis bone's ``location`` -> (T, 3) metres: undoes :func:`pelvis_locations`."""
    bone = armature.data.bones[JOINT_NAMES[0]]
    places: Array = np.array(bone.head_local) + locations @ np.array(bone.matrix_local.to_3x3()).T
    return places


@contextmanager
def object_mode() -> Iterator[None]:
    """Leaves pose or edit mode, in which objects are not to be made or exported, and goes back to it."""
    active = bpy.context.view_layer.objects.active
    mode = active.mode if active else "OBJECT"
    if mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    try:
        yield
    finally:
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode=mode)


@contextmanager
def edit_bones(armature: Any) -> Iterator[Any]:
    """The armature's edit bones; afterwards the user's active object, selection and mode are as they were."""
    objects = bpy.context.view_layer.objects
    active, selected = objects.active, {candidate for candidate in objects if candidate.select_get()}
    with object_mode():
        objects.active = armature
        bpy.ops.object.mode_set(mode="EDIT")
        try:
            yield armature.data.edit_bones
        finally:
            bpy.ops.object.mode_set(mode="OBJECT")
            objects.active = active
            for candidate in objects:
                candidate.select_set(candidate in selected)
