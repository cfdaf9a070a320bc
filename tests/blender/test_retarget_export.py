"""Somebody else's rig with a mesh, given a motion, written, and read by readers that are not Blender's.

The rig has Mixamo's names, random rolls, an object turned and scaled to hundredths as FBX files bring it, a hat that
hangs on a bone, and a cape that follows the rig without hanging on it.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix  # noqa: E402

from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.blender.armature import edit_bones  # noqa: E402
from smpl_rig.blender.preset_export import export_takes  # noqa: E402
from smpl_rig.blender.retarget_file import retarget_file  # noqa: E402
from smpl_rig.exports.preset import preset  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.skeleton import JOINT_NAMES, PARENTS  # noqa: E402

from ..foreign_figure import flat_body  # noqa: E402
from .alembic_reader import read_alembic  # noqa: E402
from .readers import Take, read_assimp  # noqa: E402
from .retarget_scenes import walking  # noqa: E402
from .test_usd_alembic import needs_alembic, needs_usd, read_usd  # noqa: E402

MILLIMETRE = 1e-3
FRAMES = 40
NAMES = preset("mixamo").names
#: Where the object of a rig from an FBX file stands.
OBJECT = np.diag([0.01, 0.01, 0.01, 1.0])
OBJECT[:3, :3] = 0.01 * WORLD_FROM_BODY

needs_assimp = pytest.mark.skipif(
    shutil.which("assimp") is None, reason="assimp is not installed (Debian: apt-get install assimp-utils)"
)


def tetrahedra(name: str, centres: np.ndarray, size: float) -> Any:
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * size
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    mesh = bpy.data.meshes.new(name)
    vertices = (centres[:, None] + corners).reshape(-1, 3)
    mesh.from_pydata(vertices.tolist(), [], np.concatenate([faces + 4 * i for i in range(len(centres))]).tolist())
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


@pytest.fixture
def rig(scene: Any) -> Any:
    """1.3 times as large as the figure, in centimetres with Y up, its object in metres with Z up."""
    random = np.random.default_rng(3)
    joints = flat_body() * 130
    joints[:, 1] -= joints[:, 1].min()
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    scene.collection.objects.link(armature)
    with edit_bones(armature) as bones:
        for joint, name in enumerate(JOINT_NAMES):
            bone = bones.new(NAMES[name])
            goes_on = PARENTS.index(joint) if joint in PARENTS else None
            direction = [0, 9.0, 0] if goes_on is None else joints[goes_on] - joints[joint]
            bone.head, bone.tail = joints[joint], joints[joint] + direction
            bone.roll = random.uniform(-3, 3)
            if joint:
                bone.parent = bones[NAMES[JOINT_NAMES[PARENTS[joint]]]]
    armature.matrix_world = Matrix(OBJECT)
    skin, cape = tetrahedra("skin", joints, 3), tetrahedra("cape", joints[:3] - [0, 0, 20], 5)
    for mesh in (skin, cape):
        for joint, name in enumerate(JOINT_NAMES):
            group = mesh.vertex_groups.new(name=NAMES[name])
            for vertex in range(4 * joint, min(4 * joint + 8, len(mesh.data.vertices))):
                group.add((vertex,), 0.7 if vertex < 4 * joint + 4 else 0.3, "REPLACE")
        for vertex in range(4):
            mesh.vertex_groups[0].add((vertex,), 1.0, "REPLACE")
        mesh.modifiers.new("Armature", "ARMATURE").object = armature
    skin.parent = armature
    cape.matrix_world = Matrix(OBJECT)
    hat = tetrahedra("hat", np.zeros((1, 3)), 6)
    hat.parent, hat.parent_type, hat.parent_bone = armature, "BONE", NAMES["head"]
    hat.rotation_euler = (0.3, 0.2, 0.1)
    return armature


@pytest.fixture
def motion_file(tmp_path: Path, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> Path:
    walking(rest_joints, make_motion, frames=FRAMES).save(tmp_path / "walk.npz")
    return tmp_path / "walk.npz"


def seen(rig: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What Blender shows: (T, 3) of each bone's head, and (T, V, 3) of all vertices; metres, world."""
    heads: dict[str, list[Any]] = {bone.name: [] for bone in rig.data.bones}
    vertices = []
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        posed = rig.evaluated_get(graph)
        for bone in posed.pose.bones:
            heads[bone.name].append(posed.matrix_world @ bone.head)
        shown = (bpy.data.objects[name].evaluated_get(graph) for name in ("skin", "cape", "hat"))
        vertices.append([each.matrix_world @ vertex.co for each in shown for vertex in each.data.vertices])
    return {name: np.array(places) for name, places in heads.items()}, np.array(vertices)


def check_vertices(found: np.ndarray, expected: np.ndarray) -> None:
    """The same paths of vertices; files split them where faces meet."""
    found, expected = (paths.transpose(1, 0, 2).reshape(paths.shape[1], -1) for paths in (found, expected))
    apart = np.abs(found[:, None] - expected[None]).max(axis=-1)
    assert apart.min(axis=1).max() < MILLIMETRE  # nothing that Blender does not show
    assert apart.min(axis=0).max() < MILLIMETRE  # all that it shows


