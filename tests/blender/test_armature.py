from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

bpy = pytest.importorskip("bpy")

from smpl_rig import kinematics, rotations  # noqa: E402
from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.blender.armature import ROOT_NAME, bone_rotations, create_armature, rest_bones  # noqa: E402
from smpl_rig.skeleton import INDEX, JOINT_NAMES, PARENTS  # noqa: E402


@pytest.fixture
def armature(scene: Any, rest_joints: np.ndarray) -> Any:
    return create_armature(scene.collection, "Person", rest_joints, rest_joints[:, 1].min())


def test_one_root_and_the_24_joints(armature: Any) -> None:
    bones = armature.data.bones
    assert set(bones.keys()) == {ROOT_NAME, *JOINT_NAMES}
    assert [bone.name for bone in bones if bone.parent is None] == [ROOT_NAME]
    for joint, parent in enumerate(PARENTS):
        assert bones[JOINT_NAMES[joint]].parent.name == (ROOT_NAME if parent < 0 else JOINT_NAMES[parent])


def test_root_has_the_axes_of_the_world_and_deforms_nothing(armature: Any) -> None:
    root = armature.data.bones[ROOT_NAME]
    assert not root.use_deform
    np.testing.assert_allclose(root.matrix_local, np.eye(4), atol=1e-7)


def test_rest_is_a_t_pose_upright_on_the_floor_facing_minus_y(armature: Any, rest_joints: np.ndarray) -> None:
    heads = np.array([armature.data.bones[name].head_local for name in JOINT_NAMES])
    np.testing.assert_allclose(heads - heads[0], (rest_joints - rest_joints[0]) @ WORLD_FROM_BODY.T, atol=1e-6)
    assert heads[:, 2].min() == pytest.approx(0, abs=1e-6)
    assert heads[INDEX["left_wrist"], 0] > 0.5  # the left is at the viewer's right
    assert heads[INDEX["left_foot"], 1] < heads[INDEX["left_ankle"], 1] - 0.05  # toes towards the viewer


def test_a_bone_ends_where_the_limb_goes_on(armature: Any) -> None:
    bones = armature.data.bones
    for name, child in (("left_elbow", "left_wrist"), ("right_hip", "right_knee"), ("spine3", "neck")):
        np.testing.assert_allclose(bones[name].tail_local, bones[child].head_local, atol=1e-6)
    assert bones["head"].tail_local.z > bones["head"].head_local.z + 0.1
    assert bones["right_hand"].tail_local.x < bones["right_hand"].head_local.x


def test_roll_follows_the_rule(armature: Any) -> None:
    forward, up = np.array([0, -1, 0]), np.array([0, 0, 1])
    for name in JOINT_NAMES:
        bone = armature.data.bones[name]
        z = np.array(bone.matrix_local)[:3, 2]
        wanted = up if name.endswith(("ankle", "foot")) else forward
        along = np.array((bone.tail_local - bone.head_local).normalized())
        across = wanted - (wanted @ along) * along
        np.testing.assert_allclose(z, across / np.linalg.norm(across), atol=1e-5)


def test_knees_and_elbows_bend_about_x(armature: Any) -> None:
    """A turn about the bone's X alone takes the ankle backwards and the wrist forwards."""
    for name, end, direction in (("left_knee", "left_ankle", 1), ("right_elbow", "right_wrist", -1)):
        bone = armature.pose.bones[name]
        sign = 1 if name.endswith("elbow") else -1
        moved = []
        for angle in (0.0, sign * 0.5):
            bone.rotation_quaternion = (np.cos(angle / 2), np.sin(angle / 2), 0, 0)
            bpy.context.view_layer.update()
            moved.append(np.array(armature.pose.bones[end].head))
        step = moved[1] - moved[0]
        assert step[1] * direction > 0.1


def test_left_and_right_bones_are_mirror_images(armature: Any) -> None:
    mirror = np.array([-1, 1, 1])
    bones = armature.data.bones
    for name in (name for name in JOINT_NAMES if name.startswith("left_")):
        left = np.array(bones[name].matrix_local)
        right = np.array(bones[name.replace("left_", "right_")].matrix_local)
        for column in (1, 2, 3):
            np.testing.assert_allclose(left[:3, column] * mirror, right[:3, column], atol=1e-5)


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT"])
def test_the_users_selection_stays(scene: Any, rest_joints: np.ndarray, mode: str) -> None:
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.active_object
    bpy.ops.object.mode_set(mode=mode)
    create_armature(scene.collection, "Person", rest_joints, 0.0)
    assert bpy.context.view_layer.objects.active == cube
    assert bpy.context.mode == ("OBJECT" if mode == "OBJECT" else "EDIT_MESH")
    assert [selected.name for selected in bpy.context.view_layer.objects if selected.select_get()] == [cube.name]


def test_two_joints_in_one_place_still_make_a_bone(scene: Any, rest_joints: np.ndarray) -> None:
    joints = rest_joints.copy()
    joints[INDEX["left_wrist"]] = joints[INDEX["left_elbow"]]
    armature = create_armature(scene.collection, "Person", joints, 0.0)
    assert "left_elbow" in armature.data.bones


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_bones_turned_in_their_own_axes_stand_where_smpl_puts_the_joints(seed: int, rest_joints: np.ndarray) -> None:
    """Blender's chain, P = P_parent (B_parent^-1 B) basis, against SMPL's, for any rest and any pose."""
    random = np.random.default_rng(seed)
    joints = rest_joints + random.normal(0, 0.02, (24, 3))
    local = rotations.normalize(random.normal(size=(3, 24, 4)))
    bones = rest_bones(joints, floor=float(random.normal()))
    y = (bones.tails - bones.heads) / np.linalg.norm(bones.tails - bones.heads, axis=-1, keepdims=True)
    rest = np.stack((np.cross(y, bones.z_axes), y, bones.z_axes), axis=-1)  # (24, 3, 3)
    basis = rotations.to_matrix(bone_rotations(local, rotations.from_matrix(rest)))
    _, expected = kinematics.forward_kinematics(local, joints, np.zeros((3, 3)))
    for t in range(3):
        turned = np.empty((24, 3, 3))
        heads = np.empty((24, 3))
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                turned[joint], heads[joint] = rest[joint] @ basis[t, joint], expected[t, joint]
            else:
                back = turned[parent] @ rest[parent].T
                turned[joint] = back @ rest[joint] @ basis[t, joint]
                heads[joint] = heads[parent] + back @ (bones.heads[joint] - bones.heads[parent])
        np.testing.assert_allclose(heads, expected[t], atol=1e-9)
