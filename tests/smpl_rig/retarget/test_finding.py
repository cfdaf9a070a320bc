"""Finding which bone is which, on rigs whose bones are known."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.retarget.finding import find_bones, find_by_names, find_by_shape
from smpl_rig.retarget.rig import Rig, RigError
from smpl_rig.retarget.rig_map import RigMap, rig_maps

from ...foreign_figure import flat_body
from ...retarget_rigs import kaykit_rig, mpfb_rig
from .rigs import EXTRAS, Build, build_rig, with_extras
from .test_rig_map import all_names

OTHERS: dict[str, Callable[[], Rig]] = {
    "Mixamo": lambda: mpfb_rig("mixamo"),
    "Unreal mannequin": lambda: mpfb_rig("game_engine"),
    "CMU motion builder": lambda: mpfb_rig("cmu_mb"),
    "KayKit": kaykit_rig,
}


@pytest.mark.parametrize("rig_map", rig_maps(), ids=lambda rig_map: rig_map.name)
def test_every_bundled_map_is_found_by_the_names_of_its_rig(rig_map: RigMap) -> None:
    names = [*all_names(rig_map), *(setting.bone for setting in rig_map.settings)]
    found = find_by_names(dict.fromkeys(names), rig_maps())
    assert found is not None
    assert found.how == rig_map.title
    assert set(found.confidence.values()) == {1.0}


def test_controls_go_before_the_bones_that_they_drive() -> None:
    controls, deform = (
        next(rig_map for rig_map in rig_maps() if rig_map.name == name) for name in ("rigify_control", "rigify_deform")
    )
    names = [*(f"DEF-{name}" for name in all_names(deform)), *all_names(controls)]
    names += [setting.bone for setting in controls.settings]
    found = find_by_names(names, rig_maps())
    assert found is not None
    assert found.bones.joints["left_elbow"] == "forearm_fk.L"


def test_makehumans_older_rig_is_found_by_name() -> None:
    """Its upper arms begin with what was called the shoulder's second bone, it has underscores and no toes."""
    makehuman = next(rig_map for rig_map in rig_maps() if rig_map.name == "makehuman")
    names = [name.replace("upperarm01", "shoulder02") for name in all_names(makehuman) if "toe" not in name]
    found = find_by_names([name.replace(".", "_") for name in names], rig_maps())
    assert found is not None
    assert found.bones.joints["left_shoulder"] == "shoulder02_L"
    assert found.bones.twists["left_shoulder"] == ("upperarm02_L",)


def test_names_of_nothing_find_nothing() -> None:
    assert find_by_names(["bone", "bone.001"], rig_maps()) is None


@pytest.mark.parametrize("title", OTHERS)
def test_shape_finds_what_names_find(title: str) -> None:
    rig = OTHERS[title]()
    named = find_by_names(rig.names, rig_maps())
    assert named is not None
    assert named.how == title
    shaped = find_by_shape(rig)
    knuckles = {"left_hand", "right_hand"}  # a name of a place in the palm
    for joint in set(named.bones.joints) - knuckles:
        assert shaped.bones.joints[joint] == named.bones.joints[joint], joint
    assert shaped.bones.chains == named.bones.chains
    assert all(0 < sure < 1 for sure in shaped.confidence.values())


@given(
    st.floats(0, 1.3), st.floats(0, 0.3), st.integers(1, 6), st.integers(0, 3), st.integers(0, 2), st.booleans(),
    st.floats(-3, 3), st.floats(0.01, 100), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40)
def test_shape_finds_the_bones_of_any_nameless_rig(
    arms_down: float, legs_apart: float, spine: int, neck: int, collars: int, twists: bool,
    facing: float, size: float, rolls: int,
) -> None:  # fmt: skip
    build = Build(
        arms_down=arms_down, legs_apart=legs_apart, spine=spine, neck=neck, collars=collars, twists=twists, rolls=rolls
    )
    built = build_rig(replace(build, facing=facing), flat_body())
    big = replace(built.rig, heads=built.rig.heads * size, tails=built.rig.tails * size)
    found = find_bones(big)
    assert found.how == "its shape"
    assert found.bones.joints == built.bones.joints
    assert found.bones.chains == {chain: bones for chain, bones in built.bones.chains.items()}  # noqa: C416


