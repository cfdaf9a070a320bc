"""A whole figure, part by part from the feet up."""

from __future__ import annotations

import numpy as np

from ..fingers import fingers_below
from ..rig import Rig
from ..rig_map import RigBones
from .arms import arm_joints, find_arms
from .bone_tree import BoneTree
from .legs import UP, find_legs, forward
from .trunk import find_carrier, find_head

#: How sure bones are: of the trunk, of what carries an arm, of fingers, and of limbs whose halves are alike.
_TRUNK, _COLLAR, _FINGER, _EVEN_LIMB = 0.8, 0.7, 0.5, 0.9


def bones_by_shape(rig: Rig) -> tuple[RigBones, dict[str, float]]:
    """Which bones are which, and by bone how sure that is, from 0 to 1.

    Args:
        rig: at rest, upright.

    Raises:
        RigError: saying what is missing.
    """
    tree = BoneTree.of(rig)
    first, second = find_legs(tree)
    left = np.cross(UP, forward(tree, first, second))
    legs = {"left": first, "right": second}
    if (rig.heads[first["hip"]] - rig.heads[second["hip"]]) @ left < 0:
        legs = {"left": second, "right": first}
    carrier = find_carrier(tree, first["hip"], second["hip"])
    arms = find_arms(tree, carrier, left, (first["hip"], second["hip"]))
    chest = tree.shared(arms["left"][-1], arms["right"][-1])
    head, neck = find_head(tree, chest, arms)
    joints = {"pelvis": carrier, "head": head}
    chains = {"spine": tree.path(carrier, chest)[1:], "neck": neck}
    sureness = dict.fromkeys((carrier, head, *chains["spine"], *neck), _TRUNK)
    for side, leg in legs.items():
        joints |= {f"{side}_{joint}": bone for joint, bone in leg.items()}
        sureness |= dict.fromkeys(leg.values(), _evenness(tree, leg["hip"], leg["knee"], leg["ankle"]))
        shoulder, elbow, wrist = arm_joints(tree, chest, arms[side])
        joints |= {f"{side}_shoulder": shoulder, f"{side}_elbow": elbow, f"{side}_wrist": wrist}
        sureness |= dict.fromkeys((shoulder, elbow, wrist), _evenness(tree, shoulder, elbow, wrist))
        chains[f"{side}_collar"] = tree.path(chest, shoulder)[1:-1]
        sureness |= dict.fromkeys(chains[f"{side}_collar"], _COLLAR)
        fingers = fingers_below(rig, wrist)
        chains |= {f"{side}_{finger}": chain for finger, chain in fingers.items()}
        sureness |= {bone: _FINGER for chain in fingers.values() for bone in chain}
    bones = RigBones(
        {joint: rig.names[bone] for joint, bone in joints.items()},
        {chain: tuple(rig.names[bone] for bone in members) for chain, members in chains.items() if members},
    )
    return bones, {rig.names[bone]: sure for bone, sure in sureness.items()}


def _evenness(tree: BoneTree, start: int, middle: int, end: int) -> float:
    """How sure a limb is: the more, the more alike its halves are."""
    first, second = tree.length(start, middle), tree.length(middle, end)
    return round(_EVEN_LIMB * min(first, second) / max(first, second), 2)
