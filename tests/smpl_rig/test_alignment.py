"""Motion of other skeletons against the pose that it was made from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smpl_rig import kinematics, rotations
from smpl_rig.alignment import align
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeletal_motion import SkeletalMotion, SkeletalMotionError
from smpl_rig.skeleton import INDEX, JOINT_NAMES

from ..foreign_figure import Build, Figure, flat_body, foreign_figure

Z_UP = ((1, 0, 0), (0, 0, -1), (0, 1, 0))
FACING_X = ((0, 0, 1), (0, 1, 0), (-1, 0, 0))
angles = st.floats(0, 1.3)
lengths = st.floats(0.5, 1.8)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rotations.log(rotations.multiply(rotations.conjugate(a), b)), axis=-1)


def assert_recovered(figure: Figure, tolerance_rad: float = 1e-6) -> None:
    pose = align(figure.motion, flat_body()).smpl_pose()
    worst = angle(pose.local_rotations, figure.local_rotations).max(axis=0)
    assert worst.max() < tolerance_rad, JOINT_NAMES[worst.argmax()]
    np.testing.assert_allclose(pose.pelvis, figure.pelvis, atol=1e-6)


@given(angles, st.floats(0, 0.4), st.integers(1, 6), lengths, lengths, lengths, st.integers(0, 99))
@settings(max_examples=25)
def test_the_pose_comes_back_from_any_rest_pose_spine_and_proportions(
    arms_down: float, legs_apart: float, spine: int, arm: float, leg: float, trunk: float, seed: int
) -> None:
    assert_recovered(foreign_figure(Build(arms_down, legs_apart, spine, arm, leg, trunk), seed))


@pytest.mark.parametrize("axes", [Z_UP, FACING_X])
@pytest.mark.parametrize("unit", [100.0, 39.37])
def test_the_pose_comes_back_from_other_axes_and_units(axes: tuple[tuple[float, ...], ...], unit: float) -> None:
    assert_recovered(foreign_figure(Build(arms_down=0.8, unit=unit, axes=axes)))


def test_a_rest_pose_that_faces_between_the_axes_is_turned_to_the_front() -> None:
    c, s = np.cos(0.7), np.sin(0.7)
    assert_recovered(foreign_figure(Build(axes=((c, 0, s), (0, 1, 0), (-s, 0, c)))))


def test_shoulders_may_hang_on_the_chest() -> None:
    assert_recovered(foreign_figure(Build(collars=False, spine=2)))


def on_own_axes(motion: SkeletalMotion, seed: int) -> SkeletalMotion:
    """The same motion of a rig whose bones have axes of their own, so that its rest is no standing figure."""
    random = np.random.default_rng(seed)
    axes = rotations.normalize(random.normal(size=(len(motion.names), 4)))
    return motion.with_rest(rotations.conjugate(axes))


@given(st.integers(0, 99))
@settings(max_examples=10)
def test_random_bone_axes_do_not_matter_where_the_first_frame_stands(seed: int) -> None:
    figure = foreign_figure(Build(arms_down=0.5), seed)
    still = np.tile(rotations.IDENTITY, (1, len(figure.motion.names), 1))
    first = replace(figure.motion, local_rotations=still, local_positions=figure.motion.local_positions[:1])
    standing = replace(
        figure.motion,
        local_rotations=np.concatenate((first.local_rotations, figure.motion.local_rotations)),
        local_positions=np.concatenate((first.local_positions, figure.motion.local_positions)),
    )
    rig = on_own_axes(standing, seed)
    rest = dict(zip(rig.names, rig.rest_positions(), strict=True))
    legs = rest["Hips"] - (rest["LeftFoot"] + rest["RightFoot"]) / 2
    assume((rest["Head"] - rest["Hips"]) @ legs < 0)  # by chance, bones may lie as if somebody stood
    pose = align(rig, flat_body()).smpl_pose()
    assert angle(pose.local_rotations[1:], figure.local_rotations).max() < 1e-6
    np.testing.assert_allclose(pose.pelvis[1:], figure.pelvis, atol=1e-6)


def test_standing_at_rest_is_standing_on_the_body() -> None:
    """An A-pose at rest is an A-pose on the body: arms 40 degrees down, the head upright, the feet level."""
    figure = foreign_figure(Build(arms_down=np.deg2rad(40)))
    still = replace(
        figure.motion,
        local_rotations=np.tile(rotations.IDENTITY, (1, len(figure.motion.names), 1)),
        local_positions=figure.motion.local_positions[:1],
    )
    pose = align(still, flat_body()).smpl_pose()
    body = flat_body()
    _, places = kinematics.forward_kinematics(pose.local_rotations, body, pose.pelvis - body[0])
    arm = places[0, INDEX["left_wrist"]] - places[0, INDEX["left_shoulder"]]
    np.testing.assert_allclose(
        arm / np.linalg.norm(arm), [np.cos(np.deg2rad(40)), 0, -np.sin(np.deg2rad(40))], atol=1e-9
    )
    upright = rotations.from_matrix(WORLD_FROM_BODY)
    turned = kinematics.global_rotations(pose.local_rotations)[0]
    for joint in ("pelvis", "head", "left_ankle", "right_foot"):
        assert angle(turned[INDEX[joint]], upright) < 1e-9


def test_upper_arms_of_any_roll_bend_their_elbows_about_the_vertical() -> None:
    """A roll of the upper arm's bone shows nowhere but in the axis about which the elbow bends."""
    figure = foreign_figure(Build(), frames=90)
    motion = figure.motion
    rolled = motion.local_rotations.copy()
    for side in ("Left", "Right"):
        arm, forearm = (motion.names.index(f"{side}{bone}") for bone in ("Arm", "ForeArm"))
        roll = rotations.exp(np.array([0.6, 0, 0]))  # mirror images of each other
        rolled[:, arm] = rotations.multiply(rolled[:, arm], roll)
        rolled[:, forearm] = rotations.multiply(rotations.conjugate(roll), rolled[:, forearm])
    assert_recovered(replace(figure, motion=replace(motion, local_rotations=rolled)), tolerance_rad=np.deg2rad(3))
    assert angle(align(motion, flat_body()).turns, align(replace(motion, local_rotations=rolled), flat_body()).turns)[
        INDEX["left_shoulder"]
    ] == pytest.approx(0.6, abs=np.deg2rad(3))


