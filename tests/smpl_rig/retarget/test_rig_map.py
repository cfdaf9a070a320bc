"""Families of rigs, as data."""

import json
from pathlib import Path
from typing import Any

import pytest

from smpl_rig.joint_map import REQUIRED
from smpl_rig.retarget.rig_map import (
    CHAINS,
    SIDES,
    IkControls,
    RigBones,
    RigMap,
    RigMapError,
    Setting,
    read_rig_map,
    rig_maps,
    save_rig_map,
)


def all_names(rig_map: RigMap) -> list[str]:
    """The first of every bone's possible names."""
    groups = [*rig_map.chains.values(), *rig_map.twists.values()]
    names = [*(options[0] for options in rig_map.joints.values())]
    return names + [options[0] for chain in groups for options in chain]


def smallest() -> dict[str, Any]:
    return {"version": 1, "joints": {joint: f"bone of {joint}" for joint in REQUIRED}}


def write(folder: Path, content: object) -> Path:
    path = folder / "mine.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("rig_map", rig_maps(), ids=lambda rig_map: rig_map.name)
class TestBundledMap:
    def test_finds_everything_in_a_rig_of_its_kind(self, rig_map: RigMap) -> None:
        found = rig_map.found_in(all_names(rig_map))
        assert found.lacking() == []
        assert set(found.all()) == set(all_names(rig_map))

    @pytest.mark.parametrize("dressed", ["Person:{}", "{}"], ids=["namespace", "case"])
    def test_does_not_mind_namespace_or_case(self, rig_map: RigMap, dressed: str) -> None:
        found = rig_map.found_in([dressed.format(name.upper()) for name in all_names(rig_map)])
        assert found.lacking() == []

    def test_takes_its_prefixes_for_granted(self, rig_map: RigMap) -> None:
        for prefix in rig_map.prefixes:
            assert rig_map.found_in([prefix + name for name in all_names(rig_map)]).lacking() == []

    def test_names_no_bone_twice(self, rig_map: RigMap) -> None:
        names = all_names(rig_map)
        assert sorted(set(names)) == sorted(names)

    def test_has_the_same_on_both_sides(self, rig_map: RigMap) -> None:
        for group in (rig_map.joints, rig_map.chains, rig_map.twists):
            left, right = ({name.partition("_")[2] for name in group if name.startswith(side)} for side in SIDES)
            assert left == right
        for chain, bones in rig_map.chains.items():
            if chain.startswith("left"):
                assert len(bones) == len(rig_map.chains[chain.replace("left", "right")])

    def test_says_what_it_is_for(self, rig_map: RigMap) -> None:
        assert rig_map.title
        assert rig_map.about


def test_every_kind_of_rig_that_is_promised_has_a_map() -> None:
    assert {rig_map.name for rig_map in rig_maps()} >= {
        "auto_rig_pro", "character_creator", "daz_genesis_8", "daz_genesis_9", "kaykit", "makehuman", "mixamo",
        "rigify_control", "rigify_deform", "rokoko", "smpl", "unreal", "vrm", "vroid", "xsens",
    }  # fmt: skip


def test_first_name_that_the_rig_has_is_meant(tmp_path: Path) -> None:
    content = smallest()
    content["joints"]["head"] = ["skull", "noggin"]
    rig_map = read_rig_map(write(tmp_path, content))
    assert rig_map.found_in(["noggin"]).joints == {"head": "noggin"}
    assert rig_map.found_in(["noggin", "skull"]).joints == {"head": "skull"}


def test_names_in_any_script_are_told_apart(tmp_path: Path) -> None:
    content = smallest()
    content["joints"] |= {"head": "頭", "pelvis": "センター"}
    found = read_rig_map(write(tmp_path, content)).found_in(["センター", "頭"])
    assert found.joints == {"head": "頭", "pelvis": "センター"}


def test_bones_of_a_chain_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    rig_map = read_rig_map(write(tmp_path, smallest() | {"chains": {"spine": ["one", "two", "three"]}}))
    assert rig_map.found_in(["three", "one"]).chains == {"spine": ("one", "three")}


