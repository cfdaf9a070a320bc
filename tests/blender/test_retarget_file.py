"""Rigs in files, given a motion, and read again."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix  # noqa: E402

from smpl_rig.blender.baked_actions import MARK, OPTIONS  # noqa: E402
from smpl_rig.blender.retarget import find_rig_bones, retarget  # noqa: E402
from smpl_rig.blender.retarget_file import main, retarget_file  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.retarget.retargeting import Performance  # noqa: E402
from smpl_rig.retarget.rig_map import rig_maps, save_rig_map  # noqa: E402
from smpl_rig.retarget.saved_maps import saved_maps_folder  # noqa: E402

from ..retarget_rigs import kaykit_file, mpfb_bones  # noqa: E402
from .retarget_scenes import armature_of, joint_angles, walking  # noqa: E402


@pytest.fixture
def motion_file(tmp_path: Path, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> Path:
    path = tmp_path / "walk.npz"
    walking(rest_joints, make_motion, frames=60).save(path)
    return path


@pytest.fixture
def rig_files(scene: Any, tmp_path: Path) -> dict[str, Path]:
    """MPFB's rig with Mixamo's names, as every kind of file."""
    skinned(armature_of(mpfb_bones("mixamo")), "mixamorig:Hips")
    files = {ending: tmp_path / f"rig.{ending}" for ending in ("blend", "fbx", "glb")}
    bpy.ops.wm.save_as_mainfile(filepath=str(files["blend"]), copy=True)
    bpy.ops.export_scene.fbx(filepath=str(files["fbx"]), add_leaf_bones=False)
    bpy.ops.export_scene.gltf(filepath=str(files["glb"]))
    return files


def skinned(rig: Any, bone: str) -> None:
    """A triangle as high as a person hangs on a bone."""
    mesh = bpy.data.meshes.new("skin")
    mesh.from_pydata([(0, 0, 0), (0.1, 0, 0), (0, 0, 1.7)], [], [(0, 1, 2)])
    skin = bpy.data.objects.new("skin", mesh)
    bpy.context.scene.collection.objects.link(skin)
    skin.parent = rig
    skin.modifiers.new("Armature", "ARMATURE").object = rig
    skin.vertex_groups.new(name=bone).add((0, 1, 2), 1.0, "REPLACE")


def reopened(path: Path) -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if path.suffix == ".blend":
        bpy.ops.wm.open_mainfile(filepath=str(path))
    elif path.suffix == ".fbx":
        bpy.context.scene.render.fps = 60
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    else:
        bpy.context.scene.render.fps = 60
        bpy.ops.import_scene.gltf(filepath=str(path))
    return next(each for each in bpy.context.scene.objects if each.type == "ARMATURE")


@pytest.mark.parametrize(("rig", "out"), [("blend", "blend"), ("fbx", "fbx"), ("glb", "glb"), ("fbx", "glb")])
def test_a_rig_comes_back_animated(
    rig: str, out: str, rig_files: dict[str, Path], motion_file: Path, tmp_path: Path
) -> None:
    written = tmp_path / f"out.{out}"
    found, _ = retarget_file(motion_file, rig_files[rig], written, smoothness=0.0)
    assert found.how == "Mixamo"
    target = reopened(written)
    motion = Motion.load(motion_file)
    # glTF begins at 0 s, the others on frame 1
    frames = np.array([1, 20, 41, 60])
    shown = frames - 1 if out == "glb" else frames
    assert joint_angles(target, found.bones, motion.joints_world[frames - 1], shown).max() < 3


def test_an_fbx_with_a_lamp(rig_files: dict[str, Path], motion_file: Path, tmp_path: Path) -> None:
    """Blender 5.0's add-on for FBX fails on lamps."""
    reopened(rig_files["fbx"])
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN")))
    bpy.ops.export_scene.fbx(filepath=str(tmp_path / "lit.fbx"), add_leaf_bones=False)
    found, _ = retarget_file(motion_file, tmp_path / "lit.fbx", tmp_path / "out.blend", smoothness=0.0)
    target = reopened(tmp_path / "out.blend")
    frames = np.array([1, 20, 41, 60])
    motion = Motion.load(motion_file)
    assert joint_angles(target, found.bones, motion.joints_world[frames - 1], frames).max() < 3


@pytest.fixture
def posed_file(scene: Any, tmp_path: Path) -> Path:
    """As glTF whose mesh is quantised about its middle: its skin is bound with the root below the floor."""
    rig = armature_of(mpfb_bones("game_engine"))
    skinned(rig, "pelvis")
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "rig.glb"))
    content, rest = gltf_parts(tmp_path / "rig.glb")
    lowered = bytearray(rest)
    places, binds = (
        values_of(content, lowered, accessor, width)
        for accessor, width in (
            (content["meshes"][0]["primitives"][0]["attributes"]["POSITION"], 3),
            (content["skins"][0]["inverseBindMatrices"], 16),
        )
    )
    places[:, 1] -= 0.9
    binds[:, 12:] += 0.9 * binds[:, 4:8]
    content["skins"][0]["skeleton"] = content["skins"][0]["joints"][0]
    write_gltf(tmp_path / "posed.glb", content, bytes(lowered))
    return tmp_path / "posed.glb"


