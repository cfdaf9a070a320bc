"""The retarget panel's buttons, in the installed extension."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where maps are saved."""
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path / "limber"))


@pytest.fixture
def scene(limber: Any) -> Any:
    """A captured person, selected."""
    person = _person(limber, "Walker")
    person.select_set(True)
    bpy.context.view_layer.objects.active = person
    return bpy.context.scene


def _person(limber: Any, name: str) -> Any:
    character, motion = limber.module("smpl_rig.blender.character"), limber.module("smpl_rig.motion")
    return character.build_character(bpy.context.scene, _motion(motion), None, name, 0.0)


def _motion(module: Any) -> Any:
    joints = np.zeros((24, 3))
    places = {
        1: (0.1, -0.1, 0), 2: (-0.1, -0.1, 0), 3: (0, 0.1, 0), 4: (0.1, -0.5, 0), 5: (-0.1, -0.5, 0), 6: (0, 0.2, 0),
        7: (0.1, -0.9, 0), 8: (-0.1, -0.9, 0), 9: (0, 0.3, 0), 10: (0.1, -0.95, 0.1), 11: (-0.1, -0.95, 0.1),
        12: (0, 0.5, 0), 13: (0.08, 0.42, 0), 14: (-0.08, 0.42, 0), 15: (0, 0.6, 0), 16: (0.2, 0.45, 0),
        17: (-0.2, 0.45, 0), 18: (0.45, 0.45, 0), 19: (-0.45, 0.45, 0), 20: (0.7, 0.45, 0), 21: (-0.7, 0.45, 0),
        22: (0.8, 0.45, 0), 23: (-0.8, 0.45, 0),
    }  # fmt: skip
    for joint, place in places.items():
        joints[joint] = place
    frames = 5
    poses = np.zeros((frames, 72))
    poses[:, 0] = np.pi / 2
    poses[:, 54:57] = np.linspace(0, 1, frames)[:, None] * [0, -1, 0]
    motion = module.Motion(
        poses=poses, trans=np.tile([0, 0, 1.0], (frames, 1)), betas=np.zeros(10), rest_joints=joints,
        mocap_framerate=24.0, timestamps_s=np.arange(frames) / 24, joints_world=np.zeros((frames, 24, 3)),
        confidence=np.ones((frames, 24)), contacts=np.zeros((frames, 4)), image_size=np.array([2, 2]), K=np.eye(3),
        world_from_camera=np.tile(np.eye(4), (frames, 1, 1)), landmarks2d=np.zeros((frames, 33, 3)),
        boxes=np.zeros((frames, 4)), observed=np.ones(frames, dtype=bool),
    )  # fmt: skip
    return motion.with_pose(motion.local_rotations, motion.trans)


def _target(limber: Any) -> Any:
    """The person's own kind of armature under Mixamo's names."""
    armature = limber.module("smpl_rig.blender.armature")
    rest = _motion(limber.module("smpl_rig.motion")).rest_joints
    target = armature.create_armature(bpy.context.scene.collection, "Target", rest, rest[:, 1].min())
    names = {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder", "shoulder": "Arm",
        "elbow": "ForeArm", "wrist": "Hand",
    }  # fmt: skip
    for bone in list(target.data.bones):
        side, _, joint = bone.name.rpartition("_")
        if joint in names:
            bone.name = f"mixamorig:{side.title()}{names[joint]}"
    return target


def test_a_target_that_is_chosen_shows_its_bones(limber: Any, scene: Any) -> None:
    target = _target(limber)
    scene.limber_retarget.target = target
    shown = target.limber_target
    assert shown.how == "Mixamo"
    assert shown.joints["left_knee"].bones == "mixamorig:LeftLeg"
    assert shown.chains["spine"].bones == "mixamorig:Spine, mixamorig:Spine1, mixamorig:Spine2"
    assert scene.limber_retarget.problem == ""


def test_a_target_that_is_no_figure_says_why(limber: Any, scene: Any) -> None:
    armature = limber.module("smpl_rig.blender.armature")
    bpy.ops.object.armature_add()
    scene.limber_retarget.target = bpy.context.object
    assert "No two legs were found" in scene.limber_retarget.problem
    assert armature is not None


