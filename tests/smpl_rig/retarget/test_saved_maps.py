"""Maps that the user saved."""

import pytest

from smpl_rig.retarget.finding import find_by_names
from smpl_rig.retarget.rig_map import RigMapError, rig_maps, save_rig_map
from smpl_rig.retarget.saved_maps import known_maps, saved_maps_folder

from .test_rig_map import all_names

MIXAMO = next(rig_map for rig_map in rig_maps() if rig_map.name == "mixamo")
NAMES = [f"mixamorig:{name}" for name in all_names(MIXAMO)]


def test_without_any_the_bundled_ones_are_known() -> None:
    assert known_maps() == rig_maps()


def test_a_saved_map_goes_before_a_bundled_one_that_knows_more() -> None:
    bones = MIXAMO.found_in(NAMES).with_chain("neck", [])
    save_rig_map(saved_maps_folder() / "hero.json", "Hero", bones)
    found = find_by_names(NAMES, known_maps())
    assert found is not None
    assert found.how == "Hero"
    assert found.bones == bones


def test_a_character_that_lacks_one_of_its_joints_is_none_of_its_kind() -> None:
    bones = MIXAMO.found_in([*NAMES, "palm"]).with_joint("left_hand", "palm").with_chain("neck", [])
    save_rig_map(saved_maps_folder() / "hero.json", "Hero", bones)
    found = find_by_names(NAMES, known_maps())
    assert found is not None
    assert found.how == "Mixamo"


def test_bones_that_only_follow_a_control_rig_are_not_keyed_for_a_saved_map() -> None:
    control, deform = (
        next(each for each in rig_maps() if each.name == name) for name in ("rigify_control", "rigify_deform")
    )
    names = [*all_names(control), *(setting.bone for setting in control.settings)]
    names += [f"DEF-{name}" for name in all_names(deform)]
    exported = deform.found_in([name for name in names if name.startswith("DEF-")])
    save_rig_map(saved_maps_folder() / "exported.json", "Exported", exported)
    found = find_by_names(names, known_maps())
    assert found is not None
    assert found.how == control.title


def test_a_damaged_one_is_named_with_where_it_lies() -> None:
    saved_maps_folder().mkdir(parents=True)
    (saved_maps_folder() / "broken.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RigMapError, match=r"broken\.json: key 'version' .* take it out of .*rig_maps"):
        known_maps()
