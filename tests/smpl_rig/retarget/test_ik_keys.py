"""Goals and poles: a limb of two bones that is solved for them lies as the pose's."""

from dataclasses import replace

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.retarget.ik_keys import ControlKeys, ik_keys
from smpl_rig.retarget.retargeting import Retargeting, WorldPose
from smpl_rig.retarget.rig import Rig, RigError
from smpl_rig.retarget.rig_map import SIDES, IkControls, RigBones

from .performances import walk
from .rigs import Build, build_rig

UP = np.array([0.0, 0.0, 0.1])
LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))


def with_controls(rest_joints: np.ndarray, carried: bool) -> tuple[Rig, RigBones]:
    """A figure with goals at wrists, ankles and toes, and poles a metre behind elbows and before knees.

    They hang on nothing, or else on the bone that carries the body.
    """
    built = build_rig(Build(rolls=4, object_scale=0.01), rest_joints)
    rig, bones = built.rig, built.bones
    places: dict[str, np.ndarray] = {}
    goals, poles = {}, {}
    for side in SIDES:
        for joint in ("wrist", "ankle", "foot"):
            goals[f"{side}_{joint}"] = f"{side} {joint} goal"
            places[f"{side} {joint} goal"] = rig.heads[rig.index(bones.joints[f"{side}_{joint}"])] + [0, 0, 0.01]
        for joint, ahead in (("elbow", 1.0), ("knee", -1.0)):  # it faces -Y
            poles[f"{side}_{joint}"] = f"{side} {joint} pole"
            places[f"{side} {joint} pole"] = rig.heads[rig.index(bones.joints[f"{side}_{joint}"])] + [0, ahead, 0]
    parent = rig.index(bones.joints["pelvis"]) if carried else -1
    heads = np.vstack((rig.heads, *places.values()))
    rest = rotations.normalize(np.random.default_rng(2).normal(size=(len(heads), 4)))
    rest[: len(rig.names)] = rig.rest
    larger = Rig((*rig.names, *places), (*rig.parents, *[parent] * len(places)), heads, heads + UP, rest, unit_m=0.01)
    return larger, replace(bones, ik=IkControls(goals, poles))


def shown(rig: Rig, keys: ControlKeys, control: str, pose: WorldPose, carrier: str) -> tuple[np.ndarray, np.ndarray]:
    """Where a control is (T, 3), and how it is turned from rest (T, 4), in the world."""
    bone = rig.index(control)
    count = len(pose.place)
    rest = np.tile(rig.rest[bone], (count, 1))
    turned = np.tile(rotations.IDENTITY, (count, 1))
    if control in keys.turns:
        turned = rotations.multiply(rotations.multiply(rest, keys.turns[control]), rotations.conjugate(rest))
    moved = np.zeros((count, 3))
    if control in keys.locations:
        moved = rotations.rotate(np.tile(rig.location_axes[bone], (count, 1)), keys.locations[control] * rig.unit_m)
    place = rig.heads[bone] + moved
    if rig.parents[bone] < 0:
        return place, turned
    above = pose.turned[carrier]
    own = rotations.rotate(above, place - rig.heads[rig.index(carrier)])
    return pose.place + own, rotations.multiply(above, turned)


@pytest.mark.parametrize("carried", [False, True])
def test_goals_lie_where_hands_and_feet_are(carried: bool, rest_joints: np.ndarray) -> None:
    rig, bones = with_controls(rest_joints, carried)
    retargeting = Retargeting(rig, bones, rest_joints)
    pose = retargeting.follow(walk(rest_joints, frames=60))
    keys, heads = ik_keys(retargeting, pose), retargeting.heads(pose)
    for side in SIDES:
        for joint in ("wrist", "ankle", "foot"):
            bone = bones.joints[f"{side}_{joint}"]
            place, turned = shown(rig, keys, f"{side} {joint} goal", pose, retargeting.carrier)
            same = np.abs(np.sum(turned * pose.turned[bone], axis=-1))
            np.testing.assert_allclose(same, 1, atol=1e-9)
            if joint != "foot":  # toes are turned alone
                offset = rotations.rotate(turned, np.tile([0, 0, 0.01], (len(place), 1)))
                np.testing.assert_allclose(place, heads[bone] + offset, atol=1e-6)
    assert "left foot goal" not in keys.locations


@pytest.mark.parametrize("carried", [False, True])
def test_elbows_and_knees_point_to_their_poles(carried: bool, rest_joints: np.ndarray) -> None:
    rig, bones = with_controls(rest_joints, carried)
    retargeting = Retargeting(rig, bones, rest_joints)
    performance = walk(rest_joints, frames=60)
    pose = retargeting.follow(performance)
    keys, heads = ik_keys(retargeting, pose), retargeting.heads(pose)
    bent = 0
    for side in SIDES:
        for start, middle, end in LIMBS:
            root, bend, tip = (heads[bones.joints[f"{side}_{joint}"]] for joint in (start, middle, end))
            pole, _ = shown(rig, keys, f"{side} {middle} pole", pose, retargeting.carrier)
            np.testing.assert_allclose(np.linalg.norm(pole - bend, axis=-1), 1, atol=1e-6)
            line = (tip - root) / np.linalg.norm(tip - root, axis=-1, keepdims=True)
            out, to_pole = (
                vector - np.sum(vector * line, axis=-1, keepdims=True) * line for vector in (bend - root, pole - root)
            )
            is_bent = np.linalg.norm(out, axis=-1) > 0.03  # metres: by more than a few degrees
            cosine = np.sum(out * to_pole, axis=-1) / np.linalg.norm(out, axis=-1) / np.linalg.norm(to_pole, axis=-1)
            assert (cosine[is_bent] > 0.999).all()
            bent += int(is_bent.sum())
    assert bent > 20


def test_a_straight_limb_has_its_pole_where_it_bends(rest_joints: np.ndarray) -> None:
    rig, bones = with_controls(rest_joints, carried=False)
    straight = rest_joints.copy()
    retargeting = Retargeting(rig, bones, straight)
    still = {bone: np.tile(rotations.IDENTITY, (3, 1)) for bone in retargeting.followed}
    pose = WorldPose(still, np.tile(retargeting.places["pelvis"], (3, 1)))
    keys = ik_keys(retargeting, pose)
    for side in SIDES:
        knee, _ = shown(rig, keys, f"{side} knee pole", pose, retargeting.carrier)
        assert (knee[:, 1] < rig.heads[rig.index(bones.joints[f"{side}_knee"]), 1] - 0.5).all()


def test_limbs_own_bones_need_no_keys_then(rest_joints: np.ndarray) -> None:
    rig, bones = with_controls(rest_joints, carried=False)
    retargeting = Retargeting(rig, bones, rest_joints)
    keys = ik_keys(retargeting, retargeting.follow(walk(rest_joints, frames=5)))
    led = {bones.joints[f"{side}_{joint}"] for side in SIDES for limb in LIMBS for joint in (*limb, "foot")}
    assert keys.replaced == led


def test_without_controls_it_says_so(rest_joints: np.ndarray) -> None:
    rig, bones = with_controls(rest_joints, carried=False)
    retargeting = Retargeting(rig, replace(bones, ik=None), rest_joints)
    with pytest.raises(RigError, match="knows no IK controls"):
        ik_keys(retargeting, retargeting.follow(walk(rest_joints, frames=5)))
