"""From SMPL to a rig, and back by the way in which motion of other skeletons is brought to SMPL."""

from dataclasses import replace

import numpy as np
import pytest

from smpl_rig import kinematics, rotations
from smpl_rig.alignment import SmplPose, align
from smpl_rig.joint_map import joint_maps
from smpl_rig.retarget.finding import find_bones
from smpl_rig.retarget.retargeting import Performance, Retargeting
from smpl_rig.retarget.rig_map import SIDES
from smpl_rig.skeletal_motion import SkeletalMotion
from smpl_rig.skeleton import INDEX, JOINT_NAMES, PARENTS

from .performances import LIBRARY, from_library, walk
from .published_rigs import PUBLISHED
from .rigs import Build, BuiltRig, build_rig
from .test_retargeting import A_POSE, IMPORTED, SHORT, angles, retargeted, turn_between
from .test_rigs_of_others import RIGS

#: Motion that is read back is turned so that its rest pose faces the front.
FRONT = replace(IMPORTED, facing=0.0)


def back_on_smpl(built: BuiltRig, performance: Performance) -> SmplPose:
    turned, heads = retargeted(built, performance)
    rig = built.rig
    bones = Retargeting(rig, built.bones, performance.rest_joints).bones
    family = next(family for family in joint_maps() if family.name == "upperarm_l")
    joints = dict(bones.joints)
    for side in SIDES:  # by knuckles, as retargeting knows hands
        for joint, finger, number in (("hand", "middle", 0), ("thumb", "thumb", 1)):
            if f"{side}_{finger}" in bones.chains:
                joints.setdefault(f"{side}_{joint}", bones.chains[f"{side}_{finger}"][number])
    named = {bone: family.joints[joint][0] for joint, bone in joints.items()}
    world = np.stack([turned[name] for name in rig.names], axis=1)
    places = np.stack([heads[name] for name in rig.names], axis=1)
    parents = list(rig.parents)
    local, offsets = world.copy(), rig.heads.copy()
    above = rotations.conjugate(world[:, parents[1:]])
    local[:, 1:] = rotations.multiply(above, world[:, 1:])
    offsets[1:] -= rig.heads[parents[1:]]
    local_places = places.copy()
    local_places[:, 1:] = rotations.rotate(above, places[:, 1:] - places[:, parents[1:]])
    names = tuple(named.get(name, f"other {name}") for name in rig.names)
    motion = SkeletalMotion(names, rig.parents, offsets, local, local_places, 60.0)
    return align(motion, performance.rest_joints).smpl_pose()


@pytest.mark.parametrize("build", [Build(), A_POSE, FRONT, SHORT], ids=["t-pose", "a-pose", "imported", "short"])
@pytest.mark.parametrize("name", ["walk", *LIBRARY])
def test_the_pose_comes_back(build: Build, name: str, rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints) if name == "walk" else from_library(name, rest_joints)
    check_it_comes_back(build_rig(build, rest_joints), performance)


@pytest.mark.parametrize("motion", ["cmu_salsa_03", "cmu_soccer_train_1"])
@pytest.mark.parametrize("name", [*RIGS, *PUBLISHED])
def test_the_pose_comes_back_from_every_kind_of_rig(name: str, motion: str, rest_joints: np.ndarray) -> None:
    rig = RIGS[name]() if name in RIGS else PUBLISHED[name].build(rest_joints)[0]
    built = BuiltRig(rig, find_bones(rig).bones, Build(), rig.heads, rig.rest)
    check_it_comes_back(built, from_library(motion, rest_joints, frames=80))


def check_it_comes_back(built: BuiltRig, performance: Performance) -> None:
    """Limbs point, and pelvis, chest, head and hands are turned, as they were, to a degree."""
    rest_joints = performance.rest_joints
    pose = back_on_smpl(built, performance)
    turned, joints = kinematics.forward_kinematics(pose.local_rotations, rest_joints, pose.pelvis - rest_joints[0])
    for joint in ("pelvis", "spine3", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle"):
        assert turn_between(turned[:, INDEX[joint]], performance.turned[:, INDEX[joint]]).max() < 1, joint
    for joint, parent in enumerate(PARENTS):
        if JOINT_NAMES[joint].rpartition("_")[2] in ("knee", "ankle", "elbow", "wrist"):
            limb, was = (places[:, joint] - places[:, parent] for places in (joints, performance.joints))
            assert angles(limb, was).max() < 1, JOINT_NAMES[joint]
