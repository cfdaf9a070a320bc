"""Files for other programs, read by readers that are not Blender's, and by Blender."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig import rotations  # noqa: E402
from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.blender.animation import FIRST_FRAME, fit_scene, set_frame_rate  # noqa: E402
from smpl_rig.blender.armature import ROOT_NAME  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.exporters import ExportError, export_abc  # noqa: E402
from smpl_rig.blender.prepared import PreparationError  # noqa: E402
from smpl_rig.blender.preset_export import export_takes, export_with_preset  # noqa: E402
from smpl_rig.body import Body, skin  # noqa: E402
from smpl_rig.exports.preset import Preset, preset, presets  # noqa: E402
from smpl_rig.exports.root_motion import RootMotion, ground_path  # noqa: E402
from smpl_rig.kinematics import forward_kinematics  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.skeleton import JOINT_NAMES, PARENTS  # noqa: E402

from .conftest import NTSC, joints_in_blender  # noqa: E402
from .readers import Take, read_assimp, read_glb  # noqa: E402

MILLIMETRE = 1e-3
FRAMES = 31
#: Where the presets' files have the world's axes: columns are the world's x, y and z in the file.
FILE_FROM_WORLD = {("Z", "-Y"): np.eye(3), ("Y", "Z"): np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])}

needs_assimp = pytest.mark.skipif(
    shutil.which("assimp") is None, reason="assimp is not installed (Debian: apt-get install assimp-utils)"
)
every_preset = pytest.mark.parametrize("chosen", presets().values(), ids=lambda each: each.name)


@pytest.fixture
def motion(make_take: Callable[..., Motion]) -> Motion:
    return make_take(frames=FRAMES)


def places_of(take: Take, chosen: Preset, file_from_world: np.ndarray, unit_m: float) -> np.ndarray:
    """(T, 24, 3) metres, world."""
    found = np.stack([take.places[chosen.names[name]] for name in JOINT_NAMES], axis=1)
    return unit_m * found @ file_from_world


def check_skeleton(take: Take, chosen: Preset) -> None:
    """Every bone under its name, on its parent, and no others."""
    names = {*chosen.names.values()} | ({chosen.root_bone} if chosen.root_bone else set())
    assert take.bones == names
    for joint, parent in enumerate(PARENTS[1:], start=1):
        assert take.parents[chosen.names[JOINT_NAMES[joint]]] == chosen.names[JOINT_NAMES[parent]]
    if chosen.root_bone:
        assert take.parents[chosen.names["pelvis"]] == chosen.root_bone
    assert len(take.animations) == 1


def check_times(take: Take, frames: int = FRAMES) -> None:
    assert len(take.times_s) == frames
    assert take.times_s[-1] - take.times_s[0] == pytest.approx((frames - 1) / NTSC, abs=0.1 / NTSC)


@needs_assimp
@every_preset
def test_fbx_of_every_preset_read_by_assimp(person: Any, motion: Motion, tmp_path: Path, chosen: Preset) -> None:
    export_with_preset(person, tmp_path / "take.fbx", chosen)
    take = read_assimp(tmp_path / "take.fbx")
    check_skeleton(take, chosen)
    check_times(take, FRAMES + chosen.t_pose_first)
    found = places_of(take, chosen, FILE_FROM_WORLD[chosen.up, chosen.faces], chosen.unit_m)[chosen.t_pose_first :]
    np.testing.assert_allclose(found, motion.joints_world, atol=MILLIMETRE)


@every_preset
def test_glb_of_every_preset_read_by_its_specification(
    person: Any, motion: Motion, tmp_path: Path, chosen: Preset
) -> None:
    export_with_preset(person, tmp_path / "take.glb", chosen)
    take = read_glb(tmp_path / "take.glb")
    check_skeleton(take, chosen)
    check_times(take)
    found = places_of(take, chosen, FILE_FROM_WORLD["Y", "Z"], 1.0)
    np.testing.assert_allclose(found, motion.joints_world, atol=MILLIMETRE)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("unreal", ".fbx"),
        ("unreal", ".glb"),
        ("mixamo", ".fbx"),
        pytest.param(
            "maya",
            ".usd",
            marks=pytest.mark.skipif(not bpy.app.build_options.usd, reason="this Blender was built without USD"),
        ),
    ],
)
def test_read_back_by_blender(person: Any, motion: Motion, tmp_path: Path, name: str, ending: str) -> None:
    chosen, path = preset(name), tmp_path / f"take{ending}"
    export_with_preset(person, path, chosen)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    set_frame_rate(bpy.context.scene, NTSC)
    if ending == ".fbx":
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0)  # by default it adds a frame
    elif ending == ".usd":
        bpy.ops.wm.usd_import(filepath=str(path))
    else:
        bpy.context.scene.render.fps_base = 1 / bpy.context.scene.render.fps_base  # its importer multiplies
        bpy.ops.import_scene.gltf(filepath=str(path))
    (armature,) = (found for found in bpy.data.objects if found.type == "ARMATURE")
    assert len(armature.data.bones) == (25 if chosen.root_bone else 24)
    assert len(bpy.data.actions) == 1
    for bone in armature.data.bones:  # as joints_in_blender looks for them
        bone.name = next((joint for joint, called in chosen.names.items() if called == bone.name), bone.name)
    first, last = armature.animation_data.action.frame_range
    # its FBX importer places keys by fps, and forgets fps_base
    rate = 30 if ending == ".fbx" else NTSC
    t_pose = chosen.t_pose_first and ending == ".fbx"
    began = 0 if ending == ".glb" else FIRST_FRAME - t_pose
    assert first == pytest.approx(began, abs=0.01)
    assert (last - first) / rate == pytest.approx((FRAMES + t_pose - 1) / NTSC, abs=0.1 / NTSC)
    found = joints_in_blender(bpy.context.scene, armature, np.linspace(first, last, FRAMES + t_pose))
    np.testing.assert_allclose(found[t_pose:], motion.joints_world, atol=MILLIMETRE)


@needs_assimp
def test_no_node_is_turned_or_scaled(person: Any, tmp_path: Path) -> None:
    """What engines stumble over: a root at -90 degrees, a scale of 100."""
    for chosen in presets().values():
        path = tmp_path / f"{chosen.name}.fbx"
        export_with_preset(person, path, chosen)
        subprocess.run(
            ["assimp", "export", str(path), str(path.with_suffix(".json")), "-fassjson"],
            check=True,
            capture_output=True,
        )
        scene = json.loads(path.with_suffix(".json").read_text())

        def find(node: dict[str, Any], name: str) -> dict[str, Any] | None:
            found = (find(child, name) for child in node.get("children", []))
            return node if node["name"] == name else next((each for each in found if each), None)

        node = find(scene["rootnode"], chosen.armature or person.name)
        assert node is not None
        np.testing.assert_allclose(np.reshape(node["transformation"], (4, 4)), np.eye(4), atol=1e-5)


@pytest.mark.parametrize("root_motion", list(RootMotion))
def test_root_motion(person: Any, motion: Motion, tmp_path: Path, root_motion: RootMotion) -> None:
    export_with_preset(person, tmp_path / "take.glb", preset("godot"), root_motion)
    take = read_glb(tmp_path / "take.glb")
    assert {"Skeleton", "Person mesh"} < {*take.places}
    joints = places_of(take, preset("godot"), FILE_FROM_WORLD["Y", "Z"], 1.0)
    root = take.places["Root"] @ FILE_FROM_WORLD["Y", "Z"]
    path = motion.joints_world[:, 0] * [1, 1, 0]
    if root_motion is RootMotion.IN_PLACE:
        np.testing.assert_allclose(joints, motion.joints_world - (path - path[0])[:, None], atol=MILLIMETRE)
    else:
        np.testing.assert_allclose(joints, motion.joints_world, atol=MILLIMETRE)
    expected = path if root_motion is RootMotion.ROOT else np.zeros_like(path)
    np.testing.assert_allclose(root, expected, atol=MILLIMETRE)


def test_the_root_turns_as_the_body_does(
    scene: Any, body: Body, make_take: Callable[..., Motion], tmp_path: Path
) -> None:
    """Somebody turns round once while they move: a point a metre before the root bone goes round it once."""
    motion = make_take(frames=FRAMES)
    turning = rotations.exp(np.linspace(0, 2 * np.pi, FRAMES)[:, None] * [0, 0, 1.0])
    local = motion.local_rotations
    local[:, 0] = rotations.multiply(turning, local[:, 0])
    motion = motion.with_pose(local, motion.trans)
    fit_scene(scene, motion)
    person = build_character(scene, motion, body, smoothness=0)
    export_with_preset(person, tmp_path / "take.glb", preset("godot"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    set_frame_rate(bpy.context.scene, NTSC)
    bpy.context.scene.render.fps_base = 1 / bpy.context.scene.render.fps_base
    bpy.ops.import_scene.gltf(filepath=str(tmp_path / "take.glb"))
    (armature,) = (found for found in bpy.data.objects if found.type == "ARMATURE")
    headings = []
    rest = np.array(armature.data.bones["Root"].matrix_local.to_3x3())
    for frame in np.linspace(*armature.animation_data.action.frame_range, FRAMES):
        bpy.context.scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
        turned = np.array(armature.matrix_world.to_3x3() @ armature.pose.bones["Root"].matrix.to_3x3()) @ rest.T
        turned = turned @ np.array(armature.matrix_world.to_3x3()).T
        np.testing.assert_allclose(turned[2, 2], 1, atol=1e-4)
        headings.append(np.arctan2(turned[1, 0], turned[0, 0]))
    expected = ground_path(motion.local_rotations[:, 0], motion.pelvis_world).headings
    apart = np.unwrap(headings) - expected
    np.testing.assert_allclose(apart, apart[0], atol=2e-3)
    assert expected[-1] - expected[0] == pytest.approx(2 * np.pi, abs=0.6)


def test_a_scaled_and_turned_object_is_exported_as_it_is_seen(person: Any, motion: Motion, tmp_path: Path) -> None:
    person.location, person.rotation_euler, person.scale = (1, 2, 0.5), (0, 0, 0.7), (0.5, 0.5, 0.5)
    person.pose.bones[ROOT_NAME].location = (0.3, -0.2, 0.1)
    told = export_with_preset(person, tmp_path / "take.glb", preset("godot"), RootMotion.PELVIS)
    assert told == [f"'{person.name}' has an unapplied scale of 0.5. The file has it applied."]
    expected = joints_in_blender(bpy.context.scene, person, range(1, FRAMES + 1))
    take = read_glb(tmp_path / "take.glb")
    found = places_of(take, preset("godot"), FILE_FROM_WORLD["Y", "Z"], 1.0)
    np.testing.assert_allclose(found, expected, atol=MILLIMETRE)
    assert np.linalg.norm(found[0, 4] - found[0, 1]) == pytest.approx(
        0.5 * np.linalg.norm(motion.joints_world[0, 4] - motion.joints_world[0, 1]), abs=1e-4
    )


def test_a_tilted_object_of_hundredths_is_exported_as_it_is_seen(person: Any, tmp_path: Path) -> None:
    """As FBX files are imported: bones in centimetres with Y up, the object turned and scaled."""
    from mathutils import Matrix

    change = Matrix(np.vstack((np.hstack((100 * WORLD_FROM_BODY.T, np.zeros((3, 1)))), [0, 0, 0, 1])))
    expected = joints_in_blender(bpy.context.scene, person, range(1, FRAMES + 1))
    person.data.transform(change)
    person.children[0].data.transform(change)
    for curve in _curves(person):
        if curve.data_path.endswith("location"):
            for key in curve.keyframe_points:
                key.co[1] *= 100
            curve.update()
    person.data.update_tag()
    person.matrix_world = change.inverted()
    bpy.context.view_layer.update()
    seen = joints_in_blender(bpy.context.scene, person, range(1, FRAMES + 1))
    np.testing.assert_allclose(seen, expected, atol=MILLIMETRE)
    export_with_preset(person, tmp_path / "take.glb", preset("unreal"))
    take = read_glb(tmp_path / "take.glb")
    np.testing.assert_allclose(
        places_of(take, preset("unreal"), FILE_FROM_WORLD["Y", "Z"], 1.0), expected, atol=MILLIMETRE
    )


def _curves(armature: Any) -> list[Any]:
    action = armature.animation_data.action
    if bpy.app.version < (4, 4, 0):
        return list(action.fcurves)
    return list(action.layers[0].strips[0].channelbag(armature.animation_data.action_slot).fcurves)


def test_the_users_scene_stays_as_it_was(person: Any, tmp_path: Path) -> None:
    other = bpy.data.objects.new("Armature", None)  # has the name that the file is to show
    bpy.context.scene.collection.objects.link(other)
    bpy.context.scene.frame_set(7)
    bones = [bone.name for bone in person.data.bones]
    kinds = (bpy.data.objects, bpy.data.armatures, bpy.data.meshes, bpy.data.actions, bpy.data.scenes)
    before = [sorted(each.name for each in kind) for kind in kinds]
    export_with_preset(person, tmp_path / "take.fbx", preset("unreal"))
    assert [sorted(each.name for each in kind) for kind in kinds] == before
    assert [bone.name for bone in person.data.bones] == bones
    assert other.name == "Armature"
    assert bpy.context.scene.frame_current == 7
    assert [found.name for found in tmp_path.iterdir()] == ["take.fbx"]


def test_several_takes_go_into_files_of_their_own(
    scene: Any, person: Any, body: Body, make_take: Callable[..., Motion], tmp_path: Path
) -> None:
    other = build_character(scene, make_take(frames=FRAMES, seed=5), body, "Other/one", smoothness=0)
    written = export_takes([person, other], tmp_path, ".glb", preset("godot"))
    assert [path.name for path in written] == ["Person.glb", "Other_one.glb"]
    places = [places_of(read_glb(path), preset("godot"), np.eye(3), 1.0) for path in written]
    assert np.abs(places[0] - places[1]).max() > 0.05
    other.animation_data.action.name = "Person?"
    person.animation_data.action.name = "Person_"
    with pytest.raises(ExportError, match=r"Two takes would be written to Person_\.glb"):
        export_takes([person, other], tmp_path, ".glb", preset("godot"))


def test_every_take_of_an_armature_is_written_alone(
    scene: Any, person: Any, motion: Motion, make_take: Callable[..., Motion], tmp_path: Path
) -> None:
    """A second take, pushed down into the nonlinear animation, where it would show through the first."""
    from smpl_rig.blender.animation import write_motion

    first, animation = person.animation_data.action, person.animation_data
    animation.action = None
    other = make_take(frames=FRAMES + 10, seed=9)
    other = other.with_pose(other.local_rotations, other.trans + np.array([0, 0, 1.0]))
    write_motion(person, other)
    animation.action.name = "Second"
    strip = animation.nla_tracks.new().strips.new("Second", 1, animation.action)
    strip.blend_type = "ADD"
    animation.action = first
    written = export_takes([person], tmp_path, ".glb", preset("godot"), RootMotion.PELVIS)
    assert [path.name for path in written] == ["Person.glb", "Second.glb"]
    assert animation.action == first
    assert animation.use_nla
    for path, truth in zip(written, (motion, other), strict=True):
        found = places_of(read_glb(path), preset("godot"), FILE_FROM_WORLD["Y", "Z"], 1.0)
        np.testing.assert_allclose(found, truth.joints_world, atol=MILLIMETRE)


def test_presets_need_the_bones_of_their_root_motion(person: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Mixamo upload has no root bone"):
        export_with_preset(person, tmp_path / "take.fbx", preset("mixamo"), RootMotion.ROOT)
    person.data.bones["pelvis"].name = "hips"
    with pytest.raises(PreparationError, match="needs a bone called 'pelvis'"):
        export_with_preset(person, tmp_path / "take.fbx", preset("unreal"), RootMotion.ROOT)
    with pytest.raises(ExportError, match=r"'\.obj'"):
        export_with_preset(person, tmp_path / "take.obj", preset("unreal"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not bpy.app.build_options.alembic, reason="this Blender was built without Alembic")
def test_alembic_holds_the_body_of_every_frame(person: Any, motion: Motion, body: Body, tmp_path: Path) -> None:
    export_abc(person, tmp_path / "take.abc")
    expected = skin(body, motion.betas, motion.local_rotations, motion.trans)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    set_frame_rate(bpy.context.scene, NTSC)
    bpy.ops.wm.alembic_import(filepath=str(tmp_path / "take.abc"), set_frame_range=True)
    scene = bpy.context.scene
    assert scene.frame_end - scene.frame_start == FRAMES - 1
    (mesh,) = (found for found in bpy.data.objects if found.type == "MESH")
    for frame in range(0, FRAMES, 5):
        scene.frame_set(scene.frame_start + frame)
        evaluated = mesh.evaluated_get(bpy.context.view_layer.depsgraph)
        places = np.array([evaluated.matrix_world @ vertex.co for vertex in evaluated.data.vertices])
        np.testing.assert_allclose(places, expected[frame], atol=2e-3)


def test_alembic_without_a_mesh_is_refused(scene: Any, motion: Motion, tmp_path: Path) -> None:
    fit_scene(scene, motion)
    with pytest.raises(ExportError, match="has no mesh, and Alembic"):
        export_abc(build_character(scene, motion, smoothness=0), tmp_path / "take.abc")


@pytest.mark.parametrize("size", [1.0, 1.5])
def test_amass_and_csv_hold_what_is_seen(size: float, scene: Any, motion: Motion, body: Body, tmp_path: Path) -> None:
    """Of a person who was moved, turned and scaled; the reader's own body is as large as the capture's."""
    fit_scene(scene, motion)
    person = build_character(scene, motion, body, smoothness=0)
    person.location, person.rotation_euler, person.scale = (1, 2, 0.3), (0, 0, 0.7), (size,) * 3
    frames = range(1, FRAMES + 1)
    seen = joints_in_blender(scene, person, frames)
    for ending in (".npz", ".csv"):
        export_with_preset(person, tmp_path / f"out{ending}", preset("limber"))
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = np.array([[[float(row[f"{joint}_{axis}"]) for axis in "xyz"] for joint in JOINT_NAMES] for row in rows])
    assert table == pytest.approx(seen, abs=MILLIMETRE)
    assert [float(row["time_s"]) for row in rows] == pytest.approx(np.arange(FRAMES) / motion.mocap_framerate)
    amass = np.load(tmp_path / "out.npz", allow_pickle=False)
    assert amass["betas"] == pytest.approx(motion.betas)
    assert float(amass["mocap_framerate"]) == pytest.approx(motion.mocap_framerate)
    local = rotations.exp(amass["poses"].reshape(FRAMES, 24, 3))
    _, joints = forward_kinematics(local, motion.rest_joints.astype(float), amass["trans"])
    assert joints[:, 0] == pytest.approx(seen[:, 0], abs=MILLIMETRE)
    assert size * (joints - joints[:, :1]) == pytest.approx(seen - seen[:, :1], abs=size * MILLIMETRE)


@pytest.mark.parametrize("ending", [".npz", ".csv"])
def test_amass_and_csv_are_of_captured_people_alone(ending: str, scene: Any, tmp_path: Path) -> None:
    other = bpy.data.objects.new("Hero", bpy.data.armatures.new("Hero"))
    scene.collection.objects.link(other)
    with pytest.raises(ExportError, match="'Hero' is no captured person"):
        export_with_preset(other, tmp_path / f"out{ending}", preset("limber"))
