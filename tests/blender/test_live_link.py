"""Targets that follow a person without keys."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Matrix  # noqa: E402

from smpl_rig.blender.animation import animated_paths, fit_scene, move_keys  # noqa: E402
from smpl_rig.blender.character import CharacterError, apply_smoothness, build_character  # noqa: E402
from smpl_rig.blender.live_link import Planting, is_linked, link, linked_targets, plant, unlink  # noqa: E402
from smpl_rig.blender.performances import performance_of  # noqa: E402
from smpl_rig.blender.retarget import BakeOptions, find_rig_bones, retarget_person  # noqa: E402
from smpl_rig.blender.rig_reading import read_rig  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.retarget.planting import rig_sole_points  # noqa: E402
from smpl_rig.retarget.retargeting import Retargeting  # noqa: E402
from smpl_rig.retarget.rig import RigError  # noqa: E402
from smpl_rig.retarget.rig_map import RigBones  # noqa: E402

from ..retarget_rigs import mpfb_bones  # noqa: E402
from ..smpl_rig.retarget.performances import from_library  # noqa: E402
from .retarget_scenes import apart, armature_of, captured, limb_errors, walking  # noqa: E402

FRAMES = (1, 15, 30)


@pytest.fixture
def person(scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> Any:
    motion = walking(rest_joints, make_motion, frames=30)
    fit_scene(scene, motion)
    return build_character(scene, motion, None, "Walker", 0.0)


def test_limbs_point_as_the_persons_do(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    assert is_linked(target)
    assert target.animation_data is None or target.animation_data.action is None
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 3
    apply_smoothness(person, 1.0)
    person.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z")
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 3


def test_it_shows_what_baking_gives(scene: Any, person: Any) -> None:
    """Feet that are planted, and twist bones, among it."""
    stored = mpfb_bones("game_engine")
    thigh, knee = (next(bone for bone in stored if bone.name == name) for name in ("thigh_l", "calf_l"))
    stored += [replace(thigh, name="thigh_twist_01_l", parent="thigh_l", head=(thigh.head + knee.head) / 2)]
    linked, baked = (armature_of(stored, name) for name in ("Linked", "Baked"))
    for target in (linked, baked):
        target.matrix_world = Matrix.Translation((3, 0, 0)) @ Matrix.Rotation(1.0, 4, "Z") @ Matrix.Scale(100, 4)
        target.data.transform(Matrix.Scale(0.01, 4))
    bpy.context.view_layer.update()
    bones = find_rig_bones(linked).bones
    assert bones.twists == {"left_hip": ("thigh_twist_01_l",)}
    link(linked, person, bones)
    retarget_person(baked, person, bones)
    for frame in range(1, 31):
        for bone, matrix in posed(scene, baked, bones.all(), frame).items():
            shown = posed(scene, linked, [bone], frame)[bone]
            np.testing.assert_allclose(shown[:3, :3] / 100, matrix[:3, :3] / 100, atol=1e-3, err_msg=bone)
            np.testing.assert_allclose(shown[:3, 3], matrix[:3, 3], atol=1e-3, err_msg=bone)


#: As FBX files come in; 1 m to the side and turned.
PLACED = Matrix.Translation((1, 0, 0)) @ Matrix.Rotation(1.0, 4, "Z") @ Matrix.Scale(0.01, 4)


@pytest.mark.parametrize("relax_fingers", [False, True], ids=["fingers stay", "fingers at ease"])
@pytest.mark.parametrize("touch", [False, True], ids=["", "touch"])
@pytest.mark.parametrize("kind", ["mixamo", "game_engine"])
def test_it_does_all_that_baking_does(
    kind: str, touch: bool, relax_fingers: bool, scene: Any, rest_joints: np.ndarray,
    make_motion: Callable[..., Motion],
) -> None:  # fmt: skip
    motion = captured(from_library("cmu_salsa_03", rest_joints, frames=40), make_motion)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Dancer", 0.0)
    stored = mpfb_bones(kind)
    linked, baked, plain = (armature_of(stored, name) for name in ("Linked", "Baked", "Plain"))
    for target in (linked, baked, plain):
        target.matrix_world = PLACED
        target.data.transform(Matrix.Scale(100, 4))
    bpy.context.view_layer.update()
    bones = find_rig_bones(linked).bones
    options = BakeOptions(touch=touch, relax_fingers=relax_fingers)
    link(linked, person, bones, options)
    retarget_person(baked, person, bones, options)
    degrees, away = apart(scene, linked, baked, linked.data.bones.keys())
    assert degrees < 0.5
    assert away < 5e-4
    retarget_person(plain, person, bones)
    elbows = [bones.joints[f"{side}_elbow"] for side in ("left", "right")]
    assert (apart(scene, linked, plain, elbows)[0] > 2) == touch
    assert touch or (apart(scene, linked, plain, bones.chains["left_index"])[0] > 10) == relax_fingers


def posed(scene: Any, target: Any, bones: Iterable[str], frame: int) -> dict[str, np.ndarray]:
    """By bone, its matrix (4, 4) in the world."""
    scene.frame_set(frame)
    shown = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {bone: np.array(shown.matrix_world @ shown.pose.bones[bone].matrix) for bone in bones}


def skate(scene: Any, target: Any, bones: RigBones, person: Any) -> float:
    """Metres per second, the mean over what rests: how fast soles slide along the floor."""
    performance, _ = performance_of(person)
    rig, _ = read_rig(target, bones)
    soles = rig_sole_points(Retargeting(rig, bones, performance.rest_joints))
    rest = {bone: np.array(target.matrix_world @ target.data.bones[bone].matrix_local) for bone, _ in soles.values()}
    places = np.array([
        [(matrices[bone] @ np.linalg.inv(rest[bone]) @ [*place, 1])[:2] for bone, place in soles.values()]
        for frame in range(1, len(performance.times_s) + 1)
        for matrices in [posed(scene, target, rest, frame)]
    ])  # fmt: skip
    speed = np.linalg.norm(np.diff(places, axis=0), axis=-1) * 60
    resting = (performance.contacts[1:] > 0.5) & (performance.contacts[:-1] > 0.5)
    return float(speed[resting].mean())


def test_feet_that_rest_stay(scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> None:
    """On legs of other proportions, in the link as in baking, and better than on a path that is merely scaled."""
    motion = walking(rest_joints, make_motion, frames=90)
    fit_scene(scene, motion)
    person = build_character(scene, motion, None, "Walker", 0.0)
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    in_link = skate(scene, target, bones, person)
    for joint in ("hip", "knee"):  # what the link would be without
        for side in ("Left", "Right"):
            copied = target.pose.bones[f"mixamorig:{side}{'UpLeg' if joint == 'hip' else 'Leg'}"].constraints[0].target
            copied.animation_data_clear()
    placed = next(each for each in target.pose.bones["mixamorig:Hips"].constraints if each.type == "COPY_LOCATION")
    placed.target.parent.parent.animation_data_clear()
    unplanted = skate(scene, target, bones, person)
    unlink(target)
    retarget_person(target, person, bones)
    assert in_link < skate(scene, target, bones, person) + 1e-3
    assert in_link < unplanted / 2


def test_feet_are_planted_again_when_called_for(scene: Any, person: Any) -> None:
    target, baked = (armature_of(mpfb_bones("mixamo"), name) for name in ("Rig", "Baked"))
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    assert linked_targets() == [target]
    assert not plant(target)  # nothing has changed
    apply_smoothness(person, 0.9)
    person.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z")
    bpy.context.view_layer.update()
    assert plant(target)
    retarget_person(baked, person, bones)
    for frame in FRAMES:
        for bone, matrix in posed(scene, baked, bones.all(), frame).items():
            np.testing.assert_allclose(posed(scene, target, [bone], frame)[bone], matrix, atol=1e-3, err_msg=bone)


def test_feet_are_planted_where_keys_were_moved(scene: Any, person: Any) -> None:
    linked, baked = (armature_of(mpfb_bones("game_engine"), name) for name in ("Linked", "Baked"))
    bones = find_rig_bones(linked).bones
    link(linked, person, bones)
    move_keys(person, animated_paths(person), 100.0 + np.arange(30))
    assert plant(linked)
    retarget_person(baked, person, bones)
    scene.frame_start, scene.frame_end = 100, 129
    degrees, away = apart(scene, linked, baked, list(bones.joints.values()))
    assert degrees < 0.5
    assert away < 5e-4


def test_a_link_lives_on_in_a_file(scene: Any, person: Any, tmp_path: Path) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    link(target, person, find_rig_bones(target).bones)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "linked.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "linked.blend"))
    target, person = bpy.data.objects["Rig"], bpy.data.objects["Walker"]
    assert linked_targets() == [target]
    assert not plant(target)
    apply_smoothness(person, 0.9)
    assert plant(target)
    person.animation_data.action = None
    with pytest.raises(CharacterError, match="holds no capture"):
        plant(target)
    unlink(target)
    assert linked_targets() == []


def test_after_reopening_a_control_rig_is_read_in_pieces(scene: Any, person: Any, tmp_path: Path) -> None:
    """As when it was linked; with a constraint between its bones, each of them is tried out."""
    target, at_once = (armature_of(mpfb_bones("mixamo"), name) for name in ("Rig", "At once"))
    bones = find_rig_bones(target).bones
    for each in (target, at_once):
        each.pose.bones["mixamorig:Hips"].constraints.new("LIMIT_SCALE")
        link(each, person, bones)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "linked.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "linked.blend"))
    target, at_once, person = (bpy.data.objects[name] for name in ("Rig", "At once", "Walker"))
    before = posed(bpy.context.scene, target, bones.all(), 15)
    apply_smoothness(person, 0.9)
    planting = Planting.of(target)
    assert planting is not None
    pieces = 0
    for _ in planting.read(at_once_s=0.0):
        pieces += 1
        assert is_linked(target)
    assert pieces > 10
    planting.solve()
    assert planting.write()
    assert plant(at_once)
    for frame in FRAMES:
        for bone, matrix in posed(bpy.context.scene, at_once, bones.all(), frame).items():
            shown = posed(bpy.context.scene, target, [bone], frame)[bone]
            np.testing.assert_allclose(shown, matrix, atol=1e-5, err_msg=bone)
    apply_smoothness(person, 0.0)
    again = Planting.of(target)
    assert again is not None
    assert list(again.read(at_once_s=0.0)) == []  # it is read once
    again.solve()
    assert again.write()
    for bone, matrix in posed(bpy.context.scene, target, bones.all(), 15).items():
        np.testing.assert_allclose(matrix, before[bone], atol=1e-5, err_msg=bone)


def test_a_person_who_is_deleted_leaves_the_target_where_it_is(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    link(target, person, find_rig_bones(target).bones)
    bpy.data.objects.remove(person)
    assert not plant(target)
    unlink(target)
    assert not is_linked(target)


def test_letting_go_leaves_nothing_behind(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    objects, collections, actions = set(bpy.data.objects), set(bpy.data.collections), set(bpy.data.actions)
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    link(target, person, bones)  # again: it is linked once
    unlink(target)
    assert not is_linked(target)
    assert set(bpy.data.objects) == objects
    assert set(bpy.data.collections) == collections
    assert set(bpy.data.actions) == actions


def test_baking_goes_before_the_link_of_an_earlier_day(scene: Any, person: Any) -> None:
    """A link is no part of the rig, so that its bones are read as without it."""
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    assert find_rig_bones(target).bones == bones
    unlink(target)
    retarget_person(target, person, bones)
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 3


def test_nobody_follows_itself(scene: Any, person: Any) -> None:
    with pytest.raises(RigError, match="cannot follow itself"):
        link(person, person, find_rig_bones(person).bones)
