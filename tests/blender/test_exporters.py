import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.blender.animation import fit_scene, set_frame_rate  # noqa: E402
from smpl_rig.blender.armature import ROOT_NAME  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.exporters import (  # noqa: E402
    ExportError,
    export_bvh,
    export_fbx,
    export_glb,
    export_usd,
)
from smpl_rig.blender.preset_export import export_with_preset  # noqa: E402
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.exports.preset import PLAIN, preset  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.skeleton import JOINT_NAMES, PARENTS  # noqa: E402

from .conftest import NTSC, joints_in_blender  # noqa: E402
from .readers import Take, read_assimp, read_bvh, read_glb  # noqa: E402

MILLIMETRE = 1e-3
FRAMES = 61
PLAINLY = preset(PLAIN)
HAS_USD = bpy.app.build_options.usd


@pytest.fixture
def motion(make_take: Callable[..., Motion]) -> Motion:
    return make_take(frames=FRAMES)


def places_of(take: Take) -> np.ndarray:
    """(T, 24, 3) in Blender's axes, of a file with Y up."""
    return np.stack([take.places[name] for name in JOINT_NAMES], axis=1) @ WORLD_FROM_BODY.T


def check_skeleton(take: Take, root: str | None) -> None:
    for joint, parent in enumerate(PARENTS):
        assert take.parents[JOINT_NAMES[joint]] == (root if parent < 0 else JOINT_NAMES[parent])


def check_times(take: Take) -> None:
    assert len(take.times_s) == FRAMES
    assert take.times_s[-1] - take.times_s[0] == pytest.approx((FRAMES - 1) / NTSC, abs=0.1 / NTSC)


@pytest.mark.skipif(
    shutil.which("assimp") is None, reason="assimp is not installed (Debian: apt-get install assimp-utils)"
)
def test_fbx_read_by_assimp(person: Any, motion: Motion, tmp_path: Path) -> None:
    export_fbx(person, tmp_path / "take.fbx")
    take = read_assimp(tmp_path / "take.fbx")
    assert take.animations == (person.name,)
    check_skeleton(take, ROOT_NAME)
    check_times(take)
    assert take.bones == {ROOT_NAME, *JOINT_NAMES}
    assert not [name for name in take.places if name.endswith("_end")]
    np.testing.assert_allclose(places_of(take)[::10], motion.joints_world[::10], atol=MILLIMETRE)


def test_glb_read_by_its_specification(person: Any, motion: Motion, tmp_path: Path) -> None:
    export_glb(person, tmp_path / "take.glb")
    take = read_glb(tmp_path / "take.glb")
    assert len(take.animations) == 1
    check_skeleton(take, ROOT_NAME)
    check_times(take)
    assert take.times_s[0] == 0
    assert take.bones == {ROOT_NAME, *JOINT_NAMES}
    np.testing.assert_allclose(places_of(take)[::10], motion.joints_world[::10], atol=MILLIMETRE)


def test_bvh_read_by_its_specification(person: Any, motion: Motion, tmp_path: Path) -> None:
    export_bvh(person, tmp_path / "take.bvh")
    take = read_bvh(tmp_path / "take.bvh")
    check_skeleton(take, None)
    check_times(take)
    assert {*take.places} == {*JOINT_NAMES}
    np.testing.assert_allclose(places_of(take)[::10], motion.joints_world[::10], atol=MILLIMETRE)


def test_bvh_holds_what_the_user_did_to_the_take(person: Any, motion: Motion, tmp_path: Path) -> None:
    """The root bone moved, the object turned and scaled."""
    person.location, person.rotation_euler, person.scale = (1, 2, 0.5), (0, 0, 0.7), (1.1, 1.1, 1.1)
    person.pose.bones[ROOT_NAME].location = (0.3, -0.2, 0.1)
    person.pose.bones[ROOT_NAME].rotation_quaternion = (0.8, 0, 0, 0.6)
    export_bvh(person, tmp_path / "take.bvh")
    frames = range(1, FRAMES + 1, 10)
    expected = joints_in_blender(bpy.context.scene, person, frames)
    assert np.abs(expected - motion.joints_world[::10]).max() > 1
    np.testing.assert_allclose(places_of(read_bvh(tmp_path / "take.bvh"))[::10], expected, atol=MILLIMETRE)


