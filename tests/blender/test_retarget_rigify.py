"""Takes on Rigify's human, meta-rig and generated controls; generating it takes most of the time."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Matrix, Quaternion  # noqa: E402

from smpl_rig import rotations  # noqa: E402
from smpl_rig.alignment import align  # noqa: E402
from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.blender.animation import fit_scene, frame_rate, keys_digest  # noqa: E402
from smpl_rig.blender.armature import edit_bones  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.deform_skeleton import deform_parents  # noqa: E402
from smpl_rig.blender.exporters import ExportError  # noqa: E402
from smpl_rig.blender.live_link import is_linked, link, linking, plant, unlink  # noqa: E402
from smpl_rig.blender.performances import performance_of  # noqa: E402
from smpl_rig.blender.prepared import Sampled, rigid, sample_poses, sampled  # noqa: E402
from smpl_rig.blender.preset_export import export_with_preset  # noqa: E402
from smpl_rig.blender.retarget import BakeOptions, find_rig_bones, retarget_person  # noqa: E402
from smpl_rig.blender.rig_reading import read_rig, reading_rig  # noqa: E402
from smpl_rig.exports.preset import preset  # noqa: E402
from smpl_rig.exports.written_bones import WrittenBones  # noqa: E402
from smpl_rig.joint_map import joint_maps  # noqa: E402
from smpl_rig.kinematics import forward_kinematics  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.retarget.fingers import BENT_DEG  # noqa: E402
from smpl_rig.retarget.planting import plant_feet, rig_sole_points  # noqa: E402
from smpl_rig.retarget.retargeting import Retargeting  # noqa: E402
from smpl_rig.retarget.rig import RigError  # noqa: E402
from smpl_rig.retarget.rig_map import SIDES, RigBones, rig_maps  # noqa: E402
from smpl_rig.skeletal_motion import SkeletalMotion  # noqa: E402
from smpl_rig.skeleton import INDEX, JOINT_NAMES, PARENTS  # noqa: E402

from ..retarget_rigs import mpfb_bones  # noqa: E402
from ..smpl_rig.retarget.performances import from_library  # noqa: E402
from ..smpl_rig.retarget.test_planting import skate, soles_of  # noqa: E402
from ..smpl_rig.retarget.test_retargeting import angles, turn_between  # noqa: E402
from .readers import read_assimp  # noqa: E402
from .retarget_scenes import FRAMES, apart, armature_of, captured, limb_errors, walking  # noqa: E402
from .test_retarget_export import check_vertices, needs_assimp, tetrahedra  # noqa: E402

GENERATED = """
import os, sys
import bpy
import addon_utils

bpy.ops.wm.read_factory_settings(use_empty=True)
if addon_utils.enable("rigify", default_set=True) is None:
    os._exit(3)
bpy.ops.object.armature_human_metarig_add()
bpy.ops.pose.rigify_generate()
bpy.ops.object.mode_set(mode="OBJECT")
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[1])
os._exit(0)
"""


@pytest.fixture(scope="module")
def rigify_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rigify's human, meta-rig and generated; by another process, as generating it makes Blender 4.2 crash later on."""
    path = tmp_path_factory.mktemp("rigify") / "rigify.blend"
    command = [sys.executable, "-c", GENERATED, str(path)]
    status = subprocess.run(command, check=False, capture_output=True, timeout=120).returncode
    if status == 3:
        pytest.skip("this Blender has no Rigify")
    assert status == 0
    return path


@pytest.fixture
def scene(rigify_file: Path) -> Iterator[Any]:
    """With both in it."""
    bpy.ops.wm.open_mainfile(filepath=str(rigify_file))
    yield bpy.context.scene
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def rigify(scene: Any) -> Any:
    """The generated rig; its limbs follow their IK at first."""
    return next(each for each in scene.objects if each.type == "ARMATURE" and "torso" in each.data.bones)


def deforming(bones: RigBones) -> RigBones:
    """What moves the skin, whatever the controls are."""
    return RigBones({
        joint: f"DEF-{name.replace('_fk', '')}" for joint, name in bones.joints.items() if "_fk" in name
    })  # fmt: skip