def test_palms_that_face_forward_at_rest_are_rolled() -> None:
    """With palms forward thumbs point up; half of the quarter turn is the forearm's."""
    figure = foreign_figure(Build())
    motion = figure.motion
    thumbs = {side: motion.names.index(f"{side}Hand") for side in ("Left", "Right")}
    names = (*motion.names, *(f"{side}HandThumb1" for side in thumbs))
    parents = (*motion.parents, *thumbs.values())
    offsets = np.concatenate((motion.offsets, np.array([[0.03, 0.03, 0], [-0.03, 0.03, 0]])))
    frames = np.tile(rotations.IDENTITY, (1, len(names), 1))
    places = offsets[None].copy()
    still = SkeletalMotion(names, parents, offsets, frames, places, 30.0)
    turned, _ = align(still, flat_body()).turned()
    for side, sign in (("left", -1), ("right", -1)):
        hand = turned[0, INDEX[f"{side}_wrist"]]
        np.testing.assert_allclose(rotations.rotate(hand, np.array([0, 0, 1.0])), [0, 1, 0], atol=1e-9)
        forearm = turned[0, INDEX[f"{side}_elbow"]]
        assert angle(forearm, rotations.exp(np.array([sign * np.pi / 4, 0, 0]))) < 1e-9


def test_neither_rest_nor_first_frame_standing_is_said() -> None:
    motion = on_own_axes(foreign_figure(Build(), stir=0.0).motion, 1)
    lying = motion.local_rotations.copy()
    lying[:, 0] = rotations.multiply(rotations.exp(np.array([np.pi / 2, 0, 0.3])), lying[:, 0])
    curled = rotations.normalize(np.random.default_rng(3).normal(size=motion.local_rotations.shape[1:]))
    with pytest.raises(SkeletalMotionError, match="Neither the rest pose nor the first frame"):
        align(replace(motion, local_rotations=np.broadcast_to(curled, lying.shape)), flat_body())


def test_names_of_no_family_are_named() -> None:
    motion = foreign_figure(Build()).motion
    with pytest.raises(SkeletalMotionError, match=r"bone0, bone1, bone2.*fit no known family"):
        align(replace(motion, names=tuple(f"bone{i}" for i in range(len(motion.names)))), flat_body())
