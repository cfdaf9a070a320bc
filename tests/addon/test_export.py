"""People out of the panel and into other programs' files."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from ..blender.readers import read_bvh, read_glb  # noqa: E402


@pytest.fixture
def people(limber: Any, tmp_path: Path) -> list[Any]:
    """Two people out of AMASS archives of a second each."""
    names = ("walk", "turn")
    for number, name in enumerate(names):
        poses = np.zeros((31, 72))
        poses[:, 0] = np.pi / 2
        poses[:, 50] = np.linspace(-1, number, 31)
        path = np.linspace(0, 1, 31)[:, None] * [1.0, number, 0] + [0, 0, 1.2]
        np.savez(tmp_path / f"{name}.npz", poses=poses, trans=path, mocap_framerate=30.0)
        assert bpy.ops.limber.import_motion(filepath=str(tmp_path / f"{name}.npz")) == {"FINISHED"}
    return [bpy.data.objects[name] for name in names]


def test_the_menu_lists_every_program(limber: Any) -> None:
    listed = []

    class Entry:
        preset = ""

    class Layout:
        def operator(self, name: str, text: str) -> Entry:
            assert name == "limber.export"
            listed.append(text)
            return Entry()

    menu = limber.module("export_operator").LIMBER_MT_export_presets
    menu.draw(type("Menu", (), {"layout": Layout()})(), bpy.context)
    assert listed == ["Godot", "Maya and MotionBuilder", "Mixamo upload", "Unity", "Unreal Engine"]


def test_the_active_person_for_godot(people: list[Any], tmp_path: Path) -> None:
    options = {"preset": "godot", "file_format": "GLB", "root_motion": "IN_PLACE"}
    assert bpy.ops.limber.export(filepath=str(tmp_path / "out.glb"), **options) == {"FINISHED"}
    take = read_glb(tmp_path / "out.glb")
    assert len(take.times_s) == 31
    hips = take.places["Hips"]
    np.testing.assert_allclose(hips[:, [0, 2]], np.tile(hips[0, [0, 2]], (31, 1)), atol=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.glb", "turn.npz", "walk.npz"]


def test_all_takes_for_unreal(people: list[Any], tmp_path: Path) -> None:
    options = {"preset": "unreal", "file_format": "FBX", "all_takes": True}
    assert bpy.ops.limber.export(filepath=str(tmp_path / "out.fbx"), **options) == {"FINISHED"}
    assert {path.name for path in tmp_path.glob("*.fbx")} == {"walk.fbx", "turn.fbx"}


def test_what_is_wrong_stops_it_and_is_told(people: list[Any], limber: Any, tmp_path: Path) -> None:
    people[1].scale = (1, 2, 1)
    told = r"out\.fbx was not written\. 'turn' has a non-uniform scale \(1 x 2 x 1\)"
    with pytest.raises(RuntimeError, match=told):
        bpy.ops.limber.export(filepath=str(tmp_path / "out.fbx"), preset="unity", file_format="FBX")
    assert re.search(told, limber.session.message)
    for file_format in ("FBX", "BVH", "GLB", "USD", "ABC", "NPZ", "CSV"):  # Limber's own way is checked, too
        with pytest.raises(RuntimeError, match=r"was not written\. 'turn' has a non-uniform scale"):
            bpy.ops.limber.export(filepath=str(tmp_path / "out"), file_format=file_format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["turn.npz", "walk.npz"]
    with pytest.raises(RuntimeError, match="There is no preset 'houdini'"):
        bpy.ops.limber.export(filepath=str(tmp_path / "out.fbx"), preset="houdini")
    bpy.context.view_layer.objects.active = None
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.limber.export(filepath=str(tmp_path / "out.fbx"), preset="unity")


def test_amass_of_all_takes_overwrites_no_motion_file(people: list[Any], tmp_path: Path) -> None:
    """Whose names and endings they would have."""
    motions = {name: (tmp_path / f"{name}.npz").read_bytes() for name in ("walk", "turn")}
    out = str(tmp_path / "out.npz")
    assert bpy.ops.limber.export(filepath=out, file_format="NPZ", all_takes=True) == {"FINISHED"}
    assert {path.name for path in tmp_path.glob("*_amass.npz")} == {"walk_amass.npz", "turn_amass.npz"}
    assert {name: (tmp_path / f"{name}.npz").read_bytes() for name in motions} == motions


def test_a_character_that_was_not_captured(people: list[Any], tmp_path: Path) -> None:
    """Two takes of another rig, alone; its bones keep their names."""
    other = bpy.data.objects.new("Hero", bpy.data.armatures.new("Hero"))
    bpy.context.scene.collection.objects.link(other)
    bpy.context.view_layer.objects.active = other
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.limber.export(filepath=str(tmp_path / "out.glb"), file_format="GLB")
    bpy.ops.object.mode_set(mode="EDIT")
    other.data.edit_bones.new("hips").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    for name, height in (("hop", 1.0), ("leap", 2.0)):
        other.animation_data_create().action = bpy.data.actions.new(name)
        for frame, place in ((1, 0.0), (11, height)):
            other.pose.bones["hips"].location = (0, place, 0)
            other.pose.bones["hips"].keyframe_insert("location", frame=frame)
        track = other.animation_data.nla_tracks.new()
        track.strips.new(name, 1, other.animation_data.action)
    options = {"preset": "godot", "file_format": "GLB", "all_takes": True}
    assert bpy.ops.limber.export(filepath=str(tmp_path / "out.glb"), **options) == {"FINISHED"}
    assert {path.name for path in tmp_path.glob("*.glb")} == {"hop.glb", "leap.glb"}
    for name, height in (("hop", 1.0), ("leap", 2.0)):
        take = read_glb(tmp_path / f"{name}.glb")
        assert take.places["hips"][-1][1] == pytest.approx(height, abs=1e-4)
        assert len(take.animations) == 1


def test_a_bvh_of_another_order_with_a_t_pose(people: list[Any], tmp_path: Path) -> None:
    options = {"file_format": "BVH", "bvh_order": "XYZ", "t_pose": True}
    assert bpy.ops.limber.export(filepath=str(tmp_path / "out.bvh"), **options) == {"FINISHED"}
    assert "CHANNELS 3 Xrotation Yrotation Zrotation" in (tmp_path / "out.bvh").read_text()
    assert len(read_bvh(tmp_path / "out.bvh").times_s) == 32
