"""What carries the legs, and what rises from it: up to the head."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ..rig import RigError
from .bone_tree import BoneTree

#: How far up the trunk's top is, as a part of the figure's height.
TOP_ABOVE_FLOOR = 0.7
#: Bones that begin so near to each other, as a part of the height, are the head and parts of the face.
FACE_LENGTH = 0.02
#: A bone so far above the one below it, as a part of the height, is the head's end and no head.
HEAD_LENGTH = 0.08
#: Of a neck's bones, how much of their length goes straight up.
RISING = 0.7
#: What heads are called: Head, head.x, Bip01 Head, mHead; not HeadTop or forehead.
_HEAD = re.compile(r"(?:^|[^A-Za-z])(?i:head)(?![A-Za-z])|(?<=[a-z])Head(?![A-Za-z])")


def find_carrier(tree: BoneTree, *hips: int) -> int:
    """The lowest bone that carries both legs and what rises above them."""
    bone = tree.shared(*hips)
    top = tree.floor + TOP_ABOVE_FLOOR * tree.height
    while True:
        above = [child for child in tree.children[bone] if not any(hip in tree.below(child) for hip in hips)]
        if any(tree.rig.tails[tree.below(child), 2].max() > top for child in above):
            return bone
        bone = tree.rig.parents[bone]
        if bone < 0:
            raise RigError("Nothing rises above the legs: no spine was found.")


def find_head(tree: BoneTree, chest: int, arms: Mapping[str, Sequence[int]]) -> tuple[int, list[int]]:
    """The head, and the bones between it and the chest."""
    of_arms = {bone for chain in arms.values() for bone in chain[chain.index(chest) + 1 :]}
    rest = [child for child in tree.children[chest] if child not in of_arms]
    candidates = [bone for child in rest for bone in tree.below(child)]
    if not candidates:
        raise RigError(f"No head was found: nothing but arms hangs on '{tree.rig.names[chest]}'.")
    top = max(candidates, key=lambda bone: _above(tree, chest, bone))
    chain = tree.path(chest, top)[1:]
    named = [bone for bone in chain if _HEAD.search(tree.rig.names[bone])]
    parting = [bone for bone in chain if len(tree.children[bone]) >= 2]
    if named:
        return named[0], chain[: chain.index(named[0])]
    if parting:
        head = parting[0]
    else:
        rising = _rising(tree, [chest, *chain])
        above, last = rising[-2:]
        head = above if len(rising) > 2 and tree.length(above, last) > HEAD_LENGTH * tree.height else last
    while head != chain[0]:
        above = chain[chain.index(head) - 1]
        if tree.length(above, head) > FACE_LENGTH * tree.height:
            break
        head = above
    return head, chain[: chain.index(head)]


def _rising(tree: BoneTree, chain: Sequence[int]) -> Sequence[int]:
    """The beginning of a chain that goes straight up, of two bones at least: hair does not."""
    for number in range(2, len(chain)):
        step = tree.rig.heads[chain[number]] - tree.rig.heads[chain[number - 1]]
        if step[2] < RISING * np.linalg.norm(step):
            return chain[:number]
    return chain


def _above(tree: BoneTree, chest: int, bone: int) -> float:
    """Metres by which a bone rises, less those by which it lies beside what it rises from (a pack, a flag)."""
    ends = tree.rig.heads[[bone]] if tree.children[bone] else np.stack((tree.rig.heads[bone], tree.rig.tails[bone]))
    ends = ends - tree.rig.heads[chest]
    return float((ends[:, 2] - np.linalg.norm(ends[:, :2], axis=-1)).max())