@given(
    st.lists(st.sampled_from(sorted(EXTRAS)), unique=True), st.floats(0, 1.3), st.integers(1, 5), st.integers(0, 2),
    st.integers(0, 2), st.booleans(), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=40)
def test_shape_is_not_misled_by_what_hangs_on_a_figure(
    extras: list[str], arms_down: float, spine: int, neck: int, collars: int, twists: bool, rolls: int
) -> None:
    build = Build(arms_down=arms_down, spine=spine, neck=neck, collars=collars, twists=twists, rolls=rolls)
    built = build_rig(build, flat_body())
    found = find_by_shape(with_extras(built, extras))
    assert found.bones.joints == built.bones.joints


@pytest.mark.parametrize("says", ["{} thigh", "{}_thigh", "bip {} 1", "{}Thigh", "thigh.{}", "thigh{}", "thigh_{}.001"])
@pytest.mark.parametrize("behind_m", [0.0, 0.2])
def test_names_tell_left_from_right_where_feet_end_without_toes(
    says: str, behind_m: float, rest_joints: np.ndarray
) -> None:
    """Where the last bone of a foot points is made up by programs that know no ends of bones."""
    sides = {"leftL": "L", "rightL": "R"} if says in {"thigh{}", "{}Thigh"} else {"leftL": "left", "rightL": "right"}
    built = build_rig(Build(toes=False, facing=0.7), rest_joints)
    rig = built.rig
    backward = rotations.rotate(rotations.exp(np.array([0, 0, 0.7])), np.array([0, behind_m, 0]))
    ankles = [rig.index(built.bones.joints[f"{side}_ankle"]) for side in ("left", "right")]
    tails = rig.tails.copy()
    tails[ankles] = rig.heads[ankles] + backward
    names = [
        f"{says.format(sides[name[: name.index('L') + 1]])} {number}" if name.startswith(tuple(sides)) else f"b{number}"
        for number, name in enumerate(rig.names)
    ]
    found = find_by_shape(replace(rig, tails=tails, names=tuple(names)))
    for joint in ("left_hip", "right_ankle", "left_wrist"):
        assert found.bones.joints[joint] == names[rig.index(built.bones.joints[joint])]
    assert find_by_shape(replace(rig, names=tuple(names))).bones.joints["left_hip"] == found.bones.joints["left_hip"]


@pytest.mark.parametrize("called", ["head", "Bip01 Head", "mHead", "CC_Base_Head"])
def test_a_bone_that_is_called_head_is_the_head(called: str, rest_joints: np.ndarray) -> None:
    """Where a collar or a hood hangs on the neck, which then parts as a head with a face does."""
    rig = build_rig(Build(), rest_joints).rig
    neck = rig.index("throat0")
    hood = rig.heads[neck] + [0, 0.05, 0.02]
    worn = Rig(
        (*(called if name == "skull" else name for name in rig.names), "hood"),
        (*rig.parents, neck),
        np.concatenate((rig.heads, [hood])),
        np.concatenate((rig.tails, [hood + np.array([0, 0.05, 0])])),
        np.concatenate((rig.rest, [rotations.IDENTITY])),
    )
    found = find_by_shape(worn)
    assert found.bones.joints["head"] == called
    assert found.bones.chains["neck"] == ("throat0",)


def test_confidence_is_lower_where_a_limb_is_odd(rest_joints: np.ndarray) -> None:
    even = find_by_shape(build_rig(Build(), rest_joints).rig)
    odd = find_by_shape(build_rig(Build(thigh=0.7, shin=1.3), rest_joints).rig)
    assert odd.confidence["leftLknee"] < even.confidence["leftLknee"] - 0.2


