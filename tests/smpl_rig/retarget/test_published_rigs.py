"""Bundled maps on rigs of programs that cannot be run here."""

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.retarget.finding import find_bones, find_by_shape
from smpl_rig.retarget.planting import plant_feet
from smpl_rig.retarget.retargeting import Retargeting
from smpl_rig.retarget.rig_map import JOINTS
from smpl_rig.skeleton import INDEX

from ...conftest import plain_adult
from ...foreign_figure import flat_body
from .performances import from_library, on_floor
from .published_rigs import PUBLISHED
from .rigs import Build, BuiltRig
from .test_planting import rig_soles, skate, soles_of
from .test_retargeting import limb_errors

#: Bones between those that bend, which do not bend.
STILL = ("pelvis", "metatarsal", "metacarpal")


def fitted(name: str, rest_joints: np.ndarray) -> tuple[Retargeting, BuiltRig]:
    rig, _ = PUBLISHED[name].build(rest_joints)
    retargeting = Retargeting(rig, find_bones(rig).bones, rest_joints)
    return retargeting, BuiltRig(rig, retargeting.bones, Build(), rig.heads, rig.rest)


@pytest.mark.parametrize("name", PUBLISHED)
def test_its_map_is_found_and_every_joint_where_it_is(name: str) -> None:
    rig, joints = PUBLISHED[name].build(plain_adult())
    found = find_bones(rig)
    assert found.how == PUBLISHED[name].title
    taken = Retargeting(rig, found.bones, plain_adult()).bones.joints
    for joint in set(joints) & set(JOINTS) - {"pelvis", "left_hand", "right_hand"}:
        assert taken[joint] == joints[joint], joint
    assert rig.index(joints["pelvis"]) <= rig.index(taken["pelvis"])
    for chain, top in (("spine", "neck"), ("neck", "head")):
        ends = [rig.index(joints[end]) for end in (top, "left_collar") if end in joints]
        assert all(any(rig.index(bone) in rig.ancestors(end) for end in ends) for bone in found.bones.chains[chain])


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_bone_that_bends_is_known(name: str) -> None:
    """But for those that only deform a little: shared, corrective, metacarpals, toes and face."""
    rig, _ = PUBLISHED[name].build(plain_adult())
    known = find_bones(rig).bones.all()
    between = {above for bone in known for above in rig.ancestors(rig.index(bone))} - {
        rig.index(bone) for bone in known
    }
    for bone in between:
        name_of = rig.names[bone].lower()
        assert not rig.heads[bone].any() or name_of == "bip01" or any(part in name_of for part in STILL), name_of


@pytest.mark.parametrize("motion", ["cmu_fbx_walk_07_01", "cmu_salsa_03", "cmu_soccer_train_1", "cc0_crawl"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_people_on_it(name: str, motion: str, rest_joints: np.ndarray) -> None:
    performance = from_library(motion, rest_joints, frames=80)
    retargeting, built = fitted(name, rest_joints)
    pose = plant_feet(retargeting, retargeting.follow(performance), performance)
    turned, heads = built.posed(retargeting.keys(pose))
    assert limb_errors(built, heads, performance).max() < 3
    soles = rig_soles(retargeting, turned, heads)
    assert skate(soles, performance) <= retargeting.scale * skate(soles_of(performance), performance)


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("Daz Genesis 8", {"lShldrBend": 0.5, "lShldrTwist": 1, "lForearmBend": 1, "lForearmTwist": 1.5, "lHand": 2}),
        ("Daz Genesis 9", {"l_upperarmtwist1": 0.33, "l_upperarmtwist2": 0.66, "l_forearmtwist2": 1.66, "l_hand": 2}),
        ("Character Creator", {"CC_Base_L_UpperarmTwist01": 0.1, "CC_Base_L_UpperarmTwist02": 0.5,
                               "CC_Base_L_ForearmTwist02": 1.5, "CC_Base_L_Hand": 2}),
        ("Auto-Rig Pro", {"c_arm_twist_offset.l": 0.5, "arm_stretch.l": 1, "forearm_stretch.l": 1,
                          "forearm_twist.l": 1.5, "hand.l": 2}),
        ("Unreal 5", {"upperarm_twist_01_l": 0.33, "lowerarm_twist_02_l": 1.33, "lowerarm_twist_01_l": 1.66}),
    ],
)  # fmt: skip
def test_roll_is_shared_along_its_twist_bones(name: str, shares: dict[str, float]) -> None:
    """Of an arm rolled by so much at the shoulder and again at the wrist, on a rig whose arms lie level."""
    roll = 0.8
    body = flat_body()
    local = np.tile(rotations.IDENTITY, (2, 24, 1))
    local[:, 0] = rotations.from_matrix(WORLD_FROM_BODY)
    for joint in ("left_shoulder", "left_wrist"):
        local[:, INDEX[joint]] = rotations.exp(np.array([roll, 0, 0]))
    retargeting, built = fitted(name, body)
    turned, _ = built.posed(retargeting.keys(retargeting.follow(on_floor(local, np.zeros((2, 3)), body, 30.0))))
    at_rest, _ = built.posed(retargeting.keys(retargeting.follow(on_floor(
        np.concatenate((local[:, :1], np.tile(rotations.IDENTITY, (2, 23, 1))), axis=1), np.zeros((2, 3)), body, 30.0
    ))))  # fmt: skip
    for bone, share in shares.items():
        further = rotations.multiply(turned[bone], rotations.conjugate(at_rest[bone]))
        np.testing.assert_allclose(rotations.log(further), np.tile([share * roll, 0, 0], (2, 1)), atol=1e-6)


# MakeHuman's second collar bone begins so near to the shoulder that its arm could well begin there
@pytest.mark.parametrize("name", sorted({*PUBLISHED} - {"MakeHuman"}))
def test_shape_finds_its_limbs_too(name: str, rest_joints: np.ndarray) -> None:
    rig, joints = PUBLISHED[name].build(rest_joints)
    shaped = find_by_shape(rig).bones.joints
    for joint in set(joints) & set(shaped) - {"pelvis"}:
        assert shaped[joint] == joints[joint], joint
