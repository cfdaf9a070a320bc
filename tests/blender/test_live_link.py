"""Targets that follow a person without keys."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Matrix  # noqa: E402

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import apply_smoothness, build_character  # noqa: E402
from smpl_rig.blender.live_link import is_linked, link, unlink  # noqa: E402
from smpl_rig.blender.retarget import find_rig_bones, performance_of, retarget_person  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.retarget.retargeting import Retargeting  # noqa: E402
from smpl_rig.retarget.rig import RigError  # noqa: E402

from ..retarget_rigs import mpfb_bones  # noqa: E402
from .retarget_scenes import armature_of, limb_errors, walking  # noqa: E402

FRAMES = (1, 15, 30)


@pytest.fixture
def person(scene: Any, rest_joints: np.ndarray, make_motion: Callable[..., Motion]) -> Any:
    motion = walking(rest_joints, make_motion, frames=30)
    fit_scene(scene, motion)
    return build_character(scene, motion, None, "Walker", 0.0)


def test_limbs_point_as_the_persons_do(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    assert is_linked(target)
    assert target.animation_data is None or target.animation_data.action is None
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 0.1
    apply_smoothness(person, 1.0)
    person.matrix_world = Matrix.Translation((1, 2, 0)) @ Matrix.Rotation(0.7, 4, "Z")
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 0.1


def test_the_carrier_is_where_retargeting_puts_it(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("game_engine"))
    target.matrix_world = Matrix.Translation((3, 0, 0)) @ Matrix.Rotation(1.0, 4, "Z")
    bpy.context.view_layer.update()
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    from smpl_rig.blender.rig_reading import read_rig

    performance, _ = performance_of(person)
    retargeting = Retargeting(read_rig(target, bones)[0], bones, performance.rest_joints)
    expected = retargeting.follow(performance).place
    for frame in FRAMES:
        scene.frame_set(frame)
        shown = target.evaluated_get(bpy.context.evaluated_depsgraph_get())
        place = shown.matrix_world @ shown.pose.bones[retargeting.carrier].head
        np.testing.assert_allclose(place, expected[frame - 1], atol=1e-3)


def test_letting_go_leaves_nothing_behind(scene: Any, person: Any) -> None:
    target = armature_of(mpfb_bones("mixamo"))
    objects, collections = set(bpy.data.objects), set(bpy.data.collections)
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    link(target, person, bones)  # again: it is linked once
    unlink(target)
    assert not is_linked(target)
    assert set(bpy.data.objects) == objects
    assert set(bpy.data.collections) == collections


def test_baking_goes_before_the_link_of_an_earlier_day(scene: Any, person: Any) -> None:
    """A link is no part of the rig, so that its bones are read as without it."""
    target = armature_of(mpfb_bones("mixamo"))
    bones = find_rig_bones(target).bones
    link(target, person, bones)
    assert find_rig_bones(target).bones == bones
    unlink(target)
    retarget_person(target, person, bones)
    assert limb_errors(scene, target, bones, person, FRAMES).max() < 3


def test_nobody_follows_itself(scene: Any, person: Any) -> None:
    with pytest.raises(RigError, match="cannot follow itself"):
        link(person, person, find_rig_bones(person).bones)
