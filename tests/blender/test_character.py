from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import (  # noqa: E402
    PROPERTY,
    CharacterError,
    apply_smoothness,
    build_character,
    motion_of,
)
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.errors import LimberError  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.refine import refine  # noqa: E402

from .conftest import joints_in_blender  # noqa: E402


@pytest.fixture
def motion(scene: Any, make_take: Callable[..., Motion]) -> Motion:
    motion = make_take(noise_rad=0.05)
    fit_scene(scene, motion)
    return motion


def assert_same(a: Motion, b: Motion) -> None:
    for field in fields(Motion):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


def check_joints(scene: Any, person: Any, motion: Motion) -> None:
    places = joints_in_blender(scene, person, range(1, len(motion) + 1))
    np.testing.assert_allclose(places, motion.joints_world, atol=2e-5)


def test_the_slider_works_after_reopening_with_nothing_but_the_blend_file(
    scene: Any, motion: Motion, body: Body, tmp_path: Path
) -> None:
    name = build_character(scene, motion, body).name
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "take.blend"))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "take.blend"))
    scene, person = bpy.context.scene, bpy.data.objects[name]
    assert_same(motion_of(person), motion)
    for smoothness in (0.0, 1.0, 0.3, 0.0):
        apply_smoothness(person, smoothness)
        check_joints(scene, person, refine(motion, smoothness))


def test_smoothing_never_touches_the_raw_capture(scene: Any, motion: Motion) -> None:
    person = build_character(scene, motion)
    raw = bytes(person.animation_data.action[PROPERTY]["motion"])
    for smoothness in (1.0, 0.5):
        apply_smoothness(person, smoothness)
    assert person.animation_data.action[PROPERTY]["motion"] == raw


def test_keys_are_smooth_from_the_start(scene: Any, motion: Motion) -> None:
    check_joints(scene, build_character(scene, motion, smoothness=0.8), refine(motion, 0.8))


def test_a_copied_take_keeps_its_capture(scene: Any, motion: Motion) -> None:
    person = build_character(scene, motion)
    person.animation_data.action = person.animation_data.action.copy()
    assert_same(motion_of(person), motion)


def test_two_people_are_two_collections_and_two_takes(scene: Any, motion: Motion, body: Body) -> None:
    first, second = (build_character(scene, motion, body) for _ in range(2))
    assert first.animation_data.action != second.animation_data.action
    assert len(scene.collection.children) == 2
    for person in (first, second):
        assert {*person.users_collection[0].objects} == {person, *person.children}


def test_a_body_of_another_shape_is_refused_and_nothing_is_made(scene: Any, motion: Motion, body: Body) -> None:
    taller = replace(body, name="taller", v_template=body.v_template * 1.1)
    with pytest.raises(CharacterError, match=r"'tetrahedra'.*'taller'.* mm away"):
        build_character(scene, motion, taller)
    assert not bpy.data.objects
    assert not bpy.data.collections


def test_smoothness_out_of_range_is_refused(scene: Any, motion: Motion) -> None:
    with pytest.raises(LimberError, match="Smoothness"):
        build_character(scene, motion, smoothness=2)
    assert not bpy.data.objects


def test_an_armature_without_a_capture_is_named(scene: Any) -> None:
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    with pytest.raises(CharacterError, match="'Rig' holds no capture"):
        motion_of(armature)
    armature.animation_data_create().action = bpy.data.actions.new("walk")
    with pytest.raises(CharacterError, match="'Rig' holds no capture"):
        apply_smoothness(armature, 0.5)
