"""The presets' files, and files that are none."""

import json
from pathlib import Path
from typing import Any

import pytest

from smpl_rig.exports.preset import FOLDER, Preset, PresetError, preset, presets, read_preset
from smpl_rig.skeleton import JOINT_NAMES

every_preset = pytest.mark.parametrize("chosen", presets().values(), ids=lambda each: each.name)


def test_every_program_is_there() -> None:
    assert {*presets()} == {"limber", "unreal", "unity", "godot", "maya", "mixamo"}
    with pytest.raises(PresetError, match=r"no preset 'houdini'\. Choose one of godot"):
        preset("houdini")


@every_preset
def test_left_and_right_are_named_alike(chosen: Preset) -> None:
    for joint in JOINT_NAMES:
        if joint.startswith("left_"):
            left, right = chosen.names[joint], chosen.names[joint.replace("left_", "right_")]
            assert left != right
            assert left.replace("Left", "Right").replace("left_", "right_").removesuffix("_l") == right.removesuffix(
                "_r"
            )


@every_preset
def test_the_file_turns_without_mirroring(chosen: Preset) -> None:
    assert chosen.up[-1] not in (chosen.faces[-1], chosen.backward[-1])
    assert {chosen.faces, chosen.backward} == {chosen.faces[-1], f"-{chosen.faces[-1]}"}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("title", ..., "lacks the key 'title'"),
        ("colour", "red", "has the key 'colour'"),
        ("formats", ["obj"], r"Key 'formats' is \['obj'\]"),
        ("unit_m", 0, "Key 'unit_m' is 0"),
        ("up", "W", "Key 'up' is 'W'"),
        ("faces", "-Z", "Key 'faces' is '-Z', expected an axis at right angles"),
        ("root_bone", "head", "Key 'root_bone' is 'head'"),
        ("root_bone", None, "expected not root, without a root bone"),
        ("root_motion", "feet", "Key 'root_motion' is 'feet'"),
        ("t_pose_first", "yes", "Key 't_pose_first' is 'yes', expected true or false"),
        ("skin", "none", "Key 'skin' is 'none'"),
        ("most_influences", 0, "Key 'most_influences' is 0"),
        ("names", {"pelvis": "Hips"}, "Key 'names'"),
    ],
)
def test_the_wrong_key_is_named(tmp_path: Path, key: str, value: Any, said: str) -> None:
    content = json.loads((FOLDER / "unreal.json").read_text())
    if value is ...:
        del content[key]
    else:
        content[key] = value
    (tmp_path / "own.json").write_text(json.dumps(content))
    with pytest.raises(PresetError, match=rf"own\.json.*{said}"):
        read_preset(tmp_path / "own.json")


def test_no_json_is_said(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text("{")
    with pytest.raises(PresetError, match=r"own\.json is no readable preset"):
        read_preset(tmp_path / "own.json")