def is_on_the_floor(target: Any, pelvis: str, motion_file: Path) -> bool:
    """Whether the target's hips are on the first frame about as high as the person's."""
    bpy.context.scene.frame_set(1)
    height = (target.matrix_world @ target.pose.bones[pelvis].head).z
    return abs(height - Motion.load(motion_file).joints_world[0, 0, 2]) < 0.2


def test_how_a_figure_is_posed_in_its_file_displaces_nothing(
    posed_file: Path, motion_file: Path, tmp_path: Path
) -> None:
    found, _ = retarget_file(motion_file, posed_file, tmp_path / "out.blend", smoothness=0.0)
    assert is_on_the_floor(reopened(tmp_path / "out.blend"), found.bones.joints["pelvis"], motion_file)


def lift_root(target: Any) -> None:
    root = target.pose.bones["Root"]
    root.matrix = Matrix.Translation((0, 0, 0.9)) @ root.bone.matrix_local


@pytest.mark.parametrize("lifted", ["by the importer", "with a raised arm", "by the user"])
def test_an_imported_figure_stands_on_the_floor_wherever_its_file_has_posed_it(
    lifted: str, posed_file: Path, motion_file: Path, tmp_path: Path
) -> None:
    """Retargeted as the panel does; but where the user has put a root bone, the take goes."""
    target = reopened(posed_file if lifted == "by the importer" else tmp_path / "rig.glb")
    found, motion = find_rig_bones(target), Motion.load(motion_file)
    if lifted == "by the importer":
        assert np.abs(np.array(target.pose.bones["Root"].matrix_basis)[:3, 3]).max() > 0.8
    else:
        lift_root(target)
    if lifted == "with a raised arm":
        target.pose.bones[found.bones.joints["left_elbow"]].rotation_quaternion = (0.8, 0, 0, 0.6)
    bpy.context.view_layer.update()
    retarget(target, Performance.of(motion), np.arange(1.0, 61), found.bones, "walk")
    assert is_on_the_floor(target, found.bones.joints["pelvis"], motion_file) == (lifted != "by the user")


def test_a_root_bone_that_is_moved_after_the_bake_moves_the_take(posed_file: Path, motion_file: Path) -> None:
    target = reopened(posed_file)
    found, motion = find_rig_bones(target), Motion.load(motion_file)
    for _ in range(2):
        retarget(target, Performance.of(motion), np.arange(1.0, 61), found.bones, "walk")
        lift_root(target)
    assert not is_on_the_floor(target, found.bones.joints["pelvis"], motion_file)


