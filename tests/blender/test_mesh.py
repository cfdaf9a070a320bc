from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.armature import create_armature  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.mesh import create_mesh, floor_height  # noqa: E402
from smpl_rig.body import Body, skin  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.skeleton import JOINT_NAMES  # noqa: E402


def vertices_in_blender(scene: Any, mesh: Any, frame: int) -> np.ndarray:
    scene.frame_set(frame)
    evaluated = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    shaped = evaluated.to_mesh()
    flat = np.empty(len(shaped.vertices) * 3, dtype=np.float32)
    shaped.vertices.foreach_get("co", flat)
    world = np.array(evaluated.matrix_world)
    return flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def test_blender_bends_the_body_as_smpl_does(scene: Any, make_take: Callable[..., Motion], body: Body) -> None:
    motion = make_take(frames=12)
    fit_scene(scene, motion)
    person = build_character(scene, motion, body, smoothness=0)
    expected = skin(body, motion.betas, motion.local_rotations, motion.trans)
    for index in range(len(motion)):
        np.testing.assert_allclose(
            vertices_in_blender(scene, person.children[0], index + 1), expected[index], atol=2e-5
        )


def test_rest_body_stands_on_the_floor(scene: Any, rest_joints: np.ndarray, body: Body) -> None:
    betas = np.linspace(-1, 1, 10)
    armature = create_armature(scene.collection, "Person", body.rest_joints(betas), floor_height(body, betas))
    mesh = create_mesh(scene.collection, "Mesh", body, betas, armature)
    bpy.context.view_layer.update()
    assert vertices_in_blender(scene, mesh, 1)[:, 2].min() == pytest.approx(0, abs=1e-6)


def test_groups_faces_and_shading(scene: Any, body: Body) -> None:
    armature = create_armature(scene.collection, "Person", body.rest_joints(np.zeros(10)), 0.0)
    mesh = create_mesh(scene.collection, "Mesh", body, np.zeros(10), armature)
    assert [group.name for group in mesh.vertex_groups] == list(JOINT_NAMES)
    weights = np.zeros((len(mesh.data.vertices), 24))
    for vertex in mesh.data.vertices:
        for element in vertex.groups:
            weights[vertex.index, element.group] = element.weight
    np.testing.assert_allclose(weights, body.weights, atol=1e-6)
    np.testing.assert_array_equal([list(polygon.vertices) for polygon in mesh.data.polygons], body.f)
    assert all(polygon.use_smooth for polygon in mesh.data.polygons)
    assert mesh.parent == armature
    assert [modifier.type for modifier in mesh.modifiers] == ["ARMATURE"]
    assert len(mesh.data.materials) == 1


def test_people_share_one_material(scene: Any, body: Body) -> None:
    armature = create_armature(scene.collection, "Person", body.rest_joints(np.zeros(10)), 0.0)
    first, second = (create_mesh(scene.collection, "Mesh", body, np.zeros(10), armature) for _ in range(2))
    assert first.data.materials[0] == second.data.materials[0]


def test_the_embedded_body(scene: Any, make_motion: Callable[..., Motion]) -> None:
    body = pytest.importorskip("backend.body").limber_body()
    motion = make_motion(frames=5)
    betas = np.linspace(1, -1, 10)
    shaped = replace(motion, betas=betas, rest_joints=body.rest_joints(betas), body=body.name)
    motion = shaped.with_pose(motion.local_rotations, motion.trans)
    fit_scene(scene, motion)
    person = build_character(scene, motion, body, smoothness=0)
    expected = skin(body, motion.betas, motion.local_rotations, motion.trans)[3]
    np.testing.assert_allclose(vertices_in_blender(scene, person.children[0], 4), expected, atol=1e-3)
