"""Poses on rigs, against the person they come from."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.retarget.retargeting import Performance, Retargeting
from smpl_rig.retarget.rig import Rig, RigError
from smpl_rig.retarget.rig_map import SIDES
from smpl_rig.skeleton import INDEX, JOINT_NAMES

from ...foreign_figure import flat_body
from .performances import LIBRARY, from_library, on_floor, over_and_over, walk
from .rigs import Build, BuiltRig, build_rig

LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
A_POSE = Build(
    arms_down=0.8, arms_forward=0.15, legs_apart=0.12, thigh=0.8, shin=1.1, arm=0.9, hips=1.3, spine=5, neck=2
)
IMPORTED = replace(
    A_POSE, object_rotation=tuple(rotations.exp(np.array([np.pi / 2, 0, 0]))), object_scale=0.01, facing=np.pi, rolls=3
)
SHORT = Build(arms_down=1.2, thigh=0.4, shin=0.35, arm=0.6, trunk=0.7, hips=0.9, spine=1, neck=0, collars=0, toes=False)


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(..., 3) and (..., 3) -> (...) degrees."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1)))


def limb_errors(built: BuiltRig, heads: dict[str, np.ndarray], performance: Performance) -> np.ndarray:
    """(T, 8) degrees between the rig's limbs and the person's, in the world."""
    errors = []
    for side in SIDES:
        for start, end in LIMBS:
            ours, theirs = (
                np.subtract(*pair)
                for pair in (
                    (heads[built.bones.joints[f"{side}_{end}"]], heads[built.bones.joints[f"{side}_{start}"]]),
                    (performance.joints[:, INDEX[f"{side}_{end}"]], performance.joints[:, INDEX[f"{side}_{start}"]]),
                )
            )
            errors.append(angles(ours, theirs))
    return np.stack(errors, axis=-1)


def retargeted(built: BuiltRig, performance: Performance) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    retargeting = Retargeting(built.rig, built.bones, performance.rest_joints)
    return built.posed(retargeting.keys(retargeting.follow(performance)))


@pytest.mark.parametrize("build", [Build(), A_POSE, IMPORTED, SHORT], ids=["t-pose", "a-pose", "imported", "short"])
@pytest.mark.parametrize("name", LIBRARY)
def test_limbs_point_as_the_persons_do_in_motions_of_the_library(
    build: Build, name: str, rest_joints: np.ndarray
) -> None:
    performance = from_library(name, rest_joints)
    built = build_rig(build, rest_joints)
    _, heads = retargeted(built, performance)
    assert limb_errors(built, heads, performance).max() < 0.01


@given(
    st.floats(0, 1.4), st.floats(-0.5, 0.5), st.floats(0, 0.4), st.integers(1, 6), st.integers(0, 3), st.integers(0, 2),
    st.floats(-3, 3), st.integers(0, 3), st.floats(0.01, 100), st.integers(0, 99), st.booleans(),
)  # fmt: skip
@settings(max_examples=30)
def test_limbs_point_as_the_persons_do_on_any_rig(
    arms_down: float, arms_forward: float, legs_apart: float, spine: int, neck: int, collars: int,
    facing: float, up: int, scale: float, rolls: int, twists: bool,
) -> None:  # fmt: skip
    body = flat_body()
    built = build_rig(
        Build(
            arms_down=arms_down, arms_forward=arms_forward, legs_apart=legs_apart, spine=spine, neck=neck,
            collars=collars, facing=facing, object_rotation=turned_object(facing, up), object_scale=scale,
            rolls=rolls, twists=twists, thigh=0.7, arm=1.3,
        ),
        body,
    )  # fmt: skip
    performance = walk(body, frames=12)
    turned, heads = retargeted(built, performance)
    assert limb_errors(built, heads, performance).max() < 1e-3
    for joint in ("pelvis", "head"):
        expected = rotations.multiply(performance.turned[:, INDEX[joint]], np.tile(facing_of(built), (12, 1)))
        assert turn_between(turned[built.bones.joints[joint]], expected).max() < 1e-3


def turned_object(facing: float, up: int) -> tuple[float, ...]:
    """An object whose own axes are turned by quarters (Y up, say), and then about the vertical."""
    quarters = rotations.exp(np.array([up * np.pi / 2, 0, 0]))
    return tuple(rotations.multiply(rotations.exp(np.array([0, 0, facing])), quarters))


def facing_of(built: BuiltRig) -> np.ndarray:
    """(4,) from the rig's rest pose in the world to the body's axes."""
    turn = np.array([np.cos(built.build.facing / 2), 0, 0, -np.sin(built.build.facing / 2)])
    return rotations.multiply(rotations.from_matrix(WORLD_FROM_BODY.T), turn)


def turn_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(T, 4) and (T, 4) -> (T,) degrees."""
    return np.degrees(np.linalg.norm(rotations.log(rotations.multiply(rotations.conjugate(a), b)), axis=-1))


