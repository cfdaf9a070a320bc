"""How a rig's bones hang together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..rig import Rig, RigError


@dataclass(frozen=True, eq=False)
class BoneTree:
    """The largest tree of a rig. Bones are told by their indices.

    Attributes:
        rig: at rest, upright.
        children: of each bone of the rig.
        leaves: the bones of the tree on which nothing hangs.
        floor: metres, where the tree's lowest bone ends.
        height: metres, from there to the highest.
    """

    rig: Rig
    children: tuple[tuple[int, ...], ...]
    leaves: tuple[int, ...]
    floor: float
    height: float

    @classmethod
    def of(cls, rig: Rig) -> BoneTree:
        """Raises:
        RigError: if two trees are of like size.
        """
        children = tuple(
            tuple(bone for bone, parent in enumerate(rig.parents) if parent == above) for above in range(len(rig.names))
        )
        roots = [bone for bone, parent in enumerate(rig.parents) if parent < 0]
        trees = sorted((_below(children, root) for root in roots), key=len)
        if len(trees) > 1 and len(trees[-2]) > len(trees[-1]) / 2:
            first, second = (rig.names[tree[0]] for tree in trees[:-3:-1])
            raise RigError(f"The rig has two roots of like size, '{first}' and '{second}'. Choose the bones by hand.")
        bones = trees[-1]
        ends = np.concatenate((rig.heads[bones], rig.tails[bones]))
        leaves = tuple(bone for bone in bones if not children[bone])
        return cls(rig, children, leaves, float(ends[:, 2].min()), float(np.ptp(ends[:, 2])))

    def below(self, bone: int) -> list[int]:
        """A bone and all that hangs on it."""
        return _below(self.children, bone)

    def path(self, top: int, bone: int) -> list[int]:
        """From one bone down to another."""
        chain = [bone, *self.rig.ancestors(bone)]
        return chain[: chain.index(top) + 1][::-1]

    def shared(self, first: int, second: int) -> int:
        """The lowest bone that both are, or hang on."""
        above = {second, *self.rig.ancestors(second)}
        return next(bone for bone in (first, *self.rig.ancestors(first)) if bone in above)

    def length(self, start: int, end: int) -> float:
        """Metres from the head of one bone to that of another."""
        return float(np.linalg.norm(self.rig.heads[end] - self.rig.heads[start]))


def _below(children: Sequence[Sequence[int]], bone: int) -> list[int]:
    found = [bone]
    for each in found:
        found += children[each]
    return found
