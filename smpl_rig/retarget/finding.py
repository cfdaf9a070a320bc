"""Which of a rig's bones are which: by their names, else by how they hang together and where they lie at rest.

By shape a figure is two legs that reach the floor, what carries them, two arms that reach furthest to the sides, and
what rises between them. Feet point forward, which tells left from right; of legs that end without toes, names may tell.
Where that is not what a rig looks like, it is refused with what is missing, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fingers import fingers_below
from .rig import Rig, RigError
from .rig_map import RigBones, RigMap
from .saved_maps import known_maps

Floats = NDArray[np.floating[Any]]

#: Parts of the figure's height: how near to the floor feet end, how high knees lie at most and what carries legs at
#: least, how far up the trunk's top, how far to the side hands reach.
FOOT_ABOVE_FLOOR, KNEE_ABOVE_FLOOR, CARRIER_ABOVE_FLOOR, TOP_ABOVE_FLOOR, HAND_ASIDE = 0.1, 0.45, 0.2, 0.7, 0.08
#: Toes bend at this part of the way from the ankle to their tips.
BALL_ALONG_FOOT = 0.65
#: Bones that begin so near to each other, as a part of the height, are the head and parts of the face.
FACE_LENGTH = 0.02
#: A bone so far above the one below it, as a part of the height, is the head's end and no head.
HEAD_LENGTH = 0.08
#: Feet are at least so long, as a part of the height.
FOOT_LENGTH = 0.02
#: Joints of two legs lie at the same heights to this part of the whole.
LIKE_HEIGHTS = 0.02
#: Ends of two arms lie no more unlike, as a part of how far out they are; chains so unlike an arm's lengths are none.
UNEVEN, NO_ARM = 0.4, 5.0
#: Of a limb's segment, how much of its length goes straight down; a foot's is flatter.
STEEP = 0.75
#: Likewise of a neck's, straight up.
RISING = 0.7
#: Upper arms are a little longer than forearms, and both together are this part of the shoulders' height.
UPPER_TO_FOREARM, ARM_TO_SHOULDER = 1.1, 0.38
_UP = np.array([0.0, 0.0, 1.0])
#: How names say a side: LeftFoot, foot.l, L_Foot, lFoot, footL.
_SIDES = {
    side: re.compile(rf"(?i:{side})|(?:^|[^A-Za-z])(?i:{side[0]})(?![a-z])|(?<=[a-z]){side[0].upper()}(?![A-Za-z])")
    for side in ("left", "right")
}
#: What bones are called that are an arm's, and a leg's.
_ARMS = re.compile(r"arm(?!ature)|hand|shoulder|clavicle|elbow|wrist", re.IGNORECASE)
_LEGS = re.compile(r"leg|thigh|calf|shin|knee|ankle|foot|toe", re.IGNORECASE)
#: And the head: Head, head.x, Bip01 Head, mHead; not HeadTop or forehead.
_HEAD = re.compile(r"(?:^|[^A-Za-z])(?i:head)(?![A-Za-z])|(?<=[a-z])Head(?![A-Za-z])")


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        bones: which is which.
        how: the title of the map, or "its shape".
        confidence: by bone, from 0 (a guess) to 1 (named so).
    """

    bones: RigBones
    how: str
    confidence: Mapping[str, float]


def find_bones(rig: Rig, maps: Sequence[RigMap] | None = None) -> Finding:
    """By names, else by shape.

    Args:
        rig: at rest, upright.
        maps: families to look among; the user's and the bundled ones by default.

    Raises:
        RigError: if no family's names fit and the shape is no two-legged figure's, saying what is missing.
        RigMapError: if one of the user's maps is damaged.
    """
    return find_by_names(rig.names, known_maps() if maps is None else maps) or find_by_shape(rig)


