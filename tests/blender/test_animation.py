from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import (  # noqa: E402
    FIRST_FRAME,
    fit_scene,
    frame_rate,
    frames_at,
    set_frame_rate,
    write_motion,
)
from smpl_rig.blender.armature import create_armature  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402

from .conftest import NTSC, joints_in_blender  # noqa: E402


def curves_of(armature: Any) -> list[Any]:
    animation = armature.animation_data
    if bpy.app.version < (4, 4, 0):
        return list(animation.action.fcurves)
    return list(animation.action.layers[0].strips[0].channelbag(animation.action_slot).fcurves)


def key_frames(curve: Any) -> np.ndarray:
    points = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
    curve.keyframe_points.foreach_get("co", points)
    return points[::2]


@pytest.fixture
def animate(scene: Any) -> Callable[[Motion], Any]:
    def make(motion: Motion) -> Any:
        armature = create_armature(scene.collection, "Person", motion.rest_joints, motion.rest_joints[:, 1].min())
        write_motion(armature, motion)
        return armature

    return make


def test_every_frame_stands_where_the_motion_says(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    motion = make_take()
    fit_scene(scene, motion)
    armature = animate(motion)
    assert (scene.frame_start, scene.frame_end) == (1, len(motion))
    places = joints_in_blender(scene, armature, range(1, len(motion) + 1))
    np.testing.assert_allclose(places, motion.joints_world, atol=1e-5)


def test_keys_are_linear_grouped_by_bone_and_on_whole_frames(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    motion = make_take()
    fit_scene(scene, motion)
    curves = curves_of(animate(motion))
    assert len(curves) == 24 * 4 + 3
    for curve in curves:
        assert {key.interpolation for key in curve.keyframe_points} == {"LINEAR"}
        assert curve.group.name == curve.data_path.split('"')[1]
        np.testing.assert_array_equal(key_frames(curve), np.arange(1, len(motion) + 1))


def test_quaternions_do_not_jump(make_take: Callable[..., Motion], animate: Callable[[Motion], Any]) -> None:
    motion = make_take(frames=200, speed=9.0)
    values = np.array([[key.co[1] for key in curve.keyframe_points] for curve in curves_of(animate(motion))[:96]])
    steps = np.linalg.norm(np.diff(values.reshape(24, 4, -1), axis=-1), axis=1)
    assert steps.max() < 1


def test_writing_again_changes_values_and_keeps_times(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    fit_scene(scene, make_take())
    armature = animate(make_take())
    action = armature.animation_data.action
    for curve in curves_of(armature):  # the user stretched the take
        for key in curve.keyframe_points:
            key.co[0] *= 2
    other = make_take(seed=5)
    scene.frame_set(2)
    write_motion(armature, other)
    assert armature.animation_data.action == action
    assert len(curves_of(armature)) == 24 * 4 + 3
    bpy.context.view_layer.update()  # no change of frame is needed to see it
    np.testing.assert_allclose(armature.pose.bones["left_hand"].head, other.joints_world[0, 22], atol=1e-5)
    places = joints_in_blender(scene, armature, range(2, 2 * len(other) + 1, 2))
    np.testing.assert_allclose(places, other.joints_world, atol=1e-5)


def test_another_length_replaces_the_keys(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    fit_scene(scene, make_take())
    armature = animate(make_take())
    shorter = make_take(frames=20, seed=3)
    write_motion(armature, shorter)
    assert {len(curve.keyframe_points) for curve in curves_of(armature)} == {20}
    places = joints_in_blender(scene, armature, range(1, 21))
    np.testing.assert_allclose(places, shorter.joints_world, atol=1e-5)


def test_a_scene_of_another_rate_keeps_the_take_in_real_time(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    set_frame_rate(scene, 24)
    motion = make_take()
    armature = animate(motion)
    places = joints_in_blender(scene, armature, FIRST_FRAME + motion.timestamps_s * 24)
    np.testing.assert_allclose(places, motion.joints_world, atol=1e-4)


def test_variable_rate_keeps_true_times(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    motion = make_take()
    uneven = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, len(motion)))
    motion = replace(motion, timestamps_s=uneven, mocap_framerate=25)
    fit_scene(scene, motion)
    frames = key_frames(curves_of(animate(motion))[0])
    np.testing.assert_allclose((frames - FIRST_FRAME) / 25, uneven, atol=1e-5)
    assert scene.frame_start <= frames[0]
    assert scene.frame_end >= frames[-1]


@given(
    rate=st.sampled_from(
        [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60000, 1001), Fraction(120)]
    ),
    first=st.integers(0, 500),
    decimals=st.sampled_from([3, 6, 12]),
)
def test_constant_rate_lands_on_whole_frames_however_the_container_rounds(
    rate: Fraction, first: int, decimals: int
) -> None:
    numbers = np.arange(first, first + 1000)
    if decimals == 3 and rate > 60:
        return  # a millisecond is an eighth of such a frame
    times = np.round(numbers * float(1 / rate), decimals)
    np.testing.assert_array_equal(frames_at(times, float(rate)), FIRST_FRAME + numbers)


def test_frames_between_the_scenes_frames_are_not_rounded() -> None:
    np.testing.assert_allclose(frames_at(np.arange(10) / 60, 30), 1 + np.arange(10) / 2)


@settings(max_examples=30, deadline=None)
@given(numerator=st.integers(1000, 240000), denominator=st.sampled_from([1000, 1001]))
def test_any_rate_is_set_exactly(numerator: int, denominator: int) -> None:
    scene = bpy.context.scene
    set_frame_rate(scene, numerator / denominator)
    assert frame_rate(scene) == pytest.approx(numerator / denominator, rel=1e-6)


def test_ntsc_is_30_over_1001_thousandths(scene: Any) -> None:
    set_frame_rate(scene, NTSC)
    assert scene.render.fps == 30
    assert scene.render.fps_base == pytest.approx(1.001)


def test_two_people_share_the_footages_clock(scene: Any, make_take: Callable[..., Motion]) -> None:
    first = make_take()
    late = replace(first, timestamps_s=first.timestamps_s + 90 / NTSC)
    fit_scene(scene, first, late)
    assert (scene.frame_start, scene.frame_end) == (1, 90 + len(first))


def test_writing_again_moves_the_handles_of_keys_that_the_user_made_round(
    scene: Any, make_take: Callable[..., Motion], animate: Callable[[Motion], Any]
) -> None:
    fit_scene(scene, make_take())
    armature = animate(make_take())
    curve = curves_of(armature)[0]
    for key in curve.keyframe_points:
        key.interpolation = "BEZIER"
    write_motion(armature, make_take(seed=5))
    again = curves_of(armature)[0]
    middle = again.keyframe_points[5]
    before = middle.handle_left[:]
    again.update()
    assert middle.handle_left[:] == pytest.approx(before)
    assert middle.handle_left[0] < middle.co[0]