@pytest.mark.parametrize("build", [A_POSE, SHORT])
def test_the_hips_follow_a_path_scaled_by_the_legs_from_the_same_place(build: Build, rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints)
    built = build_rig(build, rest_joints)
    _, heads = retargeted(built, performance)
    ours = (heads["leftLhip"] + heads["rightLhip"]) / 2
    theirs = performance.joints[:, 1:3].mean(axis=1)
    legs = [
        sum(np.linalg.norm(joints[f"left_{a}"] - joints[f"left_{b}"]) for a, b in (("hip", "knee"), ("knee", "ankle")))
        for joints in (
            {joint: built.rig.heads[built.rig.index(bone)] for joint, bone in built.bones.joints.items()},
            dict(zip(JOINT_NAMES, rest_joints, strict=True)),
        )
    ]
    travelled = (theirs - theirs[0])[:, :2] * legs[0] / legs[1]
    np.testing.assert_allclose((ours - ours[0])[:, :2], travelled, atol=1e-6)
    np.testing.assert_allclose(heads["b0"][0, :2], performance.joints[0, 0, :2], atol=0.05)


@pytest.mark.parametrize("build", [Build(), IMPORTED, SHORT])
def test_one_who_stands_stands_on_the_floor(build: Build, rest_joints: np.ndarray) -> None:
    local = np.tile(rotations.IDENTITY, (2, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    performance = on_floor(local, np.zeros((2, 3)), rest_joints, 30.0)
    built = build_rig(build, rest_joints)
    _, heads = retargeted(built, performance)
    for side in SIDES:
        at_rest = built.rig.heads[built.rig.index(built.bones.joints[f"{side}_ankle"])][2]
        assert heads[built.bones.joints[f"{side}_ankle"]][0, 2] == pytest.approx(at_rest, abs=0.012 * (1 + build.thigh))


def test_a_longer_spine_shares_the_same_bend(rest_joints: np.ndarray) -> None:
    bend = 0.3  # of each of SMPL's three
    local = np.tile(rotations.IDENTITY, (3, 24, 1))
    for number in (1, 2, 3):
        local[:, INDEX[f"spine{number}"]] = rotations.exp(np.array([bend, 0, 0]))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    performance = on_floor(local, np.zeros((3, 3)), rest_joints, 30.0)
    for count in (1, 2, 4, 6):
        built = build_rig(Build(spine=count), rest_joints)
        turned, _ = retargeted(built, performance)
        for number in range(1, count + 1):
            angle = np.linalg.norm(rotations.log(turned[f"back{number}"]), axis=-1)
            np.testing.assert_allclose(angle, 3 * bend * number / count, atol=1e-6)


def test_twist_bones_share_the_roll(rest_joints: np.ndarray) -> None:
    """Half along the upper arm half of its roll, half along the forearm half of the hand's."""
    local = np.tile(rotations.IDENTITY, (2, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    body = flat_body()
    for joint in ("left_shoulder", "left_wrist"):
        local[:, INDEX[joint]] = rotations.exp(np.array([0.8, 0, 0]))  # the arm lies along x
    performance = on_floor(local, np.zeros((2, 3)), body, 30.0)
    built = build_rig(Build(twists=True), body)
    turned, _ = retargeted(built, performance)
    for bone, angle in (
        ("leftAshoulder", 0.8), ("leftAshouldertwist", 0.4), ("leftAelbow", 0.8), ("leftAelbowtwist", 1.2),
        ("leftAwrist", 1.6),
    ):  # fmt: skip
        np.testing.assert_allclose(rotations.log(turned[bone]), np.tile([angle, 0, 0], (2, 1)), atol=1e-6)


def test_keys_do_not_leap(rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints)
    built = build_rig(IMPORTED, rest_joints)
    retargeting = Retargeting(built.rig, built.bones, rest_joints)
    for turns in retargeting.keys(retargeting.follow(performance)).turns.values():
        assert (np.sum(turns[1:] * turns[:-1], axis=-1) > 0.9).all()


def test_a_performance_is_moved_as_a_whole(rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints, frames=5)
    turn, step = rotations.exp(np.array([0, 0, 1.0])), np.array([3.0, -2.0, 0.5])
    moved = performance.moved(turn, step)
    built = build_rig(A_POSE, rest_joints)
    _, before = retargeted(built, performance)
    _, after = retargeted(built, moved)
    for name in ("skull", "leftLankle"):
        np.testing.assert_allclose(
            after[name] - after["b0"], rotations.rotate(np.tile(turn, (5, 1)), before[name] - before["b0"]), atol=1e-9
        )


class TestRefusal:
    def test_a_joint_without_a_bone(self, rest_joints: np.ndarray) -> None:
        built = build_rig(Build(), rest_joints)
        with pytest.raises(RigError, match="No bone is chosen for left_knee"):
            Retargeting(built.rig, built.bones.with_joint("left_knee", None), rest_joints)

    def test_a_bone_that_is_not_there(self, rest_joints: np.ndarray) -> None:
        built = build_rig(Build(), rest_joints)
        with pytest.raises(RigError, match="no bone 'tail'"):
            Retargeting(built.rig, built.bones.with_joint("head", "tail"), rest_joints)

    def test_one_bone_for_two_joints(self, rest_joints: np.ndarray) -> None:
        built = build_rig(Build(), rest_joints)
        with pytest.raises(RigError, match="One bone is chosen for two joints"):
            Retargeting(built.rig, built.bones.with_joint("right_foot", "leftLtoes"), rest_joints)

    def test_a_rig_that_lies(self, rest_joints: np.ndarray) -> None:
        built = build_rig(Build(), rest_joints)
        lying = rotations.rotate(rotations.exp(np.array([1.5, 0, 0])), built.rig.heads)
        with pytest.raises(RigError, match="its trunk leans by 88 degrees"):
            Retargeting(replace(built.rig, heads=lying), built.bones, rest_joints)

    def test_a_limb_without_length(self, rest_joints: np.ndarray) -> None:
        built = build_rig(Build(), rest_joints)
        heads = built.rig.heads.copy()
        heads[built.rig.index("leftAelbow")] = heads[built.rig.index("leftAshoulder")]
        with pytest.raises(RigError, match="'leftAshoulder' and 'leftAelbow' begin at the same place"):
            Retargeting(replace(built.rig, heads=heads), built.bones, rest_joints)

    def test_a_pelvis_that_does_not_carry_the_legs(self, rest_joints: np.ndarray) -> None:
        built = build_rig(Build(), rest_joints)
        parents = list(built.rig.parents)
        parents[built.rig.index("leftLhip")] = 0
        with pytest.raises(RigError, match="'leftLhip' does not hang on 'b0'"):
            Retargeting(replace(built.rig, parents=tuple(parents), turns_with=tuple(parents)), built.bones, rest_joints)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"names": ("a", "a")}, "same name"),
            ({"parents": (-1, 1)}, "a bone before it"),
            ({"heads": np.full((2, 3), np.nan)}, "'heads'"),
            ({"tails": np.zeros((3, 3))}, "'tails'"),
        ],
    )
    def test_no_rig(self, change: dict, said: str) -> None:
        parts = {
            "names": ("a", "b"), "parents": (-1, 0), "heads": np.zeros((2, 3)), "tails": np.ones((2, 3)),
            "rest": np.tile(rotations.IDENTITY, (2, 1)),
        }  # fmt: skip
        with pytest.raises(RigError, match=said):
            Rig(**(parts | change))


def test_ten_times_the_frames_take_about_ten_times_as_long(rest_joints: np.ndarray) -> None:
    """How long itself is `make bench`'s to tell: machines and what runs beside differ."""
    performance = walk(rest_joints, frames=100)
    built = build_rig(replace(A_POSE, twists=True), rest_joints)

    def taken_s(repeats: int) -> float:
        many = over_and_over(performance, repeats)
        began = time.thread_time()
        retargeting = Retargeting(built.rig, built.bones, rest_joints)
        retargeting.keys(retargeting.follow(many))
        return time.thread_time() - began

    assert min(taken_s(100) for _ in range(2)) < 30 * min(taken_s(10) for _ in range(3))
