"""Two arms, and the joints of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rig import RigError
from .bone_tree import BoneTree

Floats = NDArray[np.floating[Any]]

#: How far to the side hands reach, as a part of the figure's height.
HAND_ASIDE = 0.08
#: Ends of two arms lie no more unlike, as a part of how far out they are; chains so unlike an arm's lengths are none.
UNEVEN, NO_ARM = 0.4, 5.0
#: Upper arms are a little longer than forearms, and both together are this part of the shoulders' height.
UPPER_TO_FOREARM, ARM_TO_SHOULDER = 1.1, 0.38
#: An upper arm and a forearm are at least so long, as a part of the height.
SEGMENT_LENGTH = 0.02


def find_arms(tree: BoneTree, carrier: int, left: Floats, hips: tuple[int, int]) -> dict[str, list[int]]:
    """The chains from the carrier to both sides that look most like arms, and of these what reaches furthest."""
    of_legs = {bone for hip in hips for bone in tree.below(hip)}
    legless = [leaf for leaf in tree.leaves if leaf not in of_legs and carrier in tree.rig.ancestors(leaf)]
    middle = tree.rig.heads[carrier] @ left
    aside = {leaf: float(tree.rig.heads[leaf] @ left - middle) for leaf in legless}
    far = {leaf: away for leaf, away in aside.items() if abs(away) > HAND_ASIDE * tree.height}
    pairs = list(product([leaf for leaf in far if far[leaf] > 0], [leaf for leaf in far if far[leaf] < 0]))
    if not pairs:
        raise RigError("No arms were found: nothing reaches out to both sides.")
    even = [pair for pair in pairs if _unevenness(tree, far, pair) < UNEVEN]
    if not even:
        furthest = (max(side, key=lambda leaf: abs(far[leaf])) for side in zip(*pairs, strict=True))
        first, second = (tree.rig.names[leaf] for leaf in furthest)
        raise RigError(
            f"'{first}' and '{second}' reach out to the sides unequally: the arms cannot be told. Choose the bones "
            "by hand."
        )
    inside = [leaf for leaf in legless if leaf not in far] or [carrier]
    trunk = tree.path(carrier, max(inside, key=lambda leaf: float(tree.rig.heads[leaf, 2])))
    likeness = {leaf: _unlike_arm(tree, trunk, leaf) for pair in even for leaf in pair}
    pairs_of_arms = [pair for pair in even if max(likeness[leaf] for leaf in pair) < NO_ARM] or even
    # fingers of one hand are equally like an arm: the furthest, and of these what is even
    chosen = min(
        pairs_of_arms,
        key=lambda pair: (
            round(sum(likeness[leaf] for leaf in pair), 1),
            -round(min(abs(far[leaf]) for leaf in pair) / tree.height, 3),
            _unevenness(tree, far, pair),
        ),
    )
    return {side: tree.path(carrier, leaf) for side, leaf in zip(("left", "right"), chosen, strict=True)}


def _unevenness(tree: BoneTree, aside: Mapping[int, float], pair: tuple[int, int]) -> float:
    """How unlike two ends lie to both sides, and in height, as a part of how far they are out."""
    first, second = pair
    out = max(abs(aside[first]), abs(aside[second]))
    height = abs(tree.rig.heads[first, 2] - tree.rig.heads[second, 2])
    return float((abs(aside[first] + aside[second]) + height) / out)


def _unlike_arm(tree: BoneTree, trunk: Sequence[int], leaf: int) -> float:
    """How little the chain from the trunk to an end looks like an arm of any shoulder, elbow and wrist in it."""
    best = _best_arm(tree, [bone for bone in tree.path(trunk[0], leaf) if bone not in trunk])
    return best[0] if best else NO_ARM


def arm_joints(tree: BoneTree, chest: int, chain: Sequence[int]) -> tuple[int, int, int]:
    """Shoulder, elbow and wrist: where fingers part, and where lengths are an arm's."""
    best = _best_arm(tree, list(chain[list(chain).index(chest) + 1 :]))
    if best is None:
        raise RigError(
            f"The arm that ends at '{tree.rig.names[chain[-1]]}' has fewer than three joints: shoulder, elbow and "
            "wrist cannot be told. Choose the bones by hand."
        )
    return best[1]


def _best_arm(tree: BoneTree, below: Sequence[int]) -> tuple[float, tuple[int, int, int]] | None:
    """How unlike an arm's the lengths are, and shoulder, elbow and wrist, of a chain of bones from the trunk."""
    rig = tree.rig
    parting = [bone for bone in below if len(tree.children[bone]) >= 3]
    wrists = parting[-1:] or list(below)
    best, joints = np.inf, None
    for shoulder, elbow, wrist in combinations(below, 3):
        if wrist not in wrists:
            continue
        upper, forearm = tree.length(shoulder, elbow), tree.length(elbow, wrist)
        if min(upper, forearm) < SEGMENT_LENGTH * tree.height:
            continue
        unlike = abs(np.log(upper / forearm / UPPER_TO_FOREARM))
        expected = ARM_TO_SHOULDER * max(rig.heads[shoulder, 2] - tree.floor, 0.1 * tree.height)
        unlike += 0.5 * abs(np.log((upper + forearm) / expected))
        way, on = rig.heads[elbow] - rig.heads[shoulder], rig.heads[wrist] - rig.heads[elbow]
        unlike += 0.5 * float(np.arccos(np.clip(way @ on / (upper * forearm), -1, 1)))  # at rest arms are straight
        if unlike < best:
            best, joints = float(unlike), (shoulder, elbow, wrist)
    return (best, joints) if joints else None
