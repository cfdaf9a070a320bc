"""Families of joints' names."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.joint_map import OPTIONAL, REQUIRED, JointMap, joint_maps, read_joint_map, recognise
from smpl_rig.skeletal_motion import SkeletalMotion, SkeletalMotionError


def skeleton(names: tuple[str, ...]) -> SkeletalMotion:
    count = len(names)
    return SkeletalMotion(
        names,
        (-1, *(0,) * (count - 1)),
        np.zeros((count, 3)),
        np.tile(rotations.IDENTITY, (1, count, 1)),
        np.zeros((1, count, 3)),
        30.0,
    )


@pytest.mark.parametrize("family", joint_maps(), ids=lambda family: family.name)
def test_every_family_is_recognised_as_itself(family: JointMap) -> None:
    names = {joint: options[0] for joint, options in family.joints.items()}
    assert recognise(skeleton(tuple(dict.fromkeys(names.values())))) == names
    assert family.about


@pytest.mark.parametrize("family", joint_maps(), ids=lambda family: family.name)
def test_left_and_right_are_named_alike(family: JointMap) -> None:
    """The same words on both sides but for what says the side."""
    for joint, options in family.joints.items():
        if joint.startswith("left_"):
            others = family.joints[joint.replace("left_", "right_")]
            assert len(others) == len(options)
            for left, right in zip(options, others, strict=True):
                assert left != right
                assert [a for a, b in zip(left[::-1], right[::-1], strict=False) if a == b], (left, right)


def test_a_prefix_before_a_colon_is_no_part_of_the_name() -> None:
    family = next(family for family in joint_maps() if family.name == "left_up_leg")
    names = tuple(f"mixamorig:{family.joints[joint][0]}" for joint in REQUIRED)
    found = recognise(skeleton(names))
    assert found["left_knee"] == "mixamorig:LeftLeg"
    assert not set(found) & set(OPTIONAL)


def test_the_first_name_of_several_that_is_there_is_meant() -> None:
    family = next(family for family in joint_maps() if family.name == "left_up_leg")
    names = tuple(family.joints[joint][0] for joint in REQUIRED)
    assert recognise(skeleton((*names, "LeftHandEnd", "LeftHandIndex1")))["left_hand"] == "LeftHandIndex1"


def test_what_the_nearest_family_lacks_is_said() -> None:
    family = joint_maps()[0]
    names = tuple(family.joints[joint][0] for joint in REQUIRED if joint != "right_elbow")
    with pytest.raises(SkeletalMotionError, match="lacks right_elbow"):
        recognise(skeleton(names))


@pytest.mark.parametrize(
    ("change", "said"),
    [({"pelvis": None}, "lacks the joint 'pelvis'"), ({"tail": "Tail"}, "names 'tail'")],
)
def test_a_wrong_map_is_named(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    joints: dict[str, Any] = {joint: joint for joint in REQUIRED} | change
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"joints": {joint: name for joint, name in joints.items() if name}}))
    with pytest.raises(SkeletalMotionError, match=f"mine.json {said}"):
        read_joint_map(path)


def test_names_match_whole() -> None:
    family = joint_maps()[0]
    names = tuple(f"{family.joints[joint][0]}_twist" for joint in REQUIRED)
    assert not replace(family).found_in(skeleton(names))