@pytest.mark.parametrize("order", ["XYZ", "YZX"])
def test_bvh_of_another_order_with_a_t_pose(person: Any, motion: Motion, tmp_path: Path, order: str) -> None:
    export_bvh(person, tmp_path / "take.bvh", order, t_pose=True)
    assert f"CHANNELS 3 {' '.join(f'{axis}rotation' for axis in order)}" in (tmp_path / "take.bvh").read_text()
    places = places_of(read_bvh(tmp_path / "take.bvh"))
    np.testing.assert_allclose(places[1:], motion.joints_world, atol=MILLIMETRE)
    bones = np.array([person.data.bones[name].head_local for name in JOINT_NAMES])
    np.testing.assert_allclose(places[0] - places[0, 0], bones - bones[0], atol=MILLIMETRE)
    np.testing.assert_allclose(places[0, 0, 2], bones[0, 2], atol=MILLIMETRE)


def import_fbx(path: Path) -> None:
    bpy.ops.import_scene.fbx(filepath=str(path))


def import_bvh(path: Path) -> None:
    bpy.ops.import_anim.bvh(filepath=str(path), update_scene_fps=True, update_scene_duration=True)


def import_glb(path: Path) -> None:
    bpy.context.scene.render.fps_base = 1 / bpy.context.scene.render.fps_base  # its importer, too, multiplies
    bpy.ops.import_scene.gltf(filepath=str(path))


def import_usd(path: Path) -> None:
    bpy.ops.wm.usd_import(filepath=str(path))


needs_usd = pytest.mark.skipif(not HAS_USD, reason="this Blender was built without USD")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # its BVH importer leaves files open
@pytest.mark.parametrize(
    ("ending", "importer", "bone_count", "frames_per_second"),
    [
        (".fbx", import_fbx, 25, 30),  # its importer places keys by fps, and forgets fps_base
        (".bvh", import_bvh, 24, NTSC),
        (".glb", import_glb, 25, NTSC),
        pytest.param(".usd", import_usd, 25, NTSC, marks=needs_usd),
    ],
)
def test_read_back_by_blender(
    person: Any,
    motion: Motion,
    tmp_path: Path,
    ending: str,
    importer: Callable[[Path], None],
    bone_count: int,
    frames_per_second: float,
) -> None:
    path = tmp_path / f"take{ending}"
    export_with_preset(person, path, PLAINLY)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    set_frame_rate(bpy.context.scene, NTSC)
    importer(path)
    armatures = [found for found in bpy.data.objects if found.type == "ARMATURE"]
    assert len(armatures) == 1
    assert len(armatures[0].data.bones) == bone_count
    assert len(bpy.data.actions) == 1
    first, last = armatures[0].animation_data.action.frame_range
    assert (last - first) / frames_per_second == pytest.approx((FRAMES - 1) / NTSC, abs=0.1 / NTSC)
    places = joints_in_blender(bpy.context.scene, armatures[0], np.linspace(first, last, FRAMES)[::10])
    np.testing.assert_allclose(places, motion.joints_world[::10], atol=MILLIMETRE)


@needs_usd
def test_usd_says_its_units_axes_and_rate(person: Any, tmp_path: Path) -> None:
    export_usd(person, tmp_path / "take.usda")
    text = (tmp_path / "take.usda").read_text()
    assert "metersPerUnit = 1\n" in text
    assert 'upAxis = "Z"' in text
    assert "SkelAnimation" in text
    rate = float(text.split("timeCodesPerSecond = ")[1].split()[0])
    assert rate == pytest.approx(NTSC, abs=0.01)


def test_armature_without_a_body(scene: Any, motion: Motion, tmp_path: Path) -> None:
    fit_scene(scene, motion)
    person = build_character(scene, motion, smoothness=0)
    export_glb(person, tmp_path / "take.glb")
    np.testing.assert_allclose(places_of(read_glb(tmp_path / "take.glb")), motion.joints_world, atol=MILLIMETRE)


def test_a_take_that_starts_late_keeps_its_length(scene: Any, motion: Motion, body: Body, tmp_path: Path) -> None:
    late = replace(motion, timestamps_s=motion.timestamps_s + 100 / NTSC)
    fit_scene(scene, motion, late)
    build_character(scene, motion, body, "Early", smoothness=0)
    export_bvh(build_character(scene, late, body, "Late", smoothness=0), tmp_path / "late.bvh")
    take = read_bvh(tmp_path / "late.bvh")
    check_times(take)
    np.testing.assert_allclose(places_of(take), motion.joints_world, atol=MILLIMETRE)


def test_nothing_else_gets_into_the_file(
    scene: Any, person: Any, make_take: Callable[..., Motion], body: Body, tmp_path: Path
) -> None:
    build_character(scene, make_take(frames=FRAMES + 30, seed=4), body, "Other")
    bpy.ops.mesh.primitive_cube_add()
    export_glb(person, tmp_path / "take.glb")
    take = read_glb(tmp_path / "take.glb")
    assert {*take.places} == {person.name, f"{person.name} mesh", ROOT_NAME, *JOINT_NAMES}
    assert len(take.animations) == 1
    check_times(take)