def find_by_names(names: Iterable[str], maps: Sequence[RigMap]) -> Finding | None:
    """By the family that has all it needs, and has a name for most of the bones.

    One whose switches the rig has (Rigify's controls) goes before those of bones that the switches drive, and one that
    the user saved before a bundled one, where the rig has all its joints.
    """
    names = tuple(names)
    fitting = []
    for rig_map in maps:
        bones = rig_map.found_in(names)
        if bones.lacking() or any(setting.bone not in names for setting in rig_map.settings):
            continue
        is_preferred = rig_map.is_saved and bones.joints.keys() == rig_map.joints.keys()
        fitting.append((bool(rig_map.settings), is_preferred, len(bones.all()), rig_map, bones))
    if not fitting:
        return None
    *_, rig_map, bones = max(fitting, key=lambda found: found[:3])
    return Finding(bones, rig_map.title, dict.fromkeys(bones.all(), 1.0))


def find_by_map(names: Iterable[str], rig_map: RigMap) -> Finding:
    """By one family's names.

    Raises:
        RigError: saying what it finds no bone for.
    """
    names = tuple(names)
    found = find_by_names(names, (rig_map,))
    if found is None:
        switches = [setting.bone for setting in rig_map.settings if setting.bone not in names]
        lacking = ", ".join(rig_map.found_in(names).lacking() or switches)
        raise RigError(f"The map '{rig_map.title}' does not fit this rig: it finds no {lacking}.")
    return found


def find_by_shape(rig: Rig) -> Finding:
    """By hierarchy and rest pose alone.

    Raises:
        RigError: saying what is missing.
    """
    return _Figure(rig).finding()


