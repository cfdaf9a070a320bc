"""Hands at ease, however a rig's fingers lie at rest."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.retarget.finding import find_by_shape
from smpl_rig.retarget.fingers import BENT_DEG, fingers_below, relaxed_fingers
from smpl_rig.retarget.retargeting import Retargeting
from smpl_rig.retarget.rig import Rig
from smpl_rig.retarget.rig_map import FINGERS, SIDES, RigBones

from .rigs import Build, build_rig

#: Lengths of a finger's bones, metres.
PHALANGES = (0.045, 0.028, 0.02)


def with_hands(
    rest_joints: np.ndarray, curled: float, rolls: int = 0, palms: bool = False, fingers: Sequence[str] = FINGERS
) -> tuple[Rig, RigBones]:
    """A figure in T-pose whose fingers are curled at rest by so many radians at each joint.

    With ``palms``, each finger but the thumb begins with a bone in the palm.
    """
    built = build_rig(Build(rolls=rolls), rest_joints)
    keep = [number for number, name in enumerate(built.rig.names) if "F" not in name]
    rig = built.rig
    names, parents = (
        [rig.names[n] for n in keep],
        [keep.index(rig.parents[n]) if rig.parents[n] >= 0 else -1 for n in keep],
    )
    heads, tails = list(rig.heads[keep]), list(rig.tails[keep])
    chains = dict(built.bones.chains)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        wrist = names.index(built.bones.joints[f"{side}_wrist"])
        along, aside, inwards = np.array([sign, 0, 0]), np.array([0, -1.0, 0]), np.array([0, 0, -1.0])  # facing -Y
        names.append(f"{side} held")
        parents.append(wrist)
        heads.append(heads[wrist] + 0.05 * along + 0.02 * inwards)
        tails.append(heads[-1] + 0.1 * along)
        for number, finger in enumerate(fingers):
            chain, parent = [], wrist
            if finger == "thumb":
                place, pointing = heads[wrist] + 0.02 * along + 0.02 * aside, (along + aside) / np.sqrt(2)
                bend = 0.0
            else:
                row = 0.035 - 0.02 * number
                place, pointing, bend = heads[wrist] + 0.09 * along + row * aside, along, curled
                if palms:
                    names.append(f"{side} {finger} palm")
                    parents.append(parent)
                    heads.append(heads[wrist] + 0.02 * along + 0.5 * row * aside)
                    tails.append(place)
                    parent = len(names) - 1
                    chain.append(names[-1])
            for part, length in enumerate(PHALANGES):
                angle = bend * (part + 1)
                direction = pointing if finger == "thumb" else np.cos(angle) * along + np.sin(angle) * inwards
                names.append(f"{side} {finger} {part}")
                parents.append(parent)
                heads.append(place)
                place = place + length * direction
                tails.append(place)
                parent = len(names) - 1
                chain.append(names[-1])
            chains[f"{side}_{finger}"] = tuple(chain)
    rest = rotations.normalize(np.random.default_rng(rolls).normal(size=(len(names), 4)))
    rig = Rig(tuple(names), tuple(parents), np.array(heads), np.array(tails), rest)
    return rig, replace(built.bones, chains=chains)


def pointing(rig: Rig, relaxed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By bone, (3,) where it points in the world with the keys, on hands that are at rest."""
    turned: list[np.ndarray] = []
    found = {}
    for bone, (name, parent) in enumerate(zip(rig.names, rig.parents, strict=True)):
        own = rotations.multiply(
            rotations.multiply(rig.rest[bone], relaxed.get(name, rotations.IDENTITY)),
            rotations.conjugate(rig.rest[bone]),
        )
        turned.append(own if parent < 0 else rotations.multiply(turned[parent], own))
        found[name] = rotations.rotate(turned[bone], rig.tails[bone] - rig.heads[bone])
    return found


@pytest.mark.parametrize("curled", [-0.1, 0.0, 0.5])
@pytest.mark.parametrize("palms", [False, True])
def test_fingers_are_bent_from_the_palm_whatever_they_are_at_rest(
    curled: float, palms: bool, rest_joints: np.ndarray
) -> None:
    rig, bones = with_hands(rest_joints, curled, rolls=3, palms=palms)
    relaxed = relaxed_fingers(Retargeting(rig, bones, rest_joints))
    shown = pointing(rig, relaxed)
    for side in SIDES:
        for finger, bent in BENT_DEG.items():
            before = np.array([1.0 if side == "left" else -1.0, 0, 0])
            for part, angle in enumerate(bent):
                bone = shown[f"{side} {finger} {part}"]
                bone = bone / np.linalg.norm(bone)
                assert np.degrees(np.arccos(before @ bone)) == pytest.approx(angle, abs=0.5)
                assert bone[2] < before[2]  # palms look down
                before = bone
        if palms:
            assert f"{side} index palm" not in relaxed


def test_thumbs_lie_beside_the_palm(rest_joints: np.ndarray) -> None:
    rig, bones = with_hands(rest_joints, 0.0, rolls=1)
    shown = pointing(rig, relaxed_fingers(Retargeting(rig, bones, rest_joints)))
    for side, sign in (("left", 1), ("right", -1)):
        tip = shown[f"{side} thumb 2"]
        assert sign * tip[0] > 0.5 * np.linalg.norm(tip)
        assert tip[1] < 0  # forward, as the thumb's side is
        assert tip[2] < 0


def test_left_and_right_are_mirrors(rest_joints: np.ndarray) -> None:
    rig, bones = with_hands(rest_joints, 0.2, rolls=5)
    shown = pointing(rig, relaxed_fingers(Retargeting(rig, bones, rest_joints)))
    for name, bone in shown.items():
        if name.startswith("left ") and name[-1].isdigit():
            np.testing.assert_allclose(shown[name.replace("left", "right")] * [-1, 1, 1], bone, atol=1e-6)


def test_fingers_that_no_map_names_are_found_below_the_hand(rest_joints: np.ndarray) -> None:
    rig, bones = with_hands(rest_joints, 0.2)
    named = relaxed_fingers(Retargeting(rig, bones, rest_joints))
    plain = replace(
        bones, chains={name: chain for name, chain in bones.chains.items() if name.split("_")[-1] not in FINGERS}
    )
    found = relaxed_fingers(Retargeting(rig, plain, rest_joints))
    assert found.keys() == named.keys()
    assert find_by_shape(rig).bones.chains["left_ring"] == tuple(f"left ring {part}" for part in range(3))


def test_a_hand_of_four_digits_has_no_little_finger_and_one_of_three_is_none(rest_joints: np.ndarray) -> None:
    four, bones = with_hands(rest_joints, 0.0, fingers=FINGERS[:4])
    found = fingers_below(four, four.index(bones.joints["left_wrist"]))
    assert {finger: four.names[chain[0]] for finger, chain in found.items()} == {
        finger: f"left {finger} 0" for finger in FINGERS[:4]
    }
    three, bones = with_hands(rest_joints, 0.0, fingers=FINGERS[:3])
    assert fingers_below(three, three.index(bones.joints["left_wrist"])) == {}


def test_a_hand_without_fingers_has_none(rest_joints: np.ndarray) -> None:
    built = build_rig(Build(), rest_joints)
    assert relaxed_fingers(Retargeting(built.rig, built.bones, rest_joints)) == {}