@pytest.mark.parametrize("ending", [".fbx", ".bvh", ".glb", pytest.param(".usd", marks=needs_usd)])
@pytest.mark.parametrize("mode", ["OBJECT", "POSE"])
def test_the_users_scene_stays_as_it_was(scene: Any, person: Any, tmp_path: Path, ending: str, mode: str) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.active_object
    person.hide_select = person.children[0].hide_viewport = True
    if mode == "POSE":
        person.hide_select = False
        bpy.context.view_layer.objects.active = person
        bpy.ops.object.mode_set(mode="POSE")
    scene.frame_set(17, subframe=0.25)
    scene.frame_start, scene.frame_end = 5, 40
    hand = np.array(person.pose.bones["left_hand"].head)
    before = (
        bpy.context.mode,
        bpy.context.view_layer.objects.active.name,
        [found.name for found in bpy.context.view_layer.objects if found.select_get()],
        scene.frame_current,
        scene.frame_subframe,
        person.hide_select,
    )
    export_with_preset(person, tmp_path / f"take{ending}", PLAINLY)
    assert bpy.context.scene == scene
    assert list(bpy.data.scenes) == [scene]
    assert person.children[0].hide_viewport
    assert (scene.frame_start, scene.frame_end) == (5, 40)
    assert cube.name in scene.objects
    np.testing.assert_allclose(person.pose.bones["left_hand"].head, hand, atol=1e-6)
    assert before == (
        bpy.context.mode,
        bpy.context.view_layer.objects.active.name,
        [found.name for found in bpy.context.view_layer.objects if found.select_get()],
        scene.frame_current,
        scene.frame_subframe,
        person.hide_select,
    )


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(person: Any, tmp_path: Path) -> None:
    path = tmp_path / "take.fbx"
    path.write_text("an older export")
    export_fbx(person, path)
    assert path.read_bytes().startswith(b"Kaydara FBX Binary")
    assert [found.name for found in tmp_path.iterdir()] == ["take.fbx"]


def test_a_failed_export_leaves_the_older_file(person: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "take.bvh"
    path.write_text("an older export")
    monkeypatch.setattr("smpl_rig.blender.exporters.bvh_text", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_bvh(person, path)
    assert path.read_text() == "an older export"
    assert [found.name for found in tmp_path.iterdir()] == ["take.bvh"]
    assert len(bpy.data.scenes) == 1


def test_a_folder_that_cannot_be_written_is_named(person: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(ExportError, match=f"{folder.name} cannot be written"):
            export_with_preset(person, folder / "take.fbx", PLAINLY)


def test_a_target_that_is_a_folder_is_refused(person: Any, tmp_path: Path) -> None:
    (tmp_path / "take.bvh").mkdir()
    with pytest.raises(ExportError, match=r"take\.bvh cannot be written"):
        export_with_preset(person, tmp_path / "take.bvh", PLAINLY)


def test_unknown_ending_is_named(person: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"'\.obj'.*\.fbx"):
        export_with_preset(person, tmp_path / "take.obj", PLAINLY)


@pytest.mark.parametrize("exporter", [export_fbx, export_bvh, export_glb])
def test_nothing_to_export(scene: Any, tmp_path: Path, exporter: Callable[..., None]) -> None:
    armature = bpy.data.objects.new("Bare", bpy.data.armatures.new("Bare"))
    scene.collection.objects.link(armature)
    with pytest.raises(ExportError, match="'Bare' has no"):
        exporter(armature, tmp_path / "take.fbx")
    assert list(tmp_path.iterdir()) == []


def test_disabled_exporters_are_enabled(person: Any, tmp_path: Path) -> None:
    import addon_utils

    addon_utils.disable("io_scene_fbx")
    export_fbx(person, tmp_path / "take.fbx")
    assert (tmp_path / "take.fbx").stat().st_size > 0


def test_a_missing_exporter_says_so(person: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import addon_utils

    addon_utils.disable("io_scene_fbx")
    monkeypatch.setattr(addon_utils, "enable", lambda *_: None)
    try:
        with pytest.raises(ExportError, match=r"no exporter 'export_scene\.fbx'.*io_scene_fbx"):
            export_fbx(person, tmp_path / "take.fbx")
    finally:
        monkeypatch.undo()
        addon_utils.enable("io_scene_fbx")
