"""A rig that follows a captured person by constraints, without keys: what is edited on the person shows at once.

Bones of the target copy the rotations of empties that hang on the person's bones, turned by how the two rest poses
differ. The carrier copies the place of an empty whose parent scales the person's path by the legs. Feet are not
planted; baking does that. The empties lie in a hidden collection of the scene, so that nothing is added to the target
but constraints, which library overrides allow.
"""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Quaternion
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..retarget.retargeting import Retargeting
from ..retarget.rig import RigError
from ..retarget.rig_map import RigBones
from ..skeleton import INDEX, JOINT_NAMES
from .armature import rest_rotations
from .retarget import performance_of
from .rig_reading import LINK, apply_settings, read_rig

Array = NDArray[Any]


def is_linked(target: Any) -> bool:
    """Whether a target follows somebody."""
    return any(constraint.name.startswith(LINK) for bone in target.pose.bones for constraint in bone.constraints)


def link(target: Any, armature: Any, bones: RigBones) -> None:
    """Lets a target follow a captured person.

    Args:
        target: an armature object.
        armature: the captured person's.
        bones: which of the target's bones are which.

    Raises:
        RigError: as :func:`~smpl_rig.blender.retarget.retarget` does, and if the two are one.
        CharacterError: if the armature holds no capture.
    """
    if target == armature:
        raise RigError("A person cannot follow itself. Choose another target.")
    unlink(target)
    performance, _ = performance_of(armature)
    rig, _ = read_rig(target, bones)
    retargeting = Retargeting(rig, bones, performance.rest_joints)
    apply_settings(target, bones)
    empties = _Empties(target, armature)
    for name, (chain, part) in retargeting.followed.items():
        rest = rig.rest[rig.index(name)]
        place = part * (len(chain) - 1)
        above = min(int(place), max(len(chain) - 2, 0))
        _turn(target, name, empties.turned(retargeting, chain[above], name, rest), 1.0)
        if place > above:
            _turn(target, name, empties.turned(retargeting, chain[above + 1], name, rest), place - above)
    begin = performance.joints[0, 0] * [1, 1, 0]
    constraint = target.pose.bones[retargeting.carrier].constraints.new("COPY_LOCATION")
    constraint.name = f"{LINK} place"
    constraint.target = empties.carrier(retargeting, begin)


def unlink(target: Any) -> None:
    """Lets go again; what keys the target has show."""
    for bone in target.pose.bones:
        for constraint in [each for each in bone.constraints if each.name.startswith(LINK)]:
            bone.constraints.remove(constraint)
    collection = bpy.data.collections.get(_collection_name(target))
    if collection is not None:
        for empty in list(collection.objects):
            bpy.data.objects.remove(empty)
        bpy.data.collections.remove(collection)


def _collection_name(target: Any) -> str:
    return f"{LINK} {target.name}"


def _turn(target: Any, bone: str, empty: Any, share: float) -> None:
    constraint = target.pose.bones[bone].constraints.new("COPY_ROTATION")
    constraint.name = f"{LINK} turn"
    constraint.target, constraint.influence = empty, share


class _Empties:
    """What hangs on the person's bones for the target's to follow."""

    def __init__(self, target: Any, armature: Any) -> None:
        self._armature = armature
        self._collection = bpy.data.collections.new(_collection_name(target))
        armature.users_scene[0].collection.children.link(self._collection)
        self._collection.hide_viewport = True
        self._collection.hide_render = True
        body_from_world = rotations.from_matrix(WORLD_FROM_BODY.T)
        #: by joint, from the bone's axes to the body's at rest
        self._body_from_bone = rotations.multiply(body_from_world, rest_rotations(armature))  # (24, 4)

    def turned(self, retargeting: Retargeting, joint: str, bone: str, rest: Array) -> Any:
        """Has the rotation in the world that the target's bone is to have."""
        empty = self._new(f"{bone} {joint}")
        self._hang(empty, joint)
        back = rotations.conjugate(self._body_from_bone[INDEX[joint]])
        turn = rotations.multiply(back, rotations.multiply(retargeting.match(joint), rest))
        empty.rotation_quaternion = Quaternion(turn)
        return empty

    def carrier(self, retargeting: Retargeting, begin: Array) -> Any:
        """Lies where the head of the target's carrier is to be."""
        hips = self._hips()
        path = self._new("path")
        path.scale = [retargeting.scale] * 3
        path.location = (1 - retargeting.scale) * begin + [0, 0, retargeting.lift]
        middle = self._new("middle of the hips")
        middle.parent = path
        follow = middle.constraints.new("COPY_LOCATION")
        follow.target, follow.owner_space = hips, "LOCAL"
        rig, name = retargeting.rig, retargeting.carrier
        rest = rig.rest[rig.index(name)]
        turn = middle.constraints.new("COPY_ROTATION")
        turn.target = self.turned(retargeting, "pelvis", f"{name} place", rest)
        own = (retargeting.places["left_hip"] + retargeting.places["right_hip"]) / 2
        head = self._new("carrier")
        head.parent = middle
        offset = retargeting.places["pelvis"] - own
        head.location = rotations.rotate(rotations.conjugate(rest), offset) / retargeting.scale
        return head

    def _hips(self) -> Any:
        """Lies in the middle of the person's hips."""
        empty = self._new("hips")
        self._hang(empty, "pelvis")
        bones = self._armature.data.bones
        middle = (bones["left_hip"].head_local + bones["right_hip"].head_local) / 2
        pelvis = bones["pelvis"]
        empty.location = pelvis.matrix_local.inverted() @ middle
        empty.location.y -= pelvis.length  # objects hang on a bone's tail
        return empty

    def _hang(self, empty: Any, joint: str) -> None:
        empty.parent, empty.parent_type, empty.parent_bone = self._armature, "BONE", JOINT_NAMES[INDEX[joint]]

    def _new(self, name: str) -> Any:
        empty = bpy.data.objects.new(f"{LINK} {name}", None)
        empty.rotation_mode = "QUATERNION"
        empty.empty_display_size = 0.05
        self._collection.objects.link(empty)
        return empty
