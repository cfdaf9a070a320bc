"""A rig at rest, whatever program it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..errors import LimberError

Floats = NDArray[np.floating[Any]]


class RigError(LimberError):
    """A rig is none, or nothing can be brought onto it."""


@dataclass(frozen=True, eq=False)
class Rig:
    """B bones at rest, in the world: Z up, metres, the floor at z = 0, however the rig's object is turned and scaled.

    Attributes:
        names: of the bones; a parent comes before its children.
        parents: (B,) index of the bone that each one's place follows, -1 for none.
        heads: (B, 3) metres.
        tails: (B, 3) metres.
        rest: (B, 4) quaternions, the bones' axes at rest.
        turns_with: (B,) index of the bone that each one's rotation follows, -1 for none. By default the parents.
        location_axes: (B, 4) quaternions, the axes in which a bone's own location is counted. By default the bones'.
        unit_m: metres in the world for one unit of a bone's own location.
        object_rotation: (4,) quaternion of the rig's object in the world.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: Floats
    tails: Floats
    rest: Floats
    turns_with: tuple[int, ...] = ()
    location_axes: Floats = field(default_factory=lambda: np.empty((0, 4)))
    unit_m: float = 1.0
    object_rotation: Floats = field(default_factory=rotations.IDENTITY.copy)

    def __post_init__(self) -> None:
        """Fills in what is left out.

        Raises:
            RigError: if these are no bones.
        """
        count = len(self.names)
        if count == 0:
            raise RigError("The rig has no bones.")
        if len(set(self.names)) < count:
            raise RigError("Two bones of the rig have the same name.")
        if not self.turns_with:
            object.__setattr__(self, "turns_with", self.parents)
        if len(self.location_axes) == 0:
            object.__setattr__(self, "location_axes", self.rest)
        for followed in (self.parents, self.turns_with):
            if len(followed) != count or not all(-1 <= parent < bone for bone, parent in enumerate(followed)):
                raise RigError("Each bone of a rig has to follow none, or a bone before it.")
        shapes: dict[str, tuple[int, ...]] = {
            "heads": (count, 3),
            "tails": (count, 3),
            "rest": (count, 4),
            "location_axes": (count, 4),
        }
        shapes["object_rotation"] = (4,)
        for key, shape in shapes.items():
            array = np.asarray(getattr(self, key), dtype=np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise RigError(f"The rig's '{key}' must be {shape} finite numbers, found {array.shape}.")
            object.__setattr__(self, key, array)
        object.__setattr__(self, "rest", rotations.normalize(self.rest))

    def index(self, name: str) -> int:
        """The bone of this name.

        Raises:
            RigError: if there is none.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise RigError(f"The rig has no bone '{name}'. Choose another one, or another map.") from None

    def ancestors(self, bone: int) -> list[int]:
        """From the parent up to the top."""
        found: list[int] = []
        while (bone := self.parents[bone]) >= 0:
            found.append(bone)
        return found