class _Figure:
    """The largest tree of a rig, and what can be told from it."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._children: list[list[int]] = [[] for _ in rig.names]
        for bone, parent in enumerate(rig.parents):
            if parent >= 0:
                self._children[parent].append(bone)
        trees = sorted((self._below(root) for root, parent in enumerate(rig.parents) if parent < 0), key=len)
        if len(trees) > 1 and len(trees[-2]) > len(trees[-1]) / 2:
            first, second = (rig.names[tree[0]] for tree in trees[:-3:-1])
            raise RigError(f"The rig has two roots of like size, '{first}' and '{second}'. Choose the bones by hand.")
        self._tree = trees[-1]
        ends = np.concatenate((rig.heads[self._tree], rig.tails[self._tree]))
        self._floor, self._height = float(ends[:, 2].min()), float(np.ptp(ends[:, 2]))
        self._leaves = [bone for bone in self._tree if not self._children[bone]]

    def finding(self) -> Finding:
        """Everything, part by part from the feet up."""
        first, second = self._legs()
        forward = self._forward(first, second)
        left = np.cross(_UP, forward)
        legs = {"left": first, "right": second}
        if (self._rig.heads[first["hip"]] - self._rig.heads[second["hip"]]) @ left < 0:
            legs = {"left": second, "right": first}
        carrier = self._carrier(first["hip"], second["hip"])
        arms = self._arms(carrier, left, (first["hip"], second["hip"]))
        chest = self._shared(arms["left"][-1], arms["right"][-1])
        head, neck = self._head(chest, arms)
        joints = {"pelvis": carrier, "head": head}
        chains = {"spine": self._path(carrier, chest)[1:], "neck": neck}
        sureness = dict.fromkeys((carrier, head, *chains["spine"], *neck), 0.8)
        for side, leg in legs.items():
            joints |= {f"{side}_{joint}": bone for joint, bone in leg.items()}
            sureness |= dict.fromkeys(leg.values(), self._evenness(leg["hip"], leg["knee"], leg["ankle"]))
            shoulder, elbow, wrist = self._arm_joints(chest, arms[side])
            joints |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}
            sureness |= dict.fromkeys((shoulder, elbow, wrist), self._evenness(shoulder, elbow, wrist))
            chains[f"{side}_collar"] = self._path(chest, shoulder)[1:-1]
            sureness |= dict.fromkeys(chains[f"{side}_collar"], 0.7)
            fingers = fingers_below(self._rig, wrist)
            chains |= {f"{side}_{finger}": chain for finger, chain in fingers.items()}
            sureness |= {bone: 0.5 for chain in fingers.values() for bone in chain}
        names = self._rig.names
        bones = RigBones(
            {joint: names[bone] for joint, bone in joints.items()},
            {chain: tuple(names[bone] for bone in members) for chain, members in chains.items() if members},
        )
        return Finding(bones, "its shape", {names[bone]: sure for bone, sure in sureness.items()})

    def _legs(self) -> tuple[dict[str, int], dict[str, int]]:
        """Hip, knee, ankle and perhaps foot of both legs, whichever is which."""
        rig = self._rig
        low = self._floor + FOOT_ABOVE_FLOOR * self._height
        high, knees = (self._floor + part * self._height for part in (CARRIER_ABOVE_FLOOR, KNEE_ABOVE_FLOOR))
        ends = [
            leaf
            for leaf in self._leaves
            if min(rig.heads[leaf, 2], rig.tails[leaf, 2]) < low
            and max((rig.heads[above, 2] for above in rig.ancestors(leaf)), default=low) > high
            and any(low < rig.heads[above, 2] < knees for above in rig.ancestors(leaf))
            and not self._is_named_an_arm(leaf)
        ]
        if len(ends) < 2:
            raise RigError(
                f"No two legs were found: {len(ends)} chains of bones hang from above down to the floor. Turn the "
                "rig's object until it stands, or choose the bones by hand."
            )
        top = ends[0]
        for end in ends[1:]:
            top = self._shared(top, end)
        groups = [[end for end in ends if child in {end, *rig.ancestors(end)}] for child in self._children[top]]
        groups = [group for group in groups if group]
        legs, why = [], ""
        for group in groups:
            try:
                legs.append(self._leg(top, group))
            except RigError as error:
                why = str(error)
        if len(groups) > 2:  # skirts and capes have no feet, tails are single
            legs = [leg for leg in legs if self._has_foot(leg)]
            legs = [leg for leg in legs if any(self._are_alike(leg, other) for other in legs if other is not leg)]
        if len(legs) != 2:
            if len(groups) == 2 and why:
                raise RigError(why)
            raise RigError(
                f"{len(groups)} chains of bones go from '{rig.names[top]}' down to the floor, {len(legs)} of them like "
                "legs, expected two. Choose the bones by hand."
            )
        first, second = legs
        return first, second

    def _is_named_an_arm(self, leaf: int) -> bool:
        """Whether a chain says that it is an arm; where there are no legs, arms hang lowest."""
        names = [self._rig.names[bone] for bone in (leaf, *self._rig.ancestors(leaf))]
        return any(map(_ARMS.search, names)) and not any(map(_LEGS.search, names))

    def _are_alike(self, first: dict[str, int], second: dict[str, int]) -> bool:
        """Whether two legs have their joints at the same heights."""
        heights = [self._rig.heads[[leg[joint] for joint in ("hip", "knee", "ankle")], 2] for leg in (first, second)]
        return bool(np.abs(heights[0] - heights[1]).max() < LIKE_HEIGHTS * self._height)

    def _has_foot(self, leg: dict[str, int]) -> bool:
        """Whether something level reaches on from the ankle."""
        rig = self._rig
        ankle = rig.heads[leg["ankle"]]
        ends = [end for bone in self._below(leg["ankle"]) for end in (rig.heads[bone], rig.tails[bone])]
        on_floor = [end - ankle for end in ends if end[2] < self._floor + FOOT_ABOVE_FLOOR * self._height]
        return any(np.linalg.norm(way[:2]) > FOOT_LENGTH * self._height for way in on_floor)

    def _leg(self, top: int, ends: Sequence[int]) -> dict[str, int]:
        """The joints of a chain that runs down steeply and then along the floor."""
        rig = self._rig
        chains = [self._path(top, end)[1:] for end in ends]
        chain = max(chains, key=len)
        steep = [
            abs((after - before)[2]) > STEEP * np.linalg.norm(after - before)
            for before, after in pairwise(rig.heads[chain])
        ]
        if True not in steep:
            raise RigError(f"The bones from '{rig.names[chain[0]]}' down to the floor do not look like a leg.")
        start = steep.index(True)
        end = len(steep) - steep[::-1].index(True)  # the joint below the last steep segment
        if end - start < 2:
            raise RigError(
                f"The leg that begins at '{rig.names[chain[start]]}' has fewer than three joints: hip, knee and ankle "
                "cannot be told. Choose the bones by hand."
            )
        lengths = np.linalg.norm(np.diff([rig.heads[bone] for bone in chain[start : end + 1]], axis=0), axis=-1)
        part = np.cumsum(lengths)[:-1] / lengths.sum()
        knee = start + 1 + int(np.argmin(abs(part - 0.5)))
        leg = {"hip": chain[start], "knee": chain[knee], "ankle": chain[end]}
        toes = chain[end + 1 :]
        if toes:
            ahead = np.linalg.norm((rig.heads[toes] - rig.heads[chain[end]]) * [1, 1, 0], axis=-1)
            reach = max(float(ahead.max()), float(np.linalg.norm((rig.tails[toes[-1]] - rig.heads[chain[end]])[:2])))
            leg["foot"] = toes[int(np.argmin(abs(ahead / max(reach, 1e-9) - BALL_ALONG_FOOT)))]
        return leg

    def _forward(self, first: dict[str, int], second: dict[str, int]) -> Floats:
        """(3,) level unit vector along the feet; across the legs where their names alone say which is left."""
        rig = self._rig
        across = (rig.heads[first["hip"]] - rig.heads[second["hip"]]) * [1, 1, 0]
        across = across / max(float(np.linalg.norm(across)), 1e-9)
        sides = self._named_side(first), self._named_side(second)
        # where no toes follow, programs that read a rig make up where its last bone points
        if not ("foot" in first and "foot" in second) and set(sides) == {"left", "right"}:
            named: Floats = np.cross(across if sides[0] == "left" else -across, _UP)
            return named
        feet = np.zeros(3)
        for leg in (first, second):
            toe = rig.heads[leg["foot"]] if "foot" in leg else rig.tails[leg["ankle"]]
            feet += (toe - rig.heads[leg["ankle"]]) * [1, 1, 0]
        if np.linalg.norm(feet) < 0.02 * self._height:
            raise RigError("The feet point nowhere, so nothing tells left from right. Choose the bones by hand.")
        feet -= (feet @ across) * across
        forward: Floats = feet / np.linalg.norm(feet)
        return forward

    def _named_side(self, leg: dict[str, int]) -> str | None:
        """The one side that the names of a leg's bones say."""
        names = [self._rig.names[bone] for bone in leg.values()]
        said = {side for side, pattern in _SIDES.items() for name in names if pattern.search(name)}
        return said.pop() if len(said) == 1 else None

    def _carrier(self, *hips: int) -> int:
        """The lowest bone that carries both legs and what rises above them."""
        bone = self._shared(*hips)
        top = self._floor + TOP_ABOVE_FLOOR * self._height
        while True:
            above = [child for child in self._children[bone] if not any(hip in self._below(child) for hip in hips)]
            if any(self._rig.tails[self._below(child), 2].max() > top for child in above):
                return bone
            bone = self._rig.parents[bone]
            if bone < 0:
                raise RigError("Nothing rises above the legs: no spine was found.")

    def _arms(self, carrier: int, left: Floats, hips: tuple[int, int]) -> dict[str, list[int]]:
        """The chains from the carrier to both sides that look most like arms, and of these what reaches furthest."""
        of_legs = {bone for hip in hips for bone in self._below(hip)}
        legless = [leaf for leaf in self._leaves if leaf not in of_legs and carrier in self._rig.ancestors(leaf)]
        middle = self._rig.heads[carrier] @ left
        aside = {leaf: float(self._rig.heads[leaf] @ left - middle) for leaf in legless}
        far = {leaf: away for leaf, away in aside.items() if abs(away) > HAND_ASIDE * self._height}
        pairs = list(product([leaf for leaf in far if far[leaf] > 0], [leaf for leaf in far if far[leaf] < 0]))
        if not pairs:
            raise RigError("No arms were found: nothing reaches out to both sides.")
        even = [pair for pair in pairs if self._unevenness(far, pair) < UNEVEN]
        if not even:
            names = (self._rig.names[max(side, key=lambda leaf: abs(far[leaf]))] for side in zip(*pairs, strict=True))
            first, second = names
            raise RigError(
                f"'{first}' and '{second}' reach out to the sides unequally: the arms cannot be told. Choose the bones "
                "by hand."
            )
        inside = [leaf for leaf in legless if leaf not in far] or [carrier]
        trunk = self._path(carrier, max(inside, key=lambda leaf: float(self._rig.heads[leaf, 2])))
        likeness = {leaf: self._unlike_arm(trunk, leaf) for pair in even for leaf in pair}
        pairs_of_arms = [pair for pair in even if max(likeness[leaf] for leaf in pair) < NO_ARM] or even
        # fingers of one hand are equally like an arm: the furthest, and of these what is even
        chosen = min(
            pairs_of_arms,
            key=lambda pair: (
                round(sum(likeness[leaf] for leaf in pair), 1),
                -round(min(abs(far[leaf]) for leaf in pair) / self._height, 3),
                self._unevenness(far, pair),
            ),
        )
        return {side: self._path(carrier, leaf) for side, leaf in zip(("left", "right"), chosen, strict=True)}

    def _unevenness(self, aside: Mapping[int, float], pair: tuple[int, int]) -> float:
        """How unlike two ends lie to both sides, and in height, as a part of how far they are out."""
        first, second = pair
        out = max(abs(aside[first]), abs(aside[second]))
        height = abs(self._rig.heads[first, 2] - self._rig.heads[second, 2])
        return float((abs(aside[first] + aside[second]) + height) / out)

    def _unlike_arm(self, trunk: Sequence[int], leaf: int) -> float:
        """How little the chain from the trunk to an end looks like an arm of any shoulder, elbow and wrist in it."""
        best = self._best_arm([bone for bone in self._path(trunk[0], leaf) if bone not in trunk])
        return best[0] if best else NO_ARM

    def _arm_joints(self, chest: int, chain: Sequence[int]) -> tuple[int, int, int]:
        """Shoulder, elbow and wrist: where fingers part, and where lengths are an arm's."""
        best = self._best_arm(list(chain[list(chain).index(chest) + 1 :]))
        if best is None:
            raise RigError(
                f"The arm that ends at '{self._rig.names[chain[-1]]}' has fewer than three joints: shoulder, elbow and "
                "wrist cannot be told. Choose the bones by hand."
            )
        return best[1]

    def _best_arm(self, below: Sequence[int]) -> tuple[float, tuple[int, int, int]] | None:
        """How unlike an arm's the lengths are, and shoulder, elbow and wrist, of a chain of bones from the trunk."""
        rig = self._rig
        parting = [bone for bone in below if len(self._children[bone]) >= 3]
        wrists = parting[-1:] or list(below)
        best, joints = np.inf, None
        for shoulder, elbow, wrist in combinations(below, 3):
            if wrist not in wrists:
                continue
            upper, forearm = (
                np.linalg.norm(rig.heads[b] - rig.heads[a]) for a, b in ((shoulder, elbow), (elbow, wrist))
            )
            if min(upper, forearm) < 0.02 * self._height:
                continue
            unlike = abs(np.log(upper / forearm / UPPER_TO_FOREARM))
            expected = ARM_TO_SHOULDER * max(rig.heads[shoulder, 2] - self._floor, 0.1 * self._height)
            unlike += 0.5 * abs(np.log((upper + forearm) / expected))
            way, on = rig.heads[elbow] - rig.heads[shoulder], rig.heads[wrist] - rig.heads[elbow]
            unlike += 0.5 * float(np.arccos(np.clip(way @ on / (upper * forearm), -1, 1)))  # at rest arms are straight
            if unlike < best:
                best, joints = float(unlike), (shoulder, elbow, wrist)
        return (best, joints) if joints else None

    def _head(self, chest: int, arms: Mapping[str, Sequence[int]]) -> tuple[int, list[int]]:
        """The head, and the bones between it and the chest."""
        of_arms = {bone for chain in arms.values() for bone in chain[chain.index(chest) + 1 :]}
        rest = [child for child in self._children[chest] if child not in of_arms]
        candidates = [bone for child in rest for bone in self._below(child)]
        if not candidates:
            raise RigError(f"No head was found: nothing but arms hangs on '{self._rig.names[chest]}'.")
        top = max(candidates, key=lambda bone: self._above(chest, bone))
        chain = self._path(chest, top)[1:]
        named = [bone for bone in chain if _HEAD.search(self._rig.names[bone])]
        parting = [bone for bone in chain if len(self._children[bone]) >= 2]
        if named:
            return named[0], chain[: chain.index(named[0])]
        if parting:
            head = parting[0]
        else:
            rising = self._rising([chest, *chain])
            above, last = rising[-2:]
            length = np.linalg.norm(self._rig.heads[last] - self._rig.heads[above])
            head = above if len(rising) > 2 and length > HEAD_LENGTH * self._height else last
        while head != chain[0]:
            above = chain[chain.index(head) - 1]
            if np.linalg.norm(self._rig.heads[head] - self._rig.heads[above]) > FACE_LENGTH * self._height:
                break
            head = above
        return head, chain[: chain.index(head)]

    def _rising(self, chain: Sequence[int]) -> Sequence[int]:
        """The beginning of a chain that goes straight up, of two bones at least: hair does not."""
        for number in range(2, len(chain)):
            step = self._rig.heads[chain[number]] - self._rig.heads[chain[number - 1]]
            if step[2] < RISING * np.linalg.norm(step):
                return chain[:number]
        return chain

    def _above(self, chest: int, bone: int) -> float:
        """Metres by which a bone rises, less those by which it lies beside what it rises from (a pack, a flag)."""
        ends = (
            self._rig.heads[[bone]]
            if self._children[bone]
            else np.stack((self._rig.heads[bone], self._rig.tails[bone]))
        )
        ends = ends - self._rig.heads[chest]
        return float((ends[:, 2] - np.linalg.norm(ends[:, :2], axis=-1)).max())

    def _evenness(self, start: int, middle: int, end: int) -> float:
        """How sure a limb is: 0.9 where its halves are alike."""
        first, second = (
            np.linalg.norm(self._rig.heads[b] - self._rig.heads[a]) for a, b in ((start, middle), (middle, end))
        )
        return float(round(0.9 * min(first, second) / max(first, second), 2))

    def _below(self, bone: int) -> list[int]:
        """A bone and all that hangs on it."""
        found = [bone]
        for each in found:
            found += self._children[each]
        return found

    def _path(self, top: int, bone: int) -> list[int]:
        """From one bone down to another."""
        chain = [bone, *self._rig.ancestors(bone)]
        return chain[: chain.index(top) + 1][::-1]

    def _shared(self, first: int, second: int) -> int:
        """The lowest bone that both are, or hang on."""
        above = {second, *self._rig.ancestors(second)}
        return next(bone for bone in (first, *self._rig.ancestors(first)) if bone in above)
