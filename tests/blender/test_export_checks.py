"""Each thing that would go wrong, made to be wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.armature import edit_bones  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.export_checks import Problem, Purpose, check  # noqa: E402
from smpl_rig.blender.exporters import ExportError  # noqa: E402
from smpl_rig.blender.preset_export import ENDINGS, export_with_preset  # noqa: E402
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.exports.preset import preset, presets  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402


@pytest.fixture
def person(scene: Any, make_take: Callable[..., Motion], body: Body) -> Any:
    motion = make_take(frames=5)
    fit_scene(scene, motion)
    return build_character(scene, motion, body, smoothness=0)


def the_problem(armature: Any, name: str = "unreal") -> Problem:
    (problem,) = check(armature, Purpose(preset(name), ".fbx"))
    return problem


def test_nothing_is_wrong_with_a_captured_person(person: Any) -> None:
    assert [check(person, Purpose(each, ending)) for each in presets().values() for ending in ENDINGS] == [[]] * 54


def test_no_animation(person: Any) -> None:
    person.animation_data_clear()
    assert the_problem(person) == Problem(True, "'Person' has no animation. Assign an action.")


def test_scales(person: Any) -> None:
    person.scale = (2, 2, 2)
    assert the_problem(person) == Problem(False, "'Person' has an unapplied scale of 2. The file has it applied.")
    person.scale = (1, 1, 1.5)
    assert the_problem(person).is_error
    assert "non-uniform scale (1 x 1 x 1.5)" in the_problem(person).message
    person.scale = (-1, 1, 1)
    assert "mirrored" in the_problem(person).message


def test_two_roots(person: Any) -> None:
    with edit_bones(person) as bones:
        prop = bones.new("sword")
        prop.tail = (0, 0, 1)
    assert the_problem(person) == Problem(True, "'Person' has 2 root bones: 'root', 'sword'. Parent all to one.")


def test_names_that_fall_together(person: Any) -> None:
    with edit_bones(person) as bones:
        twin = bones.new("spine_01")
        twin.tail, twin.parent = (0, 0, 1), bones["pelvis"]
    assert "'spine_01'" in the_problem(person).message
    assert check(person, Purpose(preset("unity"), ".fbx")) == []


def test_skins(person: Any, scene: Any) -> None:
    mesh = person.children[0]
    mesh.vertex_groups["left_hand"].remove(range(len(mesh.data.vertices)))
    mesh.vertex_groups["right_hand"].remove(range(len(mesh.data.vertices)))
    free = [
        vertex.index
        for vertex in mesh.data.vertices
        if not any(mesh.vertex_groups[each.group].name in person.data.bones for each in vertex.groups)
    ]
    assert free
    assert f"{len(free)} vertices of 'Person mesh' follow no bone" in the_problem(person).message
    mesh.modifiers.clear()
    assert the_problem(person).message.startswith("'Person mesh' has no Armature modifier for 'Person'")
    bpy.data.objects.remove(mesh)
    assert the_problem(person).is_error
    assert "Unreal Engine refuses a skeleton alone" in the_problem(person).message
    assert the_problem(person, "godot") == Problem(False, "'Person' has no mesh: the file holds a skeleton alone.")


def test_too_many_influences(person: Any) -> None:
    mesh = person.children[0]
    for group in list(mesh.vertex_groups)[:6]:
        group.add([0], 0.1, "REPLACE")
    most = sum(1 for each in mesh.data.vertices[0].groups if each.weight > 0)
    assert most > 4
    assert the_problem(person, "unity").message.startswith(f"Up to {most} bones move a vertex")
    assert check(person, Purpose(preset("unreal"), ".fbx")) == []


def test_errors_stop_the_export_and_all_are_told(person: Any, tmp_path: Path) -> None:
    person.scale = (1, 1, 1.5)
    with edit_bones(person) as bones:
        bones.new("sword").tail = (0, 0, 1)
    with pytest.raises(ExportError, match=r"take\.fbx was not written\. .*non-uniform.*2 root bones"):
        export_with_preset(person, tmp_path / "take.fbx", preset("unreal"))
    assert list(tmp_path.iterdir()) == []
    assert np.isfinite(np.array(person.matrix_world)).all()