def gltf_parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """A binary glTF file's document, and what follows it."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[12:16], "little")
    return json.loads(raw[20 : 20 + length]), raw[20 + length :]


def values_of(content: dict[str, Any], rest: bytearray, accessor: int, width: int) -> np.ndarray:
    """(N, width) floats of a document's accessor, to be changed where they lie."""
    view = content["bufferViews"][content["accessors"][accessor]["bufferView"]]
    start = 8 + view.get("byteOffset", 0)
    return np.frombuffer(rest, dtype="<f4", count=view["byteLength"] // 4, offset=start).reshape(-1, width)


def write_gltf(path: Path, content: dict[str, Any], rest: bytes) -> None:
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    sizes = [(20 + len(text) + len(rest)).to_bytes(4, "little"), len(text).to_bytes(4, "little")]
    path.write_bytes(b"glTF\x02\x00\x00\x00" + sizes[0] + sizes[1] + b"JSON" + text + rest)


@pytest.mark.parametrize("version", ["0.x", "1.0"])
def test_a_vrm_character_is_believed(
    version: str, rig_files: dict[str, Path], motion_file: Path, tmp_path: Path
) -> None:
    """Whatever its bones are called, and even were they to have other joints' names."""
    mixamo = {"hips": "Hips", "spine": "Spine", "head": "Head"} | {
        side + human: side.capitalize() + bone
        for side in ("left", "right")
        for human, bone in (
            ("UpperLeg", "UpLeg"), ("LowerLeg", "Leg"), ("Foot", "Foot"),
            ("UpperArm", "Arm"), ("LowerArm", "ForeArm"), ("Hand", "Hand"),
        )
    }  # fmt: skip
    content, rest = gltf_parts(rig_files["glb"])
    numbers = {node.get("name", "").removeprefix("mixamorig:"): n for n, node in enumerate(content["nodes"])}
    for bone, number in numbers.items():
        if bone in mixamo.values():
            content["nodes"][number]["name"] = f"node of {number}"
    humans = {human: numbers[bone] for human, bone in mixamo.items()}
    content["extensions"] = (
        {"VRM": {"humanoid": {"humanBones": [{"bone": human, "node": node} for human, node in humans.items()]}}}
        if version == "0.x"
        else {"VRMC_vrm": {"humanoid": {"humanBones": {human: {"node": node} for human, node in humans.items()}}}}
    )
    write_gltf(tmp_path / "figure.vrm", content, rest)
    found, _ = retarget_file(motion_file, tmp_path / "figure.vrm", tmp_path / "out.blend", smoothness=0.0)
    assert found.how == "the file's own humanoid"
    assert found.bones.joints["left_elbow"] == f"node of {numbers['LeftForeArm']}"
    motion = Motion.load(motion_file)
    frames = np.array([1, 20, 41, 60])
    target = reopened(tmp_path / "out.blend")
    assert joint_angles(target, found.bones, motion.joints_world[frames - 1], frames).max() < 3


def test_a_blend_keeps_what_it_holds(rig_files: dict[str, Path], motion_file: Path, tmp_path: Path) -> None:
    retarget_file(motion_file, rig_files["blend"], tmp_path / "out.blend")
    target = reopened(tmp_path / "out.blend")
    assert target.animation_data.action[MARK] == "walk"
    assert "skin" in bpy.data.objects
    assert not list(tmp_path.glob(".*"))


def test_a_map_of_ones_own(rig_files: dict[str, Path], motion_file: Path, tmp_path: Path) -> None:
    mixamo = next(rig_map for rig_map in rig_maps() if rig_map.name == "mixamo")
    bones = mixamo.found_in([bone.name for bone in mpfb_bones("mixamo")])
    save_rig_map(tmp_path / "mine.json", "Mine", bones)
    out = tmp_path / "out.blend"
    assert main([str(motion_file), str(rig_files["blend"]), str(out), "--map", str(tmp_path / "mine.json")]) == 0
    save_rig_map(tmp_path / "wrong.json", "Wrong", bones.with_joint("left_knee", "knee"))
    assert main([str(motion_file), str(rig_files["blend"]), str(out), "--map", str(tmp_path / "wrong.json")]) == 1


def test_a_map_that_the_user_saved_is_found(rig_files: dict[str, Path], motion_file: Path, tmp_path: Path) -> None:
    mixamo = next(rig_map for rig_map in rig_maps() if rig_map.name == "mixamo")
    bones = mixamo.found_in([bone.name for bone in mpfb_bones("mixamo")]).with_chain("neck", [])
    save_rig_map(saved_maps_folder() / "mine.json", "Mine", bones)
    found, _ = retarget_file(motion_file, rig_files["fbx"], tmp_path / "out.blend")
    assert found.how == "Mine"
    assert found.bones == bones


def test_options_are_those_of_the_panel(rig_files: dict[str, Path], motion_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.blend"
    assert main([str(motion_file), str(rig_files["blend"]), str(out), "--relax-fingers", "--touch"]) == 0
    asked = reopened(out).animation_data.action[OPTIONS]
    assert dict(asked) == {"touch": True, "relax_fingers": True, "use_ik": False}
    assert main([str(motion_file), str(rig_files["blend"]), str(out), "--ik"]) == 1  # Mixamo's rigs have no IK


@pytest.mark.parametrize(
    ("rig", "out", "said"),
    [
        ("rig.blend", "out.obj", "ends in '.obj'. Choose one of .blend, .fbx"),
        ("none.fbx", "out.fbx", "does not exist"),
        ("walk.npz", "out.fbx", "ends in '.npz'"),
        ("broken.blend", "out.fbx", "Blender cannot read broken.blend"),
        ("broken.glb", "out.fbx", "Blender cannot read broken.glb, which may be damaged or no .glb at all"),
        ("cut.fbx", "out.fbx", "Blender cannot read cut.fbx, which may be damaged or no .fbx at all"),
        ("empty.fbx", "out.fbx", "empty.fbx is empty. Write it again, or give another rig: .blend, .fbx"),
        ("folder.fbx", "out.fbx", "folder.fbx is a folder. Give a rig"),
        ("lamp.blend", "out.fbx", "lamp.blend holds no armature"),
        ("snake.blend", "out.fbx", "No two legs were found"),
    ],
)
def test_what_is_wrong_is_said(
    rig: str, out: str, said: str, rig_files: dict[str, Path], motion_file: Path, tmp_path: Path, capsys: Any
) -> None:
    for broken in ("broken.blend", "broken.glb"):
        (tmp_path / broken).write_bytes(b"no rig")
    (tmp_path / "cut.fbx").write_bytes(rig_files["fbx"].read_bytes()[:3000])
    (tmp_path / "empty.fbx").touch()
    (tmp_path / "folder.fbx").mkdir()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "lamp.blend"))
    armature_of([each for each in mpfb_bones("mixamo") if "Leg" not in each.name and "Foot" not in each.name][:1])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "snake.blend"))
    assert main([str(motion_file), str(tmp_path / rig), str(tmp_path / out)]) == 1
    assert said in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / out).exists()


def test_the_command_line(motion_file: Path, tmp_path: Path) -> None:
    """KayKit's figure, in a process of its own."""
    pytest.importorskip("tqdm")  # the backend's environment
    out = tmp_path / "figure.glb"
    command = [sys.executable, "-c", "import sys; from backend.cli import main; sys.exit(main())"]
    command += ["retarget", str(motion_file), str(kaykit_file()), str(out), "--relax-fingers", "--touch"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert "bones found by: KayKit" in finished.stdout
    assert out.is_file()