def test_retargeting_bakes_an_action_for_each_person(limber: Any, scene: Any) -> None:
    other = _person(limber, "Other")
    other.select_set(True)
    target = _target(limber)
    target.select_set(False)
    scene.limber_retarget.target = target
    assert bpy.ops.limber.retarget() == {"FINISHED"}
    made = [action.name for action in bpy.data.actions if "limber_take" in action]
    assert sorted(made) == ["Other on Target", "Walker on Target"]


def test_a_bone_that_the_user_takes_away_is_asked_for(limber: Any, scene: Any) -> None:
    target = _target(limber)
    scene.limber_retarget.target = target
    target.limber_target.joints["left_knee"].bones = ""
    with pytest.raises(RuntimeError, match="No bone is chosen for left_knee"):
        bpy.ops.limber.retarget()
    assert target.animation_data is None


def test_the_link_is_made_and_undone(limber: Any, scene: Any) -> None:
    target = _target(limber)
    scene.limber_retarget.target = target
    live_link = limber.module("smpl_rig.blender.live_link")
    bpy.ops.limber.link_target()
    assert live_link.is_linked(target)
    bpy.ops.limber.link_target()
    assert not live_link.is_linked(target)
    bpy.ops.limber.link_target()
    bpy.ops.limber.retarget()  # what is baked is not hidden by the link
    assert not live_link.is_linked(target)