class TestRefusal:
    def without(self, rig: Rig, *beginnings: str) -> Rig:
        kept = [bone for bone, name in enumerate(rig.names) if not name.startswith(beginnings)]
        parents = tuple(kept.index(rig.parents[bone]) if rig.parents[bone] >= 0 else -1 for bone in kept)
        names = tuple(rig.names[bone] for bone in kept)
        return Rig(names, parents, rig.heads[kept], rig.tails[kept], rig.rest[kept])

    @pytest.mark.parametrize(
        ("beginnings", "said"),
        [
            (("leftL", "rightL"), "No two legs were found: 0 chains"),
            (("leftL",), "No two legs were found: 1 chains"),
            (("leftC", "leftA", "leftF", "rightC", "rightA", "rightF"), "No arms were found"),
            (("leftC", "leftA", "leftF"), "No arms were found"),
            (("leftF", "leftAelbow", "leftAwrist"), "reach out to the sides unequally"),
            (("leftF", "leftAelbow", "leftAwrist", "rightF", "rightAelbow", "rightAwrist"), "fewer than three joints"),
            (("throat", "skull"), "No head was found"),
        ],
    )
    def test_what_is_missing_is_named(self, beginnings: tuple[str, ...], said: str, rest_joints: np.ndarray) -> None:
        rig = self.without(build_rig(Build(), rest_joints).rig, *beginnings)
        with pytest.raises(RigError, match=said):
            find_bones(rig)

    def test_four_legs(self, rest_joints: np.ndarray) -> None:
        rig = build_rig(Build(), rest_joints).rig
        legs = [bone for bone, name in enumerate(rig.names) if name[:5] in {"leftL", "right"} and "L" in name]
        count = len(rig.names)
        again = {bone: count + number for number, bone in enumerate(legs)}
        four = Rig(
            (*rig.names, *(f"hind {rig.names[bone]}" for bone in legs)),
            (*rig.parents, *(again.get(rig.parents[bone], rig.parents[bone]) for bone in legs)),
            np.concatenate((rig.heads, rig.heads[legs] + [0, 0.5, 0])),
            np.concatenate((rig.tails, rig.tails[legs] + [0, 0.5, 0])),
            np.concatenate((rig.rest, rig.rest[legs])),
        )
        with pytest.raises(
            RigError, match="4 chains of bones go from 'b0' down to the floor, 4 of them like legs, expected two"
        ):
            find_bones(four)

    @pytest.mark.parametrize("turn", [(1.57, 0, 0), (-1.57, 0, 0), (0, 1.57, 0), (3.14, 0, 0)])
    def test_one_who_lies_or_stands_on_the_head(self, turn: tuple[float, ...], rest_joints: np.ndarray) -> None:
        rig = build_rig(Build(), rest_joints).rig
        turned = (rotations.rotate(rotations.exp(np.array(turn)), part) for part in (rig.heads, rig.tails))
        heads, tails = turned
        with pytest.raises(RigError, match=r"\blegs?\b"):
            find_bones(replace(rig, heads=heads, tails=tails))

    def test_two_people(self, rest_joints: np.ndarray) -> None:
        rig = build_rig(Build(), rest_joints).rig
        count = len(rig.names)
        two = Rig(
            (*rig.names, *(f"other {name}" for name in rig.names)),
            (*rig.parents, *(parent + count if parent >= 0 else -1 for parent in rig.parents)),
            *(np.concatenate((part, part)) for part in (rig.heads, rig.tails, rig.rest)),
        )
        with pytest.raises(RigError, match="two roots of like size"):
            find_bones(two)

    def test_hanging_arms_are_no_legs(self) -> None:
        """Of a figure that ends at the hips, in an A-pose."""
        legs = [f"mixamorig:{side}{part}" for side in ("Left", "Right") for part in ("UpLeg", "Leg", "Foot", "Toe")]
        with pytest.raises(RigError, match="No two legs were found: 0 chains"):
            find_bones(self.without(mpfb_rig("mixamo"), *legs))

    def test_a_chain(self) -> None:
        heads = np.stack((np.zeros(9), np.zeros(9), np.arange(9)), axis=-1)
        rope = Rig(
            tuple(f"rope{n}" for n in range(9)),
            tuple(range(-1, 8)),
            heads,
            heads + 1,
            np.tile(rotations.IDENTITY, (9, 1)),
        )
        with pytest.raises(RigError, match="No two legs"):
            find_bones(rope)
