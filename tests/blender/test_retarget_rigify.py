"""Takes on Rigify's human, meta-rig and generated controls; generating it takes most of the time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
import addon_utils  # noqa: E402

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.retarget import find_rig_bones, retarget_person  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.retarget.rig_map import RigBones  # noqa: E402

from .retarget_scenes import FRAMES, limb_errors, walking  # noqa: E402


@pytest.fixture
def rigify(scene: Any) -> Any:
    """Rigify's human, generated; limbs follow their IK at first."""
    _, loaded = addon_utils.check("rigify")
    if not loaded and addon_utils.enable("rigify", default_set=True) is None:
        pytest.skip("this Blender has no Rigify")
    bpy.ops.object.armature_human_metarig_add()
    metarig = bpy.context.object
    bpy.ops.pose.rigify_generate()
    rig = bpy.context.object
    bpy.ops.object.mode_set(mode="OBJECT")
    assert rig != metarig
    return rig


def test_rigifys_controls(scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> None:
    motion = walking(rest_joints, make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    found = find_rig_bones(rigify)
    assert found.how == "Rigify control rig"
    retarget_person(rigify, person, found.bones)
    assert rigify.pose.bones["thigh_parent.L"]["IK_FK"] == 1.0
    deforming = RigBones({
        joint: f"DEF-{name.replace('_fk', '')}" for joint, name in found.bones.joints.items() if "_fk" in name
    })  # fmt: skip
    assert limb_errors(scene, rigify, deforming, person, FRAMES[::3]).max() < 3
    scene.frame_set(1)
    rigify.pose.bones["thigh_parent.L"]["IK_FK"] = 0.0
    scene.frame_set(2)
    assert rigify.pose.bones["thigh_parent.L"]["IK_FK"] == 1.0  # keyed
    metarig = next(each for each in bpy.data.objects if each.type == "ARMATURE" and each.name.startswith("meta"))
    found = find_rig_bones(metarig)
    assert found.how == "Rigify deform bones"
    retarget_person(metarig, person, found.bones)
    assert limb_errors(scene, metarig, found.bones, person, FRAMES[::3]).max() < 3