def test_a_link_is_made_in_steps_and_can_be_stopped(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    person = bpy.data.objects["Walker"]
    live_link, runs = limber.module("smpl_rig.blender.live_link"), limber.module("link_run")
    run = runs.LinkRun("Linking", live_link.linking(target, person, target.limber_target.rig_bones()))
    run.stop()
    run.step()
    assert run.is_over
    assert not live_link.is_linked(target)
    run = runs.LinkRun("Linking", live_link.linking(target, person, target.limber_target.rig_bones()))
    assert not run.is_over
    run.finish()
    assert live_link.is_linked(target)
    assert live_link.Planting.of(target) is not None  # which is left to the watch
    limber.module("retarget_watch").look()
    assert live_link.Planting.of(target) is None


def test_a_linked_target_takes_up_what_is_chosen(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    bpy.ops.limber.link_target()
    link = next(each for each in bpy.data.collections if each.get("limber_target") == target)
    assert not link["limber_link_options"]["touch"]
    scene.limber_retarget.touch = True
    link = next(each for each in bpy.data.collections if each.get("limber_target") == target)
    assert link["limber_link_options"]["touch"]
    target.limber_target.joints["left_knee"].bones = ""
    scene.limber_retarget.fingers = "relaxed"
    assert "No bone is chosen for left_knee" in scene.limber_retarget.problem
    assert limber.module("smpl_rig.blender.live_link").is_linked(target)  # as before


def test_a_slider_that_moves_plants_the_feet_of_a_linked_target_again(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    watch = limber.module("retarget_watch")
    bpy.ops.limber.link_target()
    watch.look()
    walker = bpy.data.objects["Walker"]
    limber.module("smpl_rig.blender.character").apply_smoothness(walker, 1.0)
    bpy.context.view_layer.update()
    assert bpy.app.timers.is_registered(watch._after_pause)  # Blender itself calls it, which a module does not
    watch.look()
    live_link = limber.module("smpl_rig.blender.live_link")
    assert not live_link.plant(target)  # done
    walker.animation_data.action = None
    watch.look()
    assert "'Walker' holds no capture" in limber.session.message


def test_a_bake_whose_take_changes_is_outdated_until_it_is_baked_again(limber: Any, scene: Any) -> None:
    walker = bpy.data.objects["Walker"]
    other = _person(limber, "Other")
    other.select_set(True)
    scene.limber_retarget.target = target = _target(limber)
    watch = limber.module("retarget_watch")
    bpy.ops.limber.retarget()
    watch.look()
    assert target.limber_target.outdated == ""
    in_use, actions = target.animation_data.action, set(bpy.data.actions)
    walker.animation_data.action.limber_smoothness = 1.0
    watch.look()
    assert target.limber_target.outdated == "Walker"
    bpy.ops.limber.bake_again()
    assert target.limber_target.outdated == ""
    assert target.animation_data.action == in_use
    assert set(bpy.data.actions) == actions


def test_a_bake_keeps_up_on_request(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    watch = limber.module("retarget_watch")
    bpy.ops.limber.retarget()
    turn = target.pose.bones["mixamorig:LeftForeArm"]
    scene.frame_set(3)
    before = turn.matrix.copy()
    elbow = bpy.data.objects["Walker"].pose.bones["left_elbow"]
    elbow.rotation_quaternion = (0.8, 0.0, 0.0, 0.6)
    elbow.keyframe_insert("rotation_quaternion", frame=3)
    target.limber_target.keeps_up = True
    watch.look()
    assert target.limber_target.outdated == ""
    scene.frame_set(3)
    assert turn.matrix != before


def _baking(limber: Any, target: Any, people: list[str]) -> Any:
    bakings, bones = limber.module("smpl_rig.blender.retarget").Baking, target.limber_target.rig_bones()
    return limber.module("bake_run").BakeRun(
        people, lambda number: bakings.of_person(target, bpy.data.objects[people[number]], bones)
    )


def test_takes_are_baked_in_steps_as_at_once(limber: Any, scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few keys are written in one."""
    _person(limber, "Other")
    scene.limber_retarget.target = target = _target(limber)
    monkeypatch.setattr(limber.module("smpl_rig.blender.retarget"), "KEYS_AT_ONCE", 1)
    run = _baking(limber, target, ["Walker", "Other"])
    assert (run.progress, run.said) == (0.0, "Baking Walker (1 of 2)")
    seen = []
    for _ in range(10_000):
        run.step()
        seen.append(run.progress)
        if run.is_over:
            break
        time.sleep(0.001)
    assert run.actions == ["Walker on Target", "Other on Target"]
    assert seen == sorted(seen)
    assert len({*seen}) > 30  # many pieces
    assert (seen[-1], run.said) == (1.0, "")
    keys = limber.module("smpl_rig.blender.animation").keys_digest(target)
    bpy.data.objects["Walker"].select_set(False)
    bpy.data.objects["Other"].select_set(True)
    bpy.ops.limber.retarget()
    assert limber.module("smpl_rig.blender.animation").keys_digest(target) == keys


def _state(limber: Any, target: Any) -> tuple[Any, ...]:
    """All that baking may change."""
    animation = target.animation_data
    poses = [tuple(map(tuple, bone.matrix_basis)) for bone in target.pose.bones], sorted(target.keys())
    if animation is None:
        return None, [], sorted(action.name for action in bpy.data.actions), poses
    keys = limber.module("smpl_rig.blender.animation").keys_digest(target) if animation.action else ""
    kept = sorted(animation.action.keys()) if animation.action else []
    tracks = [(track.name, [strip.action.name for strip in track.strips]) for track in animation.nla_tracks]
    actions = sorted(action.name for action in bpy.data.actions)
    if "limber_baked_from" in kept:
        kept += [animation.action["limber_baked_from"], animation.action["limber_bake_options"].to_dict()]
    return animation.action and animation.action.name, keys, kept, tracks, actions, poses


def test_a_run_that_is_stopped_leaves_the_character_as_it_was(
    limber: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its first take is being written or its second, to actions that are new or were baked before."""
    _person(limber, "Other")
    scene.limber_retarget.target = target = _target(limber)
    monkeypatch.setattr(limber.module("smpl_rig.blender.retarget"), "KEYS_AT_ONCE", 1)
    target.pose.bones["mixamorig:LeftArm"].rotation_mode = "XYZ"
    target.pose.bones["mixamorig:LeftArm"].rotation_euler = (0.1, 4.0, 0.2)
    for _ in range(2):
        for part in (0.2, 0.45, 0.95):
            before = _state(limber, target)
            run = _baking(limber, target, ["Walker", "Other"])
            while run.progress < part:
                run.step()
            assert _state(limber, target) != before or part < 0.35
            run.stop()
            assert run.actions == []
            assert not run.is_over
            assert _state(limber, target) == before
        bpy.ops.limber.retarget()  # Walker alone
        bpy.data.objects["Walker"].animation_data.action.limber_smoothness = 1.0


def test_a_run_leaves_nothing_behind(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    for _ in range(2):
        run = _baking(limber, target, ["Walker"])
        run.finish()
        assert sorted(action.name for action in bpy.data.actions) == ["Walker", "Walker on Target"]


def test_a_bake_whose_target_is_deleted_says_so(limber: Any, scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is read, and while it is written; as Blender deletes, which keeps what is still named somewhere."""
    monkeypatch.setattr(limber.module("smpl_rig.blender.retarget"), "KEYS_AT_ONCE", 1)
    error = limber.module("smpl_rig.errors").LimberError
    for part in (0.0, 0.8):
        scene.limber_retarget.target = target = _target(limber)
        run = _baking(limber, target, ["Walker"])
        while True:
            run.step()
            if run.progress >= part:
                break
        for collection in target.users_collection:
            collection.objects.unlink(target)
        with pytest.raises(error, match="is no longer there"):
            run.finish()
        assert run.actions == []
        assert [action.name for action in bpy.data.actions] == ["Walker"]


def test_a_bake_whose_target_is_given_another_action_is_not_left_half_written(
    limber: Any, scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limber.module("smpl_rig.blender.retarget"), "KEYS_AT_ONCE", 1)
    scene.limber_retarget.target = target = _target(limber)
    run = _baking(limber, target, ["Walker"])
    while run.progress < 0.8:
        run.step()
    target.animation_data.action = bpy.data.actions.new("Mine")
    with pytest.raises(limber.module("smpl_rig.errors").LimberError, match="'Target' was given another action"):
        run.finish()
    assert sorted(action.name for action in bpy.data.actions) == ["Mine", "Walker"]


def test_what_was_deleted_is_let_go(limber: Any, scene: Any) -> None:
    """A target, and whom one follows; the file keeps nothing of them, and the panel says what it means."""
    watch = limber.module("retarget_watch")
    scene.limber_retarget.target = target = _target(limber)
    bpy.ops.limber.link_target()
    walker = bpy.data.objects["Walker"]
    bpy.ops.object.delete()
    assert walker.users_scene == ()
    watch.look()
    assert limber.session.message == "'Walker' was deleted, so 'Target' follows nobody any more."
    assert not limber.module("smpl_rig.blender.live_link").is_linked(target)
    other = _person(limber, "Other")
    for each in (other, target):
        bpy.context.view_layer.objects.active = each
        each.select_set(each == other)
    bpy.context.view_layer.objects.active = other
    bpy.ops.limber.link_target()
    with bpy.context.temp_override(selected_objects=[target]):
        bpy.ops.object.delete()
    watch.look()
    assert scene.limber_retarget.target is None
    assert len(scene.limber_retarget.characters) == 0
    assert not [each.name for each in bpy.data.collections if "link" in each.name]
    assert not [each.name for each in bpy.data.objects if "link" in each.name]


def test_a_library_override_keeps_its_bones_in_the_file(limber: Any, scene: Any, tmp_path: Path) -> None:
    target = _target(limber)
    bpy.data.libraries.write(str(tmp_path / "library.blend"), {target})
    bpy.data.objects.remove(target)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.objects = ["Target"]
    scene.collection.objects.link(into.objects[0])
    override = into.objects[0].override_create(remap_local_usages=True)
    scene.limber_retarget.target = override
    assert scene.limber_retarget.problem == ""
    assert override.limber_target.joints["left_knee"].bones == "mixamorig:LeftLeg"
    override.limber_target.chains["neck"].bones = ""
    override.limber_target.keeps_up = True
    assert bpy.ops.limber.retarget() == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    scene = bpy.context.scene
    override = next(each for each in scene.objects if each.name == "Target")
    known = override.limber_target
    assert (known.how, known.chains["neck"].bones, known.keeps_up) == ("Mixamo", "", True)
    assert override.animation_data.action.name == "Walker on Target"
    bpy.data.objects["Walker"].animation_data.action.limber_smoothness = 1.0
    limber.module("retarget_watch").look()
    assert known.outdated == ""  # kept up


def test_a_bake_that_fails_leaves_the_link(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    scene.limber_retarget.touch = True
    bpy.ops.limber.link_target()
    target.limber_target.joints["left_knee"].bones = ""
    with pytest.raises(RuntimeError, match="No bone is chosen for left_knee"):
        bpy.ops.limber.retarget()
    live_link = limber.module("smpl_rig.blender.live_link")
    person, bones, options = live_link.link_of(target)
    assert (person.name, bones.joints["left_knee"], options.touch) == ("Walker", "mixamorig:LeftLeg", True)


def test_nobody_is_retargeted_to_themselves(limber: Any, scene: Any) -> None:
    """Not when selected alone, and not among others."""
    walker, other = bpy.data.objects["Walker"], _person(limber, "Other")
    scene.limber_retarget.target = walker
    with pytest.raises(RuntimeError, match="'Walker' is the target itself"):
        bpy.ops.limber.retarget()
    other.select_set(True)
    assert bpy.ops.limber.retarget() == {"FINISHED"}
    assert sorted(action.name for action in bpy.data.actions) == ["Other", "Other on Walker", "Walker"]


def test_a_take_that_was_put_out_of_use_is_still_known(limber: Any, scene: Any) -> None:
    """As by choosing another action for the character, which stashes nothing."""
    scene.limber_retarget.target = target = _target(limber)
    bpy.ops.limber.retarget()
    target.animation_data.action = bpy.data.actions.new("Idle")
    bpy.data.objects["Walker"].animation_data.action.limber_smoothness = 1.0
    limber.module("retarget_watch").look()
    assert target.limber_target.outdated == "Walker"
    bpy.ops.limber.retarget()
    assert target.animation_data.action.name == "Walker on Target"
    assert sorted(action.name for action in bpy.data.actions) == ["Idle", "Walker", "Walker on Target"]


def test_what_cannot_be_baked_is_said_and_ends_the_run(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = target = _target(limber)
    ik = limber.module("smpl_rig.blender.retarget").BakeOptions(use_ik=True)
    bakings, bones = limber.module("smpl_rig.blender.retarget").Baking, target.limber_target.rig_bones()
    run = limber.module("bake_run").BakeRun(
        ["Walker"], lambda _: bakings.of_person(target, bpy.data.objects["Walker"], bones, ik)
    )
    with pytest.raises(limber.module("smpl_rig.errors").LimberError, match="knows no IK controls"):
        run.finish()
    assert target.animation_data is None


def test_a_map_is_saved_and_loaded(limber: Any, scene: Any, tmp_path: Path) -> None:
    target = _target(limber)
    scene.limber_retarget.target = target
    target.limber_target.chains["neck"].bones = ""
    bpy.ops.limber.save_rig_map(filepath=str(tmp_path / "mine"))
    bpy.ops.limber.find_bones()
    assert target.limber_target.chains["neck"].bones == "mixamorig:Neck"
    bpy.ops.limber.load_rig_map(filepath=str(tmp_path / "mine.json"))
    assert target.limber_target.how == "mine"
    assert target.limber_target.chains["neck"].bones == ""


def test_a_map_that_is_saved_where_offered_is_found_for_others_of_the_kind(limber: Any, scene: Any) -> None:
    scene.limber_retarget.target = first = _target(limber)
    first.limber_target.chains["neck"].bones = ""
    folder = limber.module("smpl_rig.retarget.saved_maps").saved_maps_folder()
    bpy.ops.limber.save_rig_map(filepath=str(folder / "Hero.json"))
    scene.limber_retarget.target = other = _target(limber)
    assert other != first
    assert other.limber_target.how == "Hero"
    assert other.limber_target.chains["neck"].bones == ""


def test_without_a_target_or_a_person_there_is_nothing_to_do(limber: Any, scene: Any) -> None:
    assert not bpy.ops.limber.retarget.poll()
    scene.limber_retarget.target = _target(limber)
    assert bpy.ops.limber.retarget.poll()
    for each in scene.objects:
        each.select_set(False)
    bpy.context.view_layer.objects.active = None
    assert not bpy.ops.limber.retarget.poll()
    assert bpy.ops.limber.find_bones.poll()
