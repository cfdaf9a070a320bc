"""Feet that rest, on legs of other proportions."""

from dataclasses import replace

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.retarget.planting import plant_feet, rig_sole_points
from smpl_rig.retarget.retargeting import Performance, Retargeting
from smpl_rig.retarget.rig_map import SIDES
from smpl_rig.soles import sole_points

from .performances import LIBRARY, from_library, walk
from .rigs import Build, BuiltRig, build_rig
from .test_retargeting import A_POSE, IMPORTED, SHORT, limb_errors, turn_between

LONG_SHINS = Build(thigh=0.85, shin=1.2, hips=1.2)
#: Crawling and jumping rest on other things, or hardly.
ON_FEET = tuple(name for name in LIBRARY if "crawl" not in name)


def planted(built: BuiltRig, performance: Performance) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The rig's soles (T, 4, 3), and the heads of its bones."""
    retargeting = Retargeting(built.rig, built.bones, performance.rest_joints)
    pose = plant_feet(retargeting, retargeting.follow(performance), performance)
    turned, heads = built.posed(retargeting.keys(pose))
    return rig_soles(retargeting, turned, heads), heads


def rig_soles(retargeting: Retargeting, turned: dict, heads: dict) -> np.ndarray:
    rig = retargeting.rig
    return np.stack(
        [
            heads[bone] + rotations.rotate(turned[bone], place - rig.heads[rig.index(bone)])
            for bone, place in rig_sole_points(retargeting).values()
        ],
        axis=1,
    )


def skate(soles: np.ndarray, performance: Performance) -> float:
    """Metres per second: how fast, in the mean, soles move over the floor while they rest."""
    speed = np.linalg.norm(np.diff(soles[..., :2], axis=0), axis=-1) / np.diff(performance.times_s)[:, None]
    resting = (performance.contacts[1:] > 0.5) & (performance.contacts[:-1] > 0.5)
    return float(speed[resting].mean())


def soles_of(performance: Performance) -> np.ndarray:
    return sole_points(performance.turned, performance.joints, performance.rest_joints)


@pytest.mark.parametrize("build", [Build(), A_POSE, IMPORTED, LONG_SHINS], ids=["same", "a-pose", "imported", "shins"])
def test_a_toe_that_stands_stands_still(build: Build, rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints)
    soles, heads = planted(build_rig(build, rest_joints), performance)
    assert skate(soles_of(performance), performance) < 1e-6
    assert skate(soles, performance) < 0.005
    toes = soles[:, 1::2, 2][performance.contacts[:, 1::2] > 0.5]
    assert abs(toes).max() < 0.008  # on the floor
    assert limb_errors(build_rig(build, rest_joints), heads, performance).max() < 3


@pytest.mark.parametrize("build", [A_POSE, IMPORTED, LONG_SHINS, SHORT], ids=["a-pose", "imported", "shins", "short"])
@pytest.mark.parametrize("name", ON_FEET)
def test_feet_skate_no_more_than_the_persons(build: Build, name: str, rest_joints: np.ndarray) -> None:
    """For legs as long as the person's."""
    performance = from_library(name, rest_joints)
    built = build_rig(build, rest_joints)
    soles, heads = planted(built, performance)
    scale = Retargeting(built.rig, built.bones, rest_joints).scale
    assert skate(soles, performance) / scale <= skate(soles_of(performance), performance)
    assert limb_errors(built, heads, performance).max() < 3


def test_without_it_feet_would_skate(rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints)
    built = build_rig(LONG_SHINS, rest_joints)
    retargeting = Retargeting(built.rig, built.bones, rest_joints)
    turned, heads = built.posed(retargeting.keys(retargeting.follow(performance)))
    planted_soles, _ = planted(built, performance)
    assert skate(rig_soles(retargeting, turned, heads), performance) > 3 * skate(planted_soles, performance)


def test_contacts_are_found_where_nobody_knows_them(rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints)
    unknown = replace(performance, contacts=np.zeros_like(performance.contacts))
    soles, _ = planted(build_rig(LONG_SHINS, rest_joints), unknown)
    assert skate(soles, performance) < 0.05


def test_who_does_not_touch_the_floor_is_left_alone(rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints, frames=30)
    flying = replace(performance, joints=performance.joints + np.arange(30)[:, None, None] * [0, 0, 0.1])
    flying = replace(flying, contacts=np.zeros_like(performance.contacts))
    built = build_rig(LONG_SHINS, rest_joints)
    retargeting = Retargeting(built.rig, built.bones, rest_joints)
    pose = retargeting.follow(flying)
    np.testing.assert_array_equal(plant_feet(retargeting, pose, flying).place, pose.place)


@pytest.mark.parametrize("build", [LONG_SHINS, SHORT], ids=["shins", "short"])
@pytest.mark.parametrize("name", ON_FEET)
def test_nothing_leaps_where_feet_come_to_rest(build: Build, name: str, rest_joints: np.ndarray) -> None:
    """The pelvis and the feet go hardly less smoothly than when they are not planted."""
    performance = from_library(name, rest_joints)
    built = build_rig(build, rest_joints)
    retargeting = Retargeting(built.rig, built.bones, rest_joints)
    free = retargeting.follow(performance)
    held = plant_feet(retargeting, free, performance)
    rate = 1 / np.diff(performance.times_s)[0]
    before, after = (
        np.percentile(np.linalg.norm(np.diff(pose.place, 2, axis=0), axis=-1), 99) * rate**2 / retargeting.scale
        for pose in (free, held)
    )
    assert after < before + 4  # metres per second squared
    for side in SIDES:
        was, now = (pose.turned[built.bones.joints[f"{side}_ankle"]] for pose in (free, held))
        assert turn_between(now[1:], now[:-1]).max() < 1.1 * turn_between(was[1:], was[:-1]).max()


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames(frames: int, rest_joints: np.ndarray) -> None:
    performance = walk(rest_joints)
    first = Performance(
        performance.turned[:frames], performance.joints[:frames], rest_joints, performance.contacts[:frames],
        performance.times_s[:frames],
    )  # fmt: skip
    soles, _ = planted(build_rig(LONG_SHINS, rest_joints), first)
    assert np.abs(soles[:, 3, 2]).max() < 0.004  # the right foot stands