def check_take(take: Take, heads: dict[str, np.ndarray], metres: float) -> None:
    assert len(take.animations) == 1
    assert take.bones <= {*heads}
    assert [name for name in take.places if name.endswith("_end")] == []
    assert take.times_s[-1] - take.times_s[0] == pytest.approx((FRAMES - 1) / 60, abs=0.05 / 60)
    for name, places in heads.items():
        np.testing.assert_allclose(metres * take.places[name] @ WORLD_FROM_BODY.T, places, atol=MILLIMETRE)


@needs_assimp
@pytest.mark.parametrize(
    ("ending", "program", "metres"), [("fbx", "limber", 1.0), ("fbx", "unity", 0.01), ("glb", "godot", 1.0)]
)
def test_fbx_and_gltf_of_a_rig(
    rig: Any, motion_file: Path, tmp_path: Path, ending: str, program: str, metres: float
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"), copy=True)
    out = tmp_path / f"out.{ending}"
    _, told = retarget_file(motion_file, tmp_path / "rig.blend", out, smoothness=0, program=program)
    assert told == ["'Rig' has an unapplied scale of 0.01. The file has it applied."]
    heads, vertices = seen(bpy.data.objects["Rig"])
    take = read_assimp(out)
    check_take(take, heads, metres)
    check_vertices(metres * take.skin @ WORLD_FROM_BODY.T, vertices)


@needs_assimp
@pytest.mark.parametrize("ending", ["fbx", "glb"])
def test_weights_are_written_as_blender_takes_them(rig: Any, motion_file: Path, tmp_path: Path, ending: str) -> None:
    """Whatever they sum up to, and none of bones that do not deform."""
    for name in ("skin", "cape"):
        mesh = bpy.data.objects[name]
        for vertex in mesh.data.vertices:
            for group in vertex.groups:
                group.weight *= (0.4, 1.0, 1.4)[vertex.index % 3]  # of which a weight takes up to 1
    rig.data.bones[NAMES["right_hand"]].use_deform = False
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"), copy=True)
    out = tmp_path / f"out.{ending}"
    retarget_file(motion_file, tmp_path / "rig.blend", out, smoothness=0)
    _, vertices = seen(bpy.data.objects["Rig"])
    check_vertices(read_assimp(out).skin @ WORLD_FROM_BODY.T, vertices)


@needs_assimp
def test_a_rig_from_an_fbx_file(rig: Any, motion_file: Path, tmp_path: Path) -> None:
    """As Blender exports rigs: with leaf bones and a take of its own, which must not be in the output."""
    rig.animation_data_create().action = bpy.data.actions.new("idle")
    rig.pose.bones[0].keyframe_insert("location", frame=1)
    rig.pose.bones[0].keyframe_insert("location", frame=100)
    bpy.ops.export_scene.fbx(filepath=str(tmp_path / "rig.fbx"), add_leaf_bones=True)
    retarget_file(motion_file, tmp_path / "rig.fbx", tmp_path / "out.fbx", smoothness=0)
    target = next(each for each in bpy.context.scene.objects if each.type == "ARMATURE")
    heads, vertices = seen(target)
    take = read_assimp(tmp_path / "out.fbx")
    assert take.animations == (f"walk on {target.name}",)
    for name, places in heads.items():
        np.testing.assert_allclose(take.places[name] @ WORLD_FROM_BODY.T, places, atol=MILLIMETRE)
    check_vertices(take.skin @ WORLD_FROM_BODY.T, vertices)


@needs_usd
def test_usd_of_a_rig(rig: Any, motion_file: Path, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"), copy=True)
    retarget_file(motion_file, tmp_path / "rig.blend", tmp_path / "out.usd", smoothness=0)
    heads, vertices = seen(bpy.data.objects["Rig"])
    take = read_usd(tmp_path / "out.usd")
    names = take["names"].tolist()
    assert len(names) == len(heads)
    for name, places in heads.items():
        found = take["places"][:, names.index(name.replace(":", "_"))]
        np.testing.assert_allclose(found, places, atol=MILLIMETRE)
    check_vertices(take["skin"], vertices)


@needs_alembic
def test_alembic_of_a_rig(rig: Any, motion_file: Path, tmp_path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"), copy=True)
    retarget_file(motion_file, tmp_path / "rig.blend", tmp_path / "out.abc", smoothness=0)
    _, vertices = seen(bpy.data.objects["Rig"])
    meshes = read_alembic(tmp_path / "out.abc")
    assert len(meshes) == 3
    check_vertices(np.concatenate([mesh.points for mesh in meshes.values()], axis=1) @ WORLD_FROM_BODY.T, vertices)


@needs_assimp
def test_takes_of_a_rig_go_into_files_of_their_own(
    rig: Any, motion_file: Path, tmp_path: Path, rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "rig.blend"), copy=True)
    retarget_file(motion_file, tmp_path / "rig.blend", tmp_path / "out.blend", smoothness=0)
    target = bpy.data.objects["Rig"]
    animation = target.animation_data
    first = animation.action
    second = first.copy()
    second.name = "turned"
    animation.nla_tracks.new().strips.new("turned", 1, second)
    written = export_takes([target], tmp_path, ".fbx", preset("unreal"))
    assert [path.name for path in written] == ["walk on Rig.fbx", "turned.fbx"]
    for path, name in zip(written, ("walk on Rig", "turned"), strict=True):
        take = read_assimp(path)
        assert take.animations == (name,)
        assert len(take.times_s) == FRAMES