def test_what_was_found_is_saved_and_found_again(tmp_path: Path) -> None:
    rig_map = next(each for each in rig_maps() if each.name == "rigify_control")
    assert rig_map.ik is not None
    controls = [options[0] for options in (*rig_map.ik.goals.values(), *rig_map.ik.poles.values())]
    names = [*all_names(rig_map), "root", *controls]
    found = rig_map.found_in(names)
    assert found.ik is not None
    save_rig_map(tmp_path / "mine.json", "Mine", found)
    again = read_rig_map(tmp_path / "mine.json")
    assert again.title == "Mine"
    assert again.found_in(names) == found


def test_ik_controls_are_there_with_all_hands_and_feet_or_not_at_all() -> None:
    rig_map = next(each for each in rig_maps() if each.name == "rigify_control")
    assert rig_map.ik is not None
    controls = [options[0] for options in (*rig_map.ik.goals.values(), *rig_map.ik.poles.values())]
    found = rig_map.found_in([*all_names(rig_map), *controls])
    assert found.ik is not None
    assert set(found.ik.all()) == set(controls)
    without_toes = rig_map.found_in([*all_names(rig_map), *(each for each in controls if "toe" not in each)])
    assert without_toes.ik is not None
    assert rig_map.found_in([*all_names(rig_map), *(each for each in controls if each != "hand_ik.L")]).ik is None


def test_on_ik_its_own_settings_go_before_those_for_bones() -> None:
    switch = Setting("leg", "IK_FK", 1.0)
    follow = Setting("torso", "neck_follow", 0.0)
    ik = IkControls({}, settings=(Setting("leg", "IK_FK", 0.0), Setting("leg", "pole_vector", 1.0)))
    bones = RigBones({}, settings=(switch, follow), ik=ik)
    assert set(bones.on_ik().settings) == {follow, *ik.settings}
    assert RigBones({}, settings=(switch,)).on_ik().settings == (switch,)


def test_a_bone_can_be_put_right() -> None:
    rig_map = rig_maps()[0]
    found = rig_map.found_in(all_names(rig_map))
    assert found.with_joint("head", "other").joints["head"] == "other"
    assert found.with_joint("head", None).lacking() == ["head"]
    assert found.with_chain("spine", ["a", "b"]).chains["spine"] == ("a", "b")
    assert "spine" not in found.with_chain("spine", []).chains


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "'version' is 2, this Limber reads up to 1"),
        ({"joints": {"pelvis": "hips"}}, "'joints' lacks 'head'"),
        ({"joints": ["hips"]}, "key 'joints' holds list"),
        ({"bones": {}}, "the key 'bones' is not known"),
        ({"chains": {"tail": ["tail1"]}}, "the chain 'tail' is not known"),
        ({"chains": {"spine": "one"}}, "key 'chains.spine' is 'one', expected a list"),
        ({"chains": {"spine": [3]}}, "key 'chains.spine' is 3"),
        ({"twists": {"head": ["x"]}}, "the limb 'head' is not known"),
        ({"settings": [{"bone": "b"}]}, "key 'settings' holds"),
        ({"ik": {"aims": {}}}, "the key of 'ik' 'aims' is not known"),
        ({"ik": {"goals": {"head": "x"}}}, "the goal 'head' is not known"),
        ({"ik": {"poles": {"left_wrist": "x"}}}, "the pole 'left_wrist' is not known"),
        ({"ik": {"settings": [{"bone": "b"}]}}, "key 'ik.settings' holds"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(RigMapError, match=r"^mine\.json: ") as refused:
        read_rig_map(write(tmp_path, smallest() | change))
    assert said in str(refused.value)


def test_an_unknown_joint_is_named_with_those_that_are_known(tmp_path: Path) -> None:
    content = smallest()
    content["joints"]["left_ear"] = "ear"
    with pytest.raises(RigMapError, match="'left_ear' is not known; expected some of head, left_ankle"):
        read_rig_map(write(tmp_path, content))
    assert set(CHAINS).isdisjoint(content["joints"])


def test_no_json_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{", encoding="utf-8")
    with pytest.raises(RigMapError, match=r"mine\.json: it is no JSON"):
        read_rig_map(tmp_path / "mine.json")
    with pytest.raises(RigMapError, match="cannot be read"):
        read_rig_map(tmp_path / "none.json")
