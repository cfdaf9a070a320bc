"""Bundled maps on rigs of their kind, with motions of the library."""

from collections.abc import Callable

import numpy as np
import pytest

from smpl_rig.retarget.planting import plant_feet
from smpl_rig.retarget.retargeting import Retargeting
from smpl_rig.retarget.rig import Rig
from smpl_rig.retarget.rig_map import rig_maps

from ...retarget_rigs import kaykit_rig, mpfb_rig
from .performances import LIBRARY, from_library
from .rigs import Build, BuiltRig
from .test_planting import rig_soles, skate, soles_of
from .test_retargeting import limb_errors

MPFB: dict[str, Callable[[], Rig]] = {
    "mixamo": lambda: mpfb_rig("mixamo"),
    "unreal": lambda: mpfb_rig("game_engine"),
    "cmu": lambda: mpfb_rig("cmu_mb"),
}


def fitted(name: str, rig: Rig, rest_joints: np.ndarray) -> tuple[Retargeting, BuiltRig]:
    bones = next(rig_map for rig_map in rig_maps() if rig_map.name == name).found_in(rig.names)
    return Retargeting(rig, bones, rest_joints), BuiltRig(rig, bones, Build(), rig.heads, rig.rest)


RIGS = MPFB | {"kaykit": kaykit_rig}


@pytest.mark.parametrize("motion", [*LIBRARY, "cc0_dance_charleston", "cc0_dance_reach_hip"])
@pytest.mark.parametrize("name", RIGS)
def test_people_on_other_peoples_rigs(name: str, motion: str, rest_joints: np.ndarray) -> None:
    """Limbs within 3 degrees on every frame, and feet that skate no more than the person's, for legs as long."""
    performance = from_library(motion, rest_joints)
    retargeting, built = fitted(name, RIGS[name](), rest_joints)
    pose = plant_feet(retargeting, retargeting.follow(performance), performance)
    turned, heads = built.posed(retargeting.keys(pose))
    assert limb_errors(built, heads, performance).max() < 3
    soles = rig_soles(retargeting, turned, heads)
    assert skate(soles, performance) <= retargeting.scale * skate(soles_of(performance), performance)


def test_wide_hips_give_way_so_that_soles_stay_on_the_floor(rest_joints: np.ndarray) -> None:
    """KayKit's are three times as wide for its legs: turned as the person's, they would lift a foot that rests."""
    performance = from_library("cc0_dance_reach_hip", rest_joints)
    retargeting, built = fitted("kaykit", kaykit_rig(), rest_joints)
    pose = plant_feet(retargeting, retargeting.follow(performance), performance)
    soles = rig_soles(retargeting, *built.posed(retargeting.keys(pose)))
    wanted = retargeting.brought(soles_of(performance), performance)
    away = np.abs(soles - wanted)[..., 2] / retargeting.scale
    assert away[performance.contacts > 0.5].max() < 0.01  # metres, for legs as long as the person's
