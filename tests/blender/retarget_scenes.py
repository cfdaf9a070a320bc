"""People and rigs in Blender, and how alike their limbs point there."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from smpl_rig import rotations
from smpl_rig.blender.prepared import rigid, sample_poses
from smpl_rig.kinematics import relative_rotations
from smpl_rig.motion import Motion
from smpl_rig.retarget.retargeting import Performance
from smpl_rig.retarget.rig_map import RigBones
from smpl_rig.skeleton import INDEX

from ..retarget_rigs import StoredBone
from ..smpl_rig.retarget.performances import walk
from .conftest import joints_in_blender

LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


def walking(rest_joints: np.ndarray, make_motion: Callable[..., Motion], frames: int = 120) -> Motion:
    return captured(walk(rest_joints, frames=frames), make_motion)


def captured(performance: Performance, make_motion: Callable[..., Motion]) -> Motion:
    """As a Motion."""
    rate = 1 / float(np.median(np.diff(performance.times_s)))
    motion = make_motion(frames=len(performance.times_s), frame_rate=rate)
    motion = replace(motion, contacts=performance.contacts)
    local = relative_rotations(performance.turned)
    return motion.with_pose(local, performance.joints[:, 0] - performance.rest_joints[0])


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
    """(T, 8) degrees between a target's limbs and a person's, in the world."""
    return joint_angles(target, bones, joints_in_blender(scene, person, frames), frames)


def joint_angles(target: Any, bones: RigBones, joints: np.ndarray, frames: Sequence[int] | np.ndarray) -> np.ndarray:
    """(T, 8) degrees between a target's limbs at some frames and those of (T, 24, 3) joints, in the world."""
    names = [bones.joints[f"{side}_{joint}"] for side in ("left", "right") for pair in LIMBS for joint in pair]
    places = np.empty((len(frames), len(names), 3))
    for row, frame in enumerate(frames):
        bpy.context.scene.frame_set(int(frame))
        evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
        places[row] = [evaluated.matrix_world @ evaluated.pose.bones[name].head for name in names]
    ends = [(f"{side}_{start}", f"{side}_{end}") for side in ("left", "right") for start, end in LIMBS]
    ours = places[:, 1::2] - places[:, 0::2]
    theirs = np.stack([joints[:, INDEX[end]] - joints[:, INDEX[start]] for start, end in ends], axis=1)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(ours, theirs), axis=-1), np.sum(ours * theirs, axis=-1)))


def apart(scene: Any, ours: Any, theirs: Any, names: Collection[str]) -> tuple[float, float]:
    """How far bones of two copies of one rig are from each other in the world: degrees, and parts of their height."""
    turned, placed = [], []
    for target in (ours, theirs):
        chosen = [target.data.bones.find(name) for name in names]
        posed = sample_poses(target, scene)[:, chosen]
        turned.append(rotations.from_matrix(rigid(posed[..., :3, :3])))
        placed.append(posed[..., :3, 3])
    between = rotations.log(rotations.multiply(rotations.conjugate(turned[0]), turned[1]))
    height = np.ptp(placed[0][..., 2])
    return (
        float(np.degrees(np.linalg.norm(between, axis=-1)).max()),
        float(np.linalg.norm(placed[0] - placed[1], axis=-1).max() / height),
    )


FRAMES = range(1, 121, 7)
