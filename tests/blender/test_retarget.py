"""Takes on other armatures, as Blender then shows them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Matrix, Vector  # noqa: E402

from smpl_rig import rotations  # noqa: E402
from smpl_rig.blender.animation import animated_paths, fit_scene, keys_digest, move_keys  # noqa: E402
from smpl_rig.blender.baked_actions import MARK, bakes_of  # noqa: E402
from smpl_rig.blender.bakes import bake_again, outdated_bakes, person_of  # noqa: E402
from smpl_rig.blender.character import apply_smoothness, build_character, motion_of  # noqa: E402
from smpl_rig.blender.live_link import is_linked, link, unlink  # noqa: E402
from smpl_rig.blender.performances import performance_of  # noqa: E402
from smpl_rig.blender.retarget import BakeOptions, find_rig_bones, retarget, retarget_person  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.retarget.fingers import BENT_DEG  # noqa: E402
from smpl_rig.retarget.rig import RigError  # noqa: E402
from smpl_rig.retarget.rig_map import RigBones  # noqa: E402
from smpl_rig.skeleton import INDEX  # noqa: E402

from ..retarget_rigs import kaykit_file, mpfb_bones  # noqa: E402
from ..smpl_rig.retarget.performances import over_and_over, walk  # noqa: E402
from .retarget_scenes import FRAMES, armature_of, limb_errors, walking  # noqa: E402


@pytest.fixture
def person(scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> Any:
    """One who walks for two seconds."""
    motion = walking(rest_joints, make_motion)
    fit_scene(scene, motion)
    return build_character(scene, motion, None, "Walker", 0.0)


@pytest.mark.parametrize("kind", ["mixamo", "game_engine", "cmu_mb"])
def test_mpfbs_rigs(kind: str, scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones(kind))
    found = find_rig_bones(target)
    action = retarget_person(target, person, found.bones)
    assert target.animation_data.action == action
    assert limb_errors(scene, target, found.bones, person, FRAMES).max() < 3


@pytest.mark.parametrize(
    "placed",
    [
        Matrix.Rotation(np.pi / 2, 4, "X") @ Matrix.Scale(0.01, 4),
        Matrix.Translation((5, 3, 0.4)) @ Matrix.Rotation(2.0, 4, "Z") @ Matrix.Scale(100, 4),
    ],
    ids=["as FBX comes in", "far off, turned and huge"],
)
def test_an_object_that_is_scaled_and_turned(placed: Any, scene: Any, person: Any) -> None:
    """Its figure stands in the world as before, and moves in the same place."""
    plain = armature_of(mpfb_bones("mixamo"), "Plain")
    back = placed.inverted()
    stored = [
        replace(bone, head=np.array(back @ Vector(bone.head)), tail=np.array(back @ Vector(bone.tail)))
        for bone in mpfb_bones("mixamo")
    ]
    dressed = armature_of(stored, "Dressed")
    dressed.matrix_world = placed
    bpy.context.view_layer.update()
    for target in (plain, dressed):
        found = find_rig_bones(target)
        retarget_person(target, person, found.bones)
        assert limb_errors(scene, target, found.bones, person, FRAMES).max() < 3
    for frame in FRAMES:
        scene.frame_set(frame)
        ours, theirs = (target.matrix_world @ target.pose.bones["mixamorig:Hips"].head for target in (dressed, plain))
        assert (ours - theirs).length < 0.02


def test_kaykits_figure(scene: Any, person: Any) -> None:
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(kaykit_file()))
    target = next(made for made in set(bpy.data.objects) - before if made.type == "ARMATURE")
    found = find_rig_bones(target)
    assert found.how == "KayKit"
    retarget_person(target, person, found.bones)
    assert limb_errors(scene, target, found.bones, person, FRAMES).max() < 3


def test_bones_keep_their_rotation_modes(scene: Any, person: Any) -> None:
    stored = mpfb_bones("mixamo")
    plain, mixed = armature_of(stored, "Plain"), armature_of(stored, "Mixed")
    modes = ("XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX", "AXIS_ANGLE", "QUATERNION")
    for number, bone in enumerate(mixed.pose.bones):
        bone.rotation_mode = modes[number % len(modes)]
    for target in (plain, mixed):
        target.animation_data_clear()
        retarget_person(target, person, find_rig_bones(target).bones)
    for frame in (1, 30, 77):
        scene.frame_set(frame)
        for bone in plain.pose.bones:
            np.testing.assert_allclose(mixed.pose.bones[bone.name].matrix, bone.matrix, atol=1e-4)


def test_hands_are_led_on_request_alone(
    scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    """Hands that hang beside the hips are near to them."""
    motion = walking(rest_joints, make_motion, frames=5)
    local = motion.local_rotations
    local[:, INDEX["left_shoulder"]] = rotations.exp(np.array([0, 0, -1.5]))
    local[:, INDEX["left_elbow"]] = rotations.exp(np.array([0, 0, -0.6]))
    fit_scene(scene, motion)
    person = build_character(scene, motion.with_pose(local, motion.trans), None, "Stander", 0.0)
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    retarget_person(target, person, bones, BakeOptions(touch=True))
    assert limb_errors(scene, target, bones, person, [1, 5]).max() > 3
    retarget_person(target, person, bones)
    assert limb_errors(scene, target, bones, person, [1, 5]).max() < 3


def test_fingers_hang_at_ease_on_request_alone(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    finger = target.pose.bones["mixamorig:LeftHandMiddle1"]
    tip = target.pose.bones["mixamorig:LeftHandMiddle3"]
    retarget_person(target, person, bones)
    spread = bent(scene, target, finger, tip)
    retarget_person(target, person, bones, BakeOptions(relax_fingers=True))
    curled = bent(scene, target, finger, tip)
    assert curled == pytest.approx(BENT_DEG["middle"][1] + BENT_DEG["middle"][2], abs=0.5)
    assert abs(spread - curled) > 10
    retarget_person(target, person, bones)
    assert bent(scene, target, finger, tip) == pytest.approx(spread, abs=1e-3)


def bent(scene: Any, target: Any, first: Any, last: Any) -> float:
    """Degrees between two bones, in the middle of the take."""
    scene.frame_set(60)
    return float(np.degrees((first.tail - first.head).angle(last.tail - last.head)))


def test_what_the_target_had_survives(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    target.keyframe_insert("location", frame=1)
    own = target.animation_data.action
    layer = target.animation_data.nla_tracks.new()
    layer.strips.new("layer", 1, bpy.data.actions.new("layer"))
    action = retarget_person(target, person, bones)
    tracks = target.animation_data.nla_tracks
    assert [strip.action for track in tracks for strip in track.strips].count(own) == 1
    assert not layer.mute
    assert own.use_fake_user
    # again: the same action
    assert retarget_person(target, person, bones) == action
    assert len(tracks) == 2


def test_what_an_earlier_action_left_behind_bends_nothing(scene: Any, person: Any) -> None:
    """Bones that the take keys in part or not at all would stay where the action that played last left them."""
    target = armature_of(mpfb_bones("game_engine"))
    bones = find_rig_bones(target).bones
    retarget_person(target, person, bones)
    undisturbed = joints_of(scene, target, bones)
    target.animation_data_clear()
    changed = {
        "Root": {"location": (0.5, 0, 1), "rotation_quaternion": (0.9, 0.1, 0, 0.4)},
        "calf_l": {"location": (0.1, 0.1, 0), "scale": (1, 2, 1)},
        "index_01_l": {"rotation_quaternion": (0.8, 0.6, 0, 0)},
    }
    for name, channels in changed.items():
        for channel, value in channels.items():
            setattr(target.pose.bones[name], channel, value)
            target.pose.bones[name].keyframe_insert(channel, frame=1)
    retarget_person(target, person, bones)
    assert np.abs(joints_of(scene, target, bones) - undisturbed).max() < 1e-4
    assert target.pose.bones["index_01_l"].rotation_quaternion[:] == pytest.approx((0.8, 0.6, 0, 0))
    # what the user does with the root afterwards is the user's
    target.pose.bones["Root"].location = (0, 0, 1)
    retarget_person(target, person, bones)
    assert target.pose.bones["Root"].location[:] == (0, 0, 1)


def joints_of(scene: Any, target: Any, bones: RigBones) -> np.ndarray:
    """(T, J, 3) metres in the world, of the mapped joints at :data:`FRAMES`."""
    places = []
    for frame in FRAMES:
        scene.frame_set(frame)
        evaluated = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
        places.append([evaluated.matrix_world @ evaluated.pose.bones[bone].head for bone in bones.joints.values()])
    return np.array(places)


def test_a_layer_of_the_targets_goes_on_moving_what_is_not_keyed(scene: Any, person: Any) -> None:
    """A fist in an NLA track, below the walk."""
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    finger = target.pose.bones["mixamorig:LeftHandIndex1"]
    finger.rotation_quaternion = rotations.exp(np.array([0.8, 0, 0]))
    finger.keyframe_insert("rotation_quaternion", frame=1)
    fist = target.animation_data.action
    layer = target.animation_data.nla_tracks.new()
    strip = layer.strips.new("fist", 1, fist)
    if bpy.app.version >= (4, 4, 0):
        strip.action_slot = fist.slots[0]
    target.animation_data.action = None
    finger.rotation_quaternion = (1, 0, 0, 0)
    retarget_person(target, person, bones)
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 3
    scene.frame_set(60)
    np.testing.assert_allclose(finger.rotation_quaternion, rotations.exp(np.array([0.8, 0, 0])), atol=1e-5)


@pytest.fixture
def people(scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> list[Any]:
    motion = walking(rest_joints, make_motion, frames=30)
    fit_scene(scene, motion)
    return [build_character(scene, motion, None, name, 0.0) for name in ("One", "Two")]


def test_several_takes_are_several_actions(people: list[Any]) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    actions = [retarget_person(target, person, bones) for person in people]
    assert [action[MARK] for action in actions] == [person.animation_data.action.name for person in people]
    assert target.animation_data.action == actions[1]
    assert [strip.action for track in target.animation_data.nla_tracks for strip in track.strips] == actions[:1]
    # an earlier one again: its own action comes back into use, and nothing is left over
    assert retarget_person(target, people[0], bones) == actions[0]
    assert target.animation_data.action == actions[0]
    assert bakes_of(target) == actions


def test_a_bake_is_outdated_when_its_take_changes(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones, BakeOptions(touch=True))
    keys = keys_digest(target)
    assert outdated_bakes(target) == []
    for change, changed_back in (
        (lambda: apply_smoothness(person, 1.0), lambda: apply_smoothness(person, 0.0)),
        (lambda: setattr(person, "location", (1, 0, 0)), lambda: setattr(person, "location", (0, 0, 0))),
    ):
        change()
        bpy.context.view_layer.update()
        assert outdated_bakes(target) == [action]
        changed_back()
        bpy.context.view_layer.update()
        assert outdated_bakes(target) == []
    apply_smoothness(person, 1.0)
    assert bake_again(target, bones) == [action]
    assert outdated_bakes(target) == []
    assert keys_digest(target) != keys
    again = keys_digest(target)
    assert retarget_person(target, person, bones, BakeOptions(touch=True)) == action  # what bake_again did
    assert keys_digest(target) == again
    bpy.data.objects.remove(person)
    assert outdated_bakes(target) == []


def test_baking_again_leaves_in_use_what_is(people: list[Any]) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    actions = [retarget_person(target, person, bones) for person in people]
    for person in people:
        apply_smoothness(person, 1.0)
    assert bake_again(target, bones) == [actions[1], actions[0]]
    assert target.animation_data.action == actions[1]
    assert len(bpy.data.actions) == 4


def test_a_take_out_of_use_is_still_known_when_the_target_is_renamed(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"), "Hero")
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones)
    target.animation_data.action = None
    target.name = "Heroine"
    assert bakes_of(target) == [action]
    other = armature_of(mpfb_bones("mixamo"), "Hero")  # who comes to the name is nobody's heir
    assert bakes_of(other) == []
    retarget_person(other, person, bones)
    assert bakes_of(target) == [action]
    assert retarget_person(target, person, bones) == action


def test_a_bake_is_still_known_when_its_take_is_renamed(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"), "Hero")
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones)
    person.animation_data.action.name = "Stroll"
    apply_smoothness(person, 1.0)
    assert outdated_bakes(target) == [action]
    assert bake_again(target, bones) == [action]
    assert outdated_bakes(target) == []
    assert action[MARK] == "Stroll"
    other = build_character(scene, motion_of(person), None, "Other", 0.0)
    other.animation_data.action.name = "Walker"  # who comes to the name is nobody's heir
    own = retarget_person(target, other, bones)
    assert own != action
    person.animation_data.action.name = "Amble"
    assert retarget_person(target, person, bones) == action
    assert retarget_person(target, other, bones) == own


def test_a_copy_of_a_take_is_another_take(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"), "Hero")
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones)
    copied = person.copy()
    scene.collection.objects.link(copied)
    copied.animation_data.action = person.animation_data.action.copy()
    own = retarget_person(target, copied, bones)
    assert own != action
    apply_smoothness(copied, 1.0)
    assert outdated_bakes(target) == [own]
    assert [person_of(action), person_of(own)] == [person, copied]


def test_a_bake_of_a_take_that_was_renamed_is_known_in_a_file(scene: Any, person: Any, tmp_path: Path) -> None:
    target = armature_of(mpfb_bones("mixamo"), "Hero")
    retarget_person(target, person, find_rig_bones(target).bones)
    person.animation_data.action.name = "Stroll"
    apply_smoothness(person, 1.0)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "renamed.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "renamed.blend"))
    target = bpy.data.objects["Hero"]
    assert outdated_bakes(target) == [target.animation_data.action]


def test_takes_out_of_use_stay_with_who_was_copied(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"), "Hero")
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones)
    target.animation_data.action = None
    copied = target.copy()
    scene.collection.objects.link(copied)
    assert bakes_of(copied) == []
    own = retarget_person(copied, person, bones)
    copied.animation_data.action = None
    assert (bakes_of(target), bakes_of(copied)) == ([action], [own])


def test_edited_keys_are_what_is_retargeted(scene: Any, person: Any) -> None:
    before, _ = performance_of(person)
    scene.frame_set(10)
    elbow = person.pose.bones["left_elbow"]
    elbow.rotation_quaternion = rotations.exp(np.array([1.0, 0, 0]))
    elbow.keyframe_insert("rotation_quaternion", frame=10)
    after, _ = performance_of(person)
    changed = np.linalg.norm(after.joints - before.joints, axis=-1).max(axis=1) > 1e-3
    assert changed[9]
    assert not changed[:8].any()
    assert not changed[11:].any()


def test_a_take_whose_keys_were_moved_is_baked_where_they_are(scene: Any, person: Any) -> None:
    """As by sliding and scaling them in the Dope Sheet; also into the action of an earlier bake."""
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones)
    moved = 200 + 1.5 * np.arange(120)
    move_keys(person, animated_paths(person), moved)
    assert outdated_bakes(target) == [action]
    assert bake_again(target, bones) == [action]
    assert tuple(action.frame_range) == (moved[0], moved[-1])
    assert limb_errors(scene, target, bones, person, [200, 230, 290, 350]).max() < 3


def test_a_take_is_baked_at_its_keys_where_the_scene_has_been_given_another_rate(scene: Any, person: Any) -> None:
    scene.render.fps *= 2
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    action = retarget_person(target, person, bones)
    assert tuple(action.frame_range) == tuple(person.animation_data.action.frame_range) == (1, 120)
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 3


def test_a_person_who_was_moved_is_followed_there(scene: Any, person: Any) -> None:
    person.matrix_world = Matrix.Translation((2, 1, 0)) @ Matrix.Rotation(1.0, 4, "Z")
    bpy.context.view_layer.update()
    target = armature_of(mpfb_bones("mixamo"))
    found = find_rig_bones(target)
    retarget_person(target, person, found.bones)
    assert limb_errors(scene, target, found.bones, person, FRAMES).max() < 3


def test_a_library_override(scene: Any, person: Any, tmp_path: Path) -> None:
    """An armature that is linked from another file: baked with all that can be asked for, and linked to the person."""
    target = armature_of(mpfb_bones("mixamo"), "Linked")
    path = tmp_path / "library.blend"
    bpy.data.libraries.write(str(path), {target})
    bpy.data.objects.remove(target)
    with bpy.data.libraries.load(str(path), link=True) as (_, into):
        into.objects = ["Linked"]
    linked = into.objects[0]
    scene.collection.objects.link(linked)
    override = linked.override_create(remap_local_usages=True)
    bpy.context.view_layer.update()
    found = find_rig_bones(override)
    link(override, person, found.bones)
    assert limb_errors(scene, override, found.bones, person, FRAMES).max() < 3
    unlink(override)
    retarget_person(override, person, found.bones, BakeOptions(relax_fingers=True))
    assert limb_errors(scene, override, found.bones, person, FRAMES).max() < 3
    apply_smoothness(person, 1.0)
    assert len(bake_again(override, found.bones)) == 1


@pytest.mark.parametrize("mode", ["Edit Mode", "Tweak Mode"])
def test_a_target_in_a_mode_in_which_it_cannot_be_animated_is_told_so(mode: str, scene: Any, person: Any) -> None:
    """Before anything of it is touched, by the bake and by the live link."""
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    action = bpy.data.actions.new("idle")
    track = target.animation_data_create().nla_tracks.new()
    strip = track.strips.new("idle", 1, action)
    if mode == "Edit Mode":
        bpy.context.view_layer.objects.active = target
        bpy.ops.object.mode_set(mode="EDIT")
    else:
        track.select = strip.select = True
        target.animation_data.nla_tracks.active = track
        target.animation_data.use_tweak_mode = True
    for work in (retarget_person, link):
        with pytest.raises(RigError, match=f"in {mode}"):
            work(target, person, bones)
    assert [each.name for each in target.animation_data.nla_tracks] == [track.name]
    assert not is_linked(target)


@pytest.mark.parametrize("scale", [(1, 1, 2), (-1, -1, -1)])
def test_uneven_and_negative_scales_are_refused(scale: tuple[float, ...], scene: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    target.scale = scale
    bpy.context.view_layer.update()
    with pytest.raises(RigError, match="the same positive scale"):
        find_rig_bones(target)


def test_ten_times_the_frames_take_about_ten_times_as_long(scene: Any, rest_joints: np.ndarray) -> None:
    """How long itself is `make bench`'s to tell: machines and what runs beside differ."""
    short = walk(rest_joints, frames=100)
    target = armature_of(mpfb_bones("game_engine"))
    bones = find_rig_bones(target).bones

    def taken_s(repeats: int) -> float:
        long = over_and_over(short, repeats)
        # this thread's time: those that numpy's linear algebra keeps waiting count as busy in the process's
        began = time.thread_time()
        retarget(target, long, np.arange(1.0, 100 * repeats + 1), bones, "long")
        return time.thread_time() - began

    assert min(taken_s(100) for _ in range(2)) < 30 * min(taken_s(10) for _ in range(3))
