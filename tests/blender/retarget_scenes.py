"""People and rigs in Blender, and how alike their limbs point there."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from smpl_rig.kinematics import relative_rotations
from smpl_rig.motion import Motion
from smpl_rig.retarget.rig_map import RigBones
from smpl_rig.skeleton import INDEX

from ..retarget_rigs import StoredBone
from ..smpl_rig.retarget.performances import walk
from .conftest import joints_in_blender

LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


def walking(rest_joints: np.ndarray, make_motion: Callable[..., Motion], frames: int = 120) -> Motion:
    performance = walk(rest_joints, frames=frames)
    motion = make_motion(frames=frames, frame_rate=60.0)
    local = relative_rotations(performance.turned)
    motion = replace(motion, contacts=performance.contacts)
    return motion.with_pose(local, performance.joints[:, 0] - rest_joints[0])


def armature_of(stored: Sequence[StoredBone], name: str = "Rig") -> Any:
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in stored:
        made = armature.data.edit_bones.new(bone.name)
        made.head, made.tail, made.roll = bone.head, bone.tail, bone.roll
        if bone.parent:
            made.parent = armature.data.edit_bones[bone.parent]
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def limb_errors(scene: Any, target: Any, bones: RigBones, person: Any, frames: Sequence[int]) -> np.ndarray:
    """(T, 8) degrees."""
    theirs = joints_in_blender(scene, person, frames)
    errors = np.empty((len(frames), 0))
    names = [bones.joints[f"{side}_{joint}"] for side in ("left", "right") for pair in LIMBS for joint in pair]
    ours = np.empty((len(frames), len(names), 3))
    for row, frame in enumerate(frames):
        scene.frame_set(int(frame))
        evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
        ours[row] = [evaluated.matrix_world @ evaluated.pose.bones[name].head for name in names]
    column = 0
    for side in ("left", "right"):
        for start, end in LIMBS:
            a = ours[:, column + 1] - ours[:, column]
            b = theirs[:, INDEX[f"{side}_{end}"]] - theirs[:, INDEX[f"{side}_{start}"]]
            angle = np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)))
            errors = np.column_stack((errors, angle))
            column += 2
    return errors


FRAMES = range(1, 121, 7)
