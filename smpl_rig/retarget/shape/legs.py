"""Two legs, and where their feet point."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rig import RigError
from .bone_tree import BoneTree

Floats = NDArray[np.floating[Any]]

#: Parts of the figure's height: how near to the floor feet end, how high knees lie at most and what carries legs, at
#: least.
FOOT_ABOVE_FLOOR, KNEE_ABOVE_FLOOR, CARRIER_ABOVE_FLOOR = 0.1, 0.45, 0.2
#: Feet are at least so long, as a part of the height, and point somewhere if they reach so far ahead.
FOOT_LENGTH, FOOT_AHEAD = 0.02, 0.02
#: Toes bend at this part of the way from the ankle to their tips.
BALL_ALONG_FOOT = 0.65
#: Joints of two legs lie at the same heights to this part of the whole.
LIKE_HEIGHTS = 0.02
#: Of a limb's segment, how much of its length goes straight down; a foot's is flatter.
STEEP = 0.75
#: How names say a side: LeftFoot, foot.l, L_Foot, lFoot, footL.
_SIDES = {
    side: re.compile(rf"(?i:{side})|(?:^|[^A-Za-z])(?i:{side[0]})(?![a-z])|(?<=[a-z]){side[0].upper()}(?![A-Za-z])")
    for side in ("left", "right")
}
#: What bones are called that are an arm's, and a leg's.
_ARMS = re.compile(r"arm(?!ature)|hand|shoulder|clavicle|elbow|wrist", re.IGNORECASE)
_LEGS = re.compile(r"leg|thigh|calf|shin|knee|ankle|foot|toe", re.IGNORECASE)
UP = np.array([0.0, 0.0, 1.0])


def find_legs(tree: BoneTree) -> tuple[dict[str, int], dict[str, int]]:
    """Hip, knee, ankle and perhaps foot of both legs, whichever is which."""
    rig = tree.rig
    low = tree.floor + FOOT_ABOVE_FLOOR * tree.height
    high, knees = (tree.floor + part * tree.height for part in (CARRIER_ABOVE_FLOOR, KNEE_ABOVE_FLOOR))
    ends = [
        leaf
        for leaf in tree.leaves
        if min(rig.heads[leaf, 2], rig.tails[leaf, 2]) < low
        and max((rig.heads[above, 2] for above in rig.ancestors(leaf)), default=low) > high
        and any(low < rig.heads[above, 2] < knees for above in rig.ancestors(leaf))
        and not _is_named_an_arm(tree, leaf)
    ]
    if len(ends) < 2:
        raise RigError(
            f"No two legs were found: {len(ends)} chains of bones hang from above down to the floor. Turn the "
            "rig's object until it stands, or choose the bones by hand."
        )
    top = ends[0]
    for end in ends[1:]:
        top = tree.shared(top, end)
    groups = [[end for end in ends if child in {end, *rig.ancestors(end)}] for child in tree.children[top]]
    groups = [group for group in groups if group]
    legs, why = [], ""
    for group in groups:
        try:
            legs.append(_leg(tree, top, group))
        except RigError as error:
            why = str(error)
    if len(groups) > 2:  # skirts and capes have no feet, tails are single
        legs = [leg for leg in legs if _has_foot(tree, leg)]
        legs = [leg for leg in legs if any(_are_alike(tree, leg, other) for other in legs if other is not leg)]
    if len(legs) != 2:
        if len(groups) == 2 and why:
            raise RigError(why)
        raise RigError(
            f"{len(groups)} chains of bones go from '{rig.names[top]}' down to the floor, {len(legs)} of them like "
            "legs, expected two. Choose the bones by hand."
        )
    first, second = legs
    return first, second


def _is_named_an_arm(tree: BoneTree, leaf: int) -> bool:
    """Whether a chain says that it is an arm; where there are no legs, arms hang lowest."""
    names = [tree.rig.names[bone] for bone in (leaf, *tree.rig.ancestors(leaf))]
    return any(map(_ARMS.search, names)) and not any(map(_LEGS.search, names))


def _are_alike(tree: BoneTree, first: dict[str, int], second: dict[str, int]) -> bool:
    """Whether two legs have their joints at the same heights."""
    heights = [tree.rig.heads[[leg[joint] for joint in ("hip", "knee", "ankle")], 2] for leg in (first, second)]
    return bool(np.abs(heights[0] - heights[1]).max() < LIKE_HEIGHTS * tree.height)


def _has_foot(tree: BoneTree, leg: dict[str, int]) -> bool:
    """Whether something level reaches on from the ankle."""
    rig = tree.rig
    ankle = rig.heads[leg["ankle"]]
    ends = [end for bone in tree.below(leg["ankle"]) for end in (rig.heads[bone], rig.tails[bone])]
    on_floor = [end - ankle for end in ends if end[2] < tree.floor + FOOT_ABOVE_FLOOR * tree.height]
    return any(np.linalg.norm(way[:2]) > FOOT_LENGTH * tree.height for way in on_floor)


def _leg(tree: BoneTree, top: int, ends: Sequence[int]) -> dict[str, int]:
    """The joints of a chain that runs down steeply and then along the floor."""
    rig = tree.rig
    chains = [tree.path(top, end)[1:] for end in ends]
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


def forward(tree: BoneTree, first: dict[str, int], second: dict[str, int]) -> Floats:
    """(3,) level unit vector along the feet; across the legs where their names alone say which is left."""
    rig = tree.rig
    across = (rig.heads[first["hip"]] - rig.heads[second["hip"]]) * [1, 1, 0]
    across = across / max(float(np.linalg.norm(across)), 1e-9)
    sides = _named_side(tree, first), _named_side(tree, second)
    # where no toes follow, programs that read a rig make up where its last bone points
    if not ("foot" in first and "foot" in second) and set(sides) == {"left", "right"}:
        return np.asarray(np.cross(across if sides[0] == "left" else -across, UP))
    feet = np.zeros(3)
    for leg in (first, second):
        toe = rig.heads[leg["foot"]] if "foot" in leg else rig.tails[leg["ankle"]]
        feet += (toe - rig.heads[leg["ankle"]]) * [1, 1, 0]
    if np.linalg.norm(feet) < FOOT_AHEAD * tree.height:
        raise RigError("The feet point nowhere, so nothing tells left from right. Choose the bones by hand.")
    feet -= (feet @ across) * across
    return np.asarray(feet / np.linalg.norm(feet))


def _named_side(tree: BoneTree, leg: dict[str, int]) -> str | None:
    """The one side that the names of a leg's bones say."""
    names = [tree.rig.names[bone] for bone in leg.values()]
    said = {side for side, pattern in _SIDES.items() for name in names if pattern.search(name)}
    return said.pop() if len(said) == 1 else None
