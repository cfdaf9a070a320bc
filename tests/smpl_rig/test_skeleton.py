"""SMPL's tree, against what Loper et al. 2015 and the smplx package's joint list say."""

import numpy as np

from smpl_rig.axes import BLENDER_CAMERA_FROM_CAMERA, WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body_parts import BODY_PARTS
from smpl_rig.skeleton import CONTACT_NAMES, INDEX, JOINT_COUNT, JOINT_NAMES, MIRROR, PARENTS


def chain(name: str) -> list[str]:
    """From a joint up to the pelvis."""
    names = [name]
    while (parent := PARENTS[INDEX[names[-1]]]) >= 0:
        names.append(JOINT_NAMES[parent])
    return names


def test_limbs_hang_where_they_should() -> None:
    assert chain("left_hand") == [
        *(f"left_{part}" for part in ("hand", "wrist", "elbow", "shoulder", "collar")),
        *("spine3", "spine2", "spine1", "pelvis"),
    ]
    assert chain("right_foot") == [*(f"right_{part}" for part in ("foot", "ankle", "knee", "hip")), "pelvis"]
    assert chain("head") == ["head", "neck", "spine3", "spine2", "spine1", "pelvis"]


def test_one_root_and_parents_first() -> None:
    assert len(PARENTS) == JOINT_COUNT == len(set(JOINT_NAMES)) == 24
    assert [parent < joint for joint, parent in enumerate(PARENTS)] == [True] * 24
    assert [joint for joint, parent in enumerate(PARENTS) if parent < 0] == [0]


def test_mirroring_twice_changes_nothing_and_keeps_the_tree() -> None:
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(24))
    for joint, parent in enumerate(PARENTS):
        assert PARENTS[MIRROR[joint]] == (MIRROR[parent] if parent >= 0 else -1)
    assert {JOINT_NAMES[joint] for joint in range(24) if MIRROR[joint] == joint} == {
        *("pelvis", "spine1", "spine2", "spine3", "neck", "head")
    }


def test_the_left_is_on_the_left(rest_joints: np.ndarray) -> None:
    for name in JOINT_NAMES:
        if name.startswith("left_"):
            assert rest_joints[INDEX[name], 0] > 0
            assert MIRROR[INDEX[name]] == INDEX[name.replace("left_", "right_")]


def test_contacts_are_of_both_feet() -> None:
    assert CONTACT_NAMES == ("left_heel", "left_toe", "right_heel", "right_toe")


def test_changes_of_axes_are_rotations() -> None:
    for matrix in (WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA, BLENDER_CAMERA_FROM_CAMERA):
        np.testing.assert_array_equal(matrix @ matrix.T, np.eye(3))
        assert np.linalg.det(matrix) == 1


def test_axes_point_where_they_say() -> None:
    up, forward, left = np.array([0, 1, 0]), np.array([0, 0, 1]), np.array([1, 0, 0])  # of the body
    np.testing.assert_array_equal(WORLD_FROM_BODY @ up, [0, 0, 1])
    np.testing.assert_array_equal(WORLD_FROM_BODY @ forward, [0, -1, 0])
    np.testing.assert_array_equal(WORLD_FROM_BODY @ left, [1, 0, 0])
    # of a camera
    np.testing.assert_array_equal(WORLD_FROM_LEVEL_CAMERA @ [0, 1, 0], [0, 0, -1])
    np.testing.assert_array_equal(WORLD_FROM_LEVEL_CAMERA @ [0, 0, 1], [0, 1, 0])
    np.testing.assert_array_equal(BLENDER_CAMERA_FROM_CAMERA @ [0, 0, 1], [0, 0, -1])


def test_every_joint_belongs_to_one_part_of_the_body() -> None:
    moved = [joint for joints in BODY_PARTS.values() for joint in joints]
    assert sorted(moved) == sorted(JOINT_NAMES)
