"""USD by Pixar's own library, Alembic by a reader of its own: every joint and every vertex of every frame."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.preset_export import export_with_preset  # noqa: E402
from smpl_rig.body import Body, skin  # noqa: E402
from smpl_rig.exports.preset import Preset, preset, presets  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.skeleton import JOINT_NAMES, PARENTS  # noqa: E402

from .alembic_reader import read_alembic  # noqa: E402
from .conftest import NTSC  # noqa: E402

MILLIMETRE = 1e-3
FRAMES = 31

needs_usd = pytest.mark.skipif(
    not bpy.app.build_options.usd or importlib.util.find_spec("pxr") is None,
    reason="this Blender was built without USD, or usd-core is not installed",
)
needs_alembic = pytest.mark.skipif(not bpy.app.build_options.alembic, reason="this Blender was built without Alembic")


@pytest.fixture
def motion(make_take: Callable[..., Motion]) -> Motion:
    return make_take(frames=FRAMES)


@pytest.fixture
def vertices(motion: Motion, body: Body) -> np.ndarray:
    """(T, V, 3) metres, world: bent linearly, as the formats have it; this body has no pose corrections."""
    return skin(body, motion.betas, motion.local_rotations, motion.trans)


def read_usd(path: Path) -> dict[str, np.ndarray]:
    target = path.with_suffix(".npz")
    script = Path(__file__).with_name("usd_reader.py")
    subprocess.run([sys.executable, script, path, target], check=True, capture_output=True, timeout=60)
    with np.load(target) as archive:
        return dict(archive)


@needs_usd
@pytest.mark.parametrize("chosen", presets().values(), ids=lambda each: each.name)
def test_usd_of_every_preset(person: Any, motion: Motion, vertices: np.ndarray, tmp_path: Path, chosen: Preset) -> None:
    assert export_with_preset(person, tmp_path / "take.usd", chosen) == []
    take = read_usd(tmp_path / "take.usd")
    names = take["names"].tolist()
    wanted = {joint: called.replace(":", "_") for joint, called in chosen.names.items()}  # USD knows no colons
    assert sorted(names) == sorted([*wanted.values(), *([chosen.root_bone] if chosen.root_bone else [])])
    joints = [names.index(wanted[joint]) for joint in JOINT_NAMES]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        assert take["parents"][joints[joint]] == joints[parent]
    assert take["up"] == "Z"
    np.testing.assert_allclose(take["places"][:, joints], motion.joints_world, atol=MILLIMETRE)
    np.testing.assert_allclose(take["skin"], vertices, atol=MILLIMETRE)
    assert {"Mesh 1", "Skeleton 1", "SkelAnimation 1"} <= {*take["kinds"].tolist()}
    assert len(take["times_s"]) == FRAMES
    for times in (take["times_s"], take["range"]):
        assert times[-1] - times[0] == pytest.approx((FRAMES - 1) / NTSC, abs=0.01 / NTSC)


@needs_alembic
@pytest.mark.parametrize("name", ["limber", "unreal"])
def test_alembic(person: Any, vertices: np.ndarray, body: Body, tmp_path: Path, name: str) -> None:
    assert export_with_preset(person, tmp_path / "take.abc", preset(name)) == []
    ((shape, mesh),) = read_alembic(tmp_path / "take.abc").items()
    assert shape == "Person_mesh"
    assert mesh.faces == len(body.f)
    assert len(mesh.times_s) == FRAMES
    assert mesh.times_s[-1] - mesh.times_s[0] == pytest.approx((FRAMES - 1) / NTSC, abs=0.01 / NTSC)
    np.testing.assert_allclose(mesh.points @ WORLD_FROM_BODY.T, vertices, atol=MILLIMETRE)  # Y up


@needs_alembic
def test_alembic_of_a_body_that_stands_still(scene: Any, motion: Motion, body: Body, tmp_path: Path) -> None:
    """Samples that do not change are not written again; the reader follows that."""
    still = motion.with_pose(
        np.repeat(motion.local_rotations[:1], FRAMES, axis=0), np.repeat(motion.trans[:1], FRAMES, axis=0)
    )
    fit_scene(scene, still)
    person = build_character(scene, still, body, smoothness=0)
    person.location = (1, 2, 3)
    export_with_preset(person, tmp_path / "take.abc", preset("limber"))
    (mesh,) = read_alembic(tmp_path / "take.abc").values()
    expected = skin(body, still.betas, still.local_rotations, still.trans) + np.array([1, 2, 3])
    np.testing.assert_allclose(mesh.points @ WORLD_FROM_BODY.T, expected, atol=MILLIMETRE)


def shown_again(scene: Any, frames: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What Blender's importer has made of a file: by bone (T, 3) heads, and (T, V, 3) vertices, metres, world."""
    heads: dict[str, list[Any]] = {}
    vertices = []
    for frame in range(scene.frame_start, scene.frame_start + frames):
        scene.frame_set(frame)
        graph = bpy.context.evaluated_depsgraph_get()
        for rig in [each.evaluated_get(graph) for each in scene.objects if each.type == "ARMATURE"]:
            for bone in rig.pose.bones:
                heads.setdefault(bone.name, []).append(rig.matrix_world @ bone.head)
        (mesh,) = [each.evaluated_get(graph) for each in scene.objects if each.type == "MESH"]
        vertices.append([mesh.matrix_world @ vertex.co for vertex in mesh.data.vertices])
    return {name: np.array(places) for name, places in heads.items()}, np.array(vertices)


def emptied() -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    return scene


@pytest.mark.skipif(not bpy.app.build_options.usd, reason="this Blender was built without USD")
def test_blender_reads_its_usd_back(person: Any, motion: Motion, vertices: np.ndarray, tmp_path: Path) -> None:
    export_with_preset(person, tmp_path / "take.usd", preset("limber"))
    scene = emptied()
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "take.usd"), set_frame_range=True)
    assert scene.frame_end - scene.frame_start == FRAMES - 1
    heads, skin_again = shown_again(scene, FRAMES)
    joints = np.stack([heads[joint] for joint in JOINT_NAMES], axis=1)
    np.testing.assert_allclose(joints, motion.joints_world, atol=MILLIMETRE)
    np.testing.assert_allclose(skin_again, vertices, atol=MILLIMETRE)


@needs_alembic
def test_blender_reads_its_alembic_back(person: Any, vertices: np.ndarray, tmp_path: Path) -> None:
    export_with_preset(person, tmp_path / "take.abc", preset("limber"))
    scene = emptied()
    bpy.ops.wm.alembic_import(filepath=str(tmp_path / "take.abc"), set_frame_range=True, as_background_job=False)
    assert scene.frame_end - scene.frame_start == FRAMES - 1
    _, skin_again = shown_again(scene, FRAMES)
    np.testing.assert_allclose(skin_again, vertices, atol=MILLIMETRE)
