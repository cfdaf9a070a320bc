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


@pytest.mark.parametrize("motion", LIBRARY)
@pytest.mark.parametrize("name", MPFB)
def test_people_on_mpfbs_rigs(name: str, motion: str, rest_joints: np.ndarray) -> None:
    """Limbs within 3 degrees on every frame, feet that skate no more but for what longer feet do."""
    performance = from_library(motion, rest_joints)
    retargeting, built = fitted(name, MPFB[name](), rest_joints)
    pose = plant_feet(retargeting, retargeting.follow(performance), performance)
    turned, heads = built.posed(retargeting.keys(pose))
    assert limb_errors(built, heads, performance).max() < 3
    if performance.contacts.any():
        soles = rig_soles(retargeting, turned, heads)
        assert skate(soles, performance) < 1.1 * retargeting.scale * skate(soles_of(performance), performance)


@pytest.mark.parametrize("motion", LIBRARY)
def test_people_on_kaykits_figure(motion: str, rest_joints: np.ndarray) -> None:
    """Its legs are short and its feet long, so that feet skate a little where limbs are to point as a person's."""
    performance = from_library(motion, rest_joints)
    retargeting, built = fitted("kaykit", kaykit_rig(), rest_joints)
    free = retargeting.follow(performance)
    (turned, heads), (free_turned, free_heads) = (
        built.posed(retargeting.keys(pose)) for pose in (plant_feet(retargeting, free, performance), free)
    )
    assert limb_errors(built, heads, performance).max() < 3
    if "crawl" not in motion:
        soles, free_soles = (
            skate(rig_soles(retargeting, *pose), performance) for pose in ((turned, heads), (free_turned, free_heads))
        )
        assert soles < 0.9 * free_soles