def deformed(scene: Any, rig: Any, bones: RigBones, frames: Sequence[int]) -> np.ndarray:
    """(T, J, 3, 4) in the world: how hands, feet and toes lie."""
    ends = [f"{side}_{end}" for side in ("left", "right") for end in ("wrist", "ankle", "foot")]
    shown = []
    for frame in frames:
        scene.frame_set(frame)
        evaluated = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        shown.append([(evaluated.matrix_world @ evaluated.pose.bones[bones.joints[end]].matrix)[:3] for end in ends])
    return np.array(shown)


def test_rigifys_ik_controls(
    scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    """The same pose as with FK, feet planted, and nothing of the one is left when the other is baked."""
    motion = walking(rest_joints, make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    bones = find_rig_bones(rigify).bones
    shown = deforming(bones)
    action = retarget_person(rigify, person, bones)
    fk_digest = keys_digest(rigify)
    on_fk = deformed(scene, rigify, shown, FRAMES)
    assert retarget_person(rigify, person, bones, BakeOptions(use_ik=True)) == action
    assert limb_errors(scene, rigify, shown, person, FRAMES).max() < 3
    on_ik = deformed(scene, rigify, shown, FRAMES)
    np.testing.assert_allclose(on_ik, on_fk, atol=2e-3)
    keyed = {path.split('"')[1] for path in action["limber_keyed"].splitlines()}
    assert {"hand_ik.L", "foot_ik.R", "toe_ik.L", "thigh_ik_target.L", "upper_arm_ik_target.R", "torso"} <= keyed
    assert not any(name.startswith(("thigh_fk", "shin_fk", "foot_fk", "toe_fk", "hand_fk")) for name in keyed)
    assert rigify.pose.bones["thigh_fk.L"].rotation_quaternion == Quaternion()
    scene.frame_set(1)
    rigify.pose.bones["thigh_parent.L"]["IK_FK"] = 1.0
    scene.frame_set(2)
    assert rigify.pose.bones["thigh_parent.L"]["IK_FK"] == 0.0  # keyed
    assert rigify.pose.bones["thigh_parent.L"]["pole_vector"]
    retarget_person(rigify, person, bones, BakeOptions(use_ik=True, relax_fingers=True))
    scene.frame_set(60)
    for finger, (_, *bends) in BENT_DEG.items():
        for side in "LR":
            first, second, third = (
                rigify.pose.bones[f"DEF-f_{finger}.0{number}.{side}"].matrix.col[1].xyz for number in (1, 2, 3)
            )
            bent = [math.degrees(before.angle(after)) for before, after in ((first, second), (second, third))]
            assert bent == pytest.approx(bends, abs=2), finger
    retarget_person(rigify, person, bones)
    assert keys_digest(rigify) == fk_digest


@pytest.mark.parametrize("name", ["cmu_martial_05", "cc0_crawl"])
def test_kicks_and_crawls_on_ik(
    name: str, scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    motion = captured(from_library(name, rest_joints, frames=100), make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, name, 0.0)
    bones = find_rig_bones(rigify).bones
    retarget_person(rigify, person, bones, BakeOptions(use_ik=True))
    frames = range(1, len(motion.timestamps_s) + 1, 5)
    assert limb_errors(scene, rigify, deforming(bones), person, frames).max() < 3


def test_a_rig_without_ik_controls_is_told_so(
    scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    motion = walking(rest_joints, make_motion, frames=5)
    person = build_character(scene, motion, None, "Walker", 0.0)
    target = armature_of(mpfb_bones("mixamo"))
    with pytest.raises(RigError, match="knows no IK controls"):
        retarget_person(target, person, find_rig_bones(target).bones, BakeOptions(use_ik=True))
    assert target.animation_data is None


def test_a_rig_is_read_in_pieces_between_which_it_is_as_it_was(
    scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    """Its pose, its action and its switches; and what is read is the same."""
    motion = walking(rest_joints, make_motion, frames=5)
    person = build_character(scene, motion, None, "Walker", 0.0)
    bones = find_rig_bones(rigify).bones
    retarget_person(rigify, person, bones, BakeOptions(use_ik=True))
    scene.frame_set(3)
    jaw = rigify.pose.bones["jaw_master"]
    jaw.rotation_mode, jaw.rotation_euler = "XYZ", (0.1, 4.0, -7.0)

    def state() -> tuple[Any, ...]:
        channels = ("location", "rotation_quaternion", "rotation_euler", "scale")
        poses = [tuple(getattr(bone, channel)) for bone in rigify.pose.bones for channel in channels]
        animation = rigify.animation_data
        return poses, animation.action, animation.use_nla, rigify.pose.bones["thigh_parent.L"]["IK_FK"]

    whole, floor = read_rig(rigify, bones)
    before, pieces = state(), 0
    reading = reading_rig(rigify, bones, at_once_s=0.0)
    while True:
        try:
            next(reading)
        except StopIteration as over:
            read, read_floor = over.value
            break
        pieces += 1
        assert state() == before
    assert pieces > 10
    assert read_floor == floor
    assert (read.names, read.parents, read.turns_with) == (whole.names, whole.parents, whole.turns_with)
    np.testing.assert_array_equal(read.heads, whole.heads)
    np.testing.assert_array_equal(read.rest, whole.rest)


def test_rigifys_controls(scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> None:
    motion = walking(rest_joints, make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    found = find_rig_bones(rigify)
    assert found.how == "Rigify control rig"
    retarget_person(rigify, person, found.bones)
    assert rigify.pose.bones["thigh_parent.L"]["IK_FK"] == 1.0
    assert limb_errors(scene, rigify, deforming(found.bones), person, FRAMES[::3]).max() < 3
    scene.frame_set(1)
    rigify.pose.bones["thigh_parent.L"]["IK_FK"] = 0.0
    scene.frame_set(2)
    assert rigify.pose.bones["thigh_parent.L"]["IK_FK"] == 1.0  # keyed
    metarig = next(each for each in bpy.data.objects if each.type == "ARMATURE" and each.name.startswith("meta"))
    found = find_rig_bones(metarig)
    assert found.how == "Rigify deform bones"
    retarget_person(metarig, person, found.bones)
    assert limb_errors(scene, metarig, found.bones, person, FRAMES[::3]).max() < 3


@needs_assimp
@pytest.mark.parametrize(("ending", "program", "metres"), [("fbx", "unity", 0.01), ("glb", "godot", 1.0)])
def test_engines_get_the_bones_that_deform(
    scene: Any,
    rigify: Any,
    rest_joints: np.ndarray,
    make_motion: Callable[..., Motion],
    tmp_path: Path,
    ending: str,
    program: str,
    metres: float,
) -> None:
    """In one tree, where Blender shows them; with skin on them, and with a hat that hangs on a control."""
    frames = 10
    motion = walking(rest_joints, make_motion, frames=frames)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    deform = [bone for bone in rigify.data.bones if bone.use_deform]
    kept = {bone.name for bone in deform} | {"root", "head"}
    skin = tetrahedra("skin", np.array([bone.head_local for bone in deform]), 0.02)
    for number, bone in enumerate(deform):
        skin.vertex_groups.new(name=bone.name).add(range(4 * number, 4 * number + 4), 1.0, "REPLACE")
    with edit_bones(rigify) as bones:  # what bends along its length comes out stiff
        for bone in bones:
            bone.bbone_segments = 1
    skin.modifiers.new("Armature", "ARMATURE").object = rigify
    skin.parent = rigify
    hat = tetrahedra("hat", np.zeros((1, 3)), 0.1)
    hat.parent, hat.parent_type, hat.parent_bone = rigify, "BONE", "head"
    retarget_person(rigify, person, find_rig_bones(rigify).bones, BakeOptions(use_ik=True))
    told = export_with_preset(rigify, tmp_path / f"out.{ending}", preset(program))
    left = len(rigify.data.bones) - len(kept)
    assert told == [f"{left} bones of 'rig' are controls or mechanisms, and are left out."]
    take = read_assimp(tmp_path / f"out.{ending}")
    found = {name: parent for name, parent in take.parents.items() if name in kept or parent in kept}
    assert {*found} == kept
    assert [name for name, parent in found.items() if parent not in kept] == ["root"]
    for bone, parent in (
        ("DEF-thigh.L", "DEF-spine"), ("DEF-shoulder.R", "DEF-spine.003"), ("DEF-upper_arm.R", "DEF-shoulder.R"),
        ("DEF-palm.02.L", "DEF-hand.L"), ("DEF-f_middle.01.L", "DEF-palm.02.L"), ("DEF-jaw", "DEF-spine.006"),
        ("DEF-spine", "root"),
    ):  # fmt: skip
        assert found[bone] == parent
    vertices = []
    for frame in range(frames):
        scene.frame_set(frame + 1)
        graph = bpy.context.evaluated_depsgraph_get()
        for name in kept:
            shown = rigify.matrix_world @ rigify.pose.bones[name].head
            assert np.abs(metres * WORLD_FROM_BODY @ take.places[name][frame] - shown).max() < 1e-3, name
        meshes = (mesh.evaluated_get(graph) for mesh in (skin, hat))
        vertices.append([mesh.matrix_world @ vertex.co for mesh in meshes for vertex in mesh.data.vertices])
    check_vertices(metres * take.skin @ WORLD_FROM_BODY.T, np.array(vertices))
    assert len(rigify.data.bones) > 600  # the rig itself is as it was
    with pytest.raises(ExportError, match="has 10 root bones"):
        export_with_preset(rigify, tmp_path / f"all.{ending}", preset(program), bones=WrittenBones.ALL)


def back_on_smpl(scene: Any, rigify: Any, rest_joints: np.ndarray) -> tuple[np.ndarray, np.ndarray, Sampled]:
    """What the skin of a rig that plays a take does: SMPL's joints turned (T, 24, 4) and placed (T, 24, 3)."""
    shown = sampled(rigify, sample_poses(rigify, scene)).hung(deform_parents(rigify)).without("root")
    turned = rotations.from_matrix(rigid(shown.posed[..., :3, :3]) @ np.swapaxes(shown.rest[:, :3, :3], -1, -2))
    places, offsets = shown.posed[..., :3, 3], shown.rest[:, :3, 3].copy()
    local, local_places, parents = turned.copy(), places.copy(), list(shown.parents)
    above = rotations.conjugate(turned[:, parents[1:]])
    local[:, 1:] = rotations.multiply(above, turned[:, 1:])
    local_places[:, 1:] = rotations.rotate(above, places[:, 1:] - places[:, parents[1:]])
    offsets[1:] -= shown.rest[parents[1:], :3, 3]
    bones = next(each for each in rig_maps() if each.name == "rigify_deform").found_in(shown.names)
    joints = dict(bones.joints)
    for side in SIDES:
        joints |= {f"{side}_hand": bones.chains[f"{side}_middle"][0], f"{side}_thumb": bones.chains[f"{side}_thumb"][1]}
    family = next(each for each in joint_maps() if each.name == "upperarm_l")
    called = {bone: family.joints[joint][0] for joint, bone in joints.items()}
    names = tuple(called.get(name, f"other {name}") for name in shown.names)
    motion = SkeletalMotion(names, shown.parents, offsets, local, local_places, frame_rate(scene))
    pose = align(motion, rest_joints).smpl_pose()
    return (*forward_kinematics(pose.local_rotations, rest_joints, pose.pelvis - rest_joints[0]), shown)


@pytest.mark.parametrize("use_ik", [False, True], ids=["FK", "IK"])
@pytest.mark.parametrize("name", ["cmu_fbx_walk_07_01", "cmu_salsa_03", "cmu_martial_05", "cc0_crawl"])
def test_the_pose_comes_back_from_what_deforms(
    name: str, use_ik: bool, scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    """To a degree on every frame: arms, chest and head as the person's, legs as planted; and feet skate no more."""
    motion = captured(from_library(name, rest_joints, frames=100), make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, name, 0.0)
    bones = find_rig_bones(rigify).bones
    performance, _ = performance_of(person)
    retargeting = Retargeting(read_rig(rigify, bones)[0], bones, rest_joints)
    planted = plant_feet(retargeting, retargeting.follow(performance), performance)
    retarget_person(rigify, person, bones, BakeOptions(use_ik=use_ik))
    turned, joints, shown = back_on_smpl(scene, rigify, rest_joints)

    wanted = performance.turned.copy()
    for joint in ("pelvis", *(f"{side}_{leg}" for side in SIDES for leg in ("hip", "knee", "ankle"))):
        from_body = rotations.conjugate(retargeting.match(joint))
        wanted[:, INDEX[joint]] = rotations.multiply(
            planted.turned[bones.joints[joint]], np.broadcast_to(from_body, turned[:, 0].shape)
        )
    for joint in ("pelvis", "spine3", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle"):
        assert turn_between(turned[:, INDEX[joint]], wanted[:, INDEX[joint]]).max() < 1, joint
    for joint, parent in enumerate(PARENTS):
        if JOINT_NAMES[joint].rpartition("_")[2] in ("knee", "ankle", "elbow", "wrist"):
            limb = np.broadcast_to(rest_joints[joint] - rest_joints[parent], (len(joints), 3))
            pointing = rotations.rotate(wanted[:, parent], limb)
            persons = performance.joints[:, joint] - performance.joints[:, parent]
            assert angles(joints[:, joint] - joints[:, parent], pointing).max() < 1, JOINT_NAMES[joint]
            assert angles(joints[:, joint] - joints[:, parent], persons).max() < 3, JOINT_NAMES[joint]

    soles = []
    for bone, place in rig_sole_points(retargeting).values():
        foot = shown.names.index(f"DEF-{bone.replace('_fk', '')}")
        soles.append((shown.posed[:, foot] @ np.linalg.inv(shown.rest[foot]) @ [*place, 1])[:, :3])
    skated = skate(np.stack(soles, axis=1), performance) / retargeting.scale
    assert skated <= skate(soles_of(performance), performance)


def test_a_live_link_shows_what_baking_gives(
    scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    """Fingers and hands too, on a rig that is turned and half as large, whose own action has switched limbs to IK."""
    motion = captured(from_library("cmu_salsa_03", rest_joints, frames=15), make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Dancer", 0.0)
    baked = rigify.copy()
    scene.collection.objects.link(baked)
    placed = Matrix.Translation((1, 0, 0)) @ Matrix.Rotation(1.0, 4, "Z") @ Matrix.Scale(0.5, 4)
    for target in (rigify, baked):
        target.matrix_world = placed
    bpy.context.view_layer.update()
    bones = find_rig_bones(rigify).bones
    own = retarget_person(rigify, person, bones, BakeOptions(use_ik=True))
    options = BakeOptions(touch=True, relax_fingers=True)
    link(rigify, person, bones, options)
    retarget_person(baked, person, bones, options)
    moves_skin = [bone.name for bone in rigify.data.bones if bone.use_deform]
    degrees, away = apart(scene, rigify, baked, moves_skin)
    assert degrees < 0.5
    assert away < 5e-4
    unlink(rigify)
    assert rigify.animation_data.action == own
    degrees, away = apart(scene, rigify, baked, ["DEF-forearm.L", "DEF-f_index.02.L"])
    assert degrees > 5


def test_a_link_is_made_in_pieces_as_at_once(
    scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    motion = walking(rest_joints, make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    bones = find_rig_bones(rigify).bones
    link(rigify, person, bones)
    shown = deforming(bones)
    at_once = deformed(scene, rigify, shown, FRAMES)
    unlink(rigify)
    there, pieces = set(bpy.data.objects), 0
    for _ in linking(rigify, person, bones, at_once_s=0.0):
        pieces += 1
        assert not is_linked(rigify)
        assert set(bpy.data.objects) == there
    assert pieces > 10
    assert is_linked(rigify)
    assert plant(rigify)
    np.testing.assert_allclose(deformed(scene, rigify, shown, FRAMES), at_once, atol=1e-6)


def test_a_link_whose_person_is_deleted_meanwhile_is_not_made(
    scene: Any, rigify: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    motion = walking(rest_joints, make_motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    pieces = linking(rigify, person, find_rig_bones(rigify).bones, at_once_s=0.0)
    next(pieces)
    bpy.data.objects.remove(person)
    with pytest.raises(RigError, match="'Walker' is no longer there"):
        for _ in pieces:
            pass
    assert not is_linked(rigify)
