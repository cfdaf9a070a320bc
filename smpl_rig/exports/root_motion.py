"""What the root bone does: nothing, what the body does on the floor, or nothing while the body stays in place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY

Floats = NDArray[np.floating[Any]]


class RootMotion(StrEnum):
    """Where the way of the body through the world is kept."""

    #: The pelvis holds all of it; the root bone stays at the origin.
    PELVIS = "pelvis"
    #: The root bone goes along on the floor below the pelvis and turns as it does; every joint stays where it was.
    ROOT = "root"
    #: The body stays above the place where it began; it still turns, leans, and goes up and down.
    IN_PLACE = "in-place"


@dataclass(frozen=True, eq=False)
class GroundPath:
    """The way of a body over the floor.

    Attributes:
        places: (T, 3) metres, world, z = 0: below the pelvis.
        headings: (T,) radians about the world's z, without jumps; 0 faces as the rest pose does.
    """

    places: Floats
    headings: Floats

    def matrices(self) -> Floats:
        """(T, 4, 4) rigid transforms of a root bone that lies at the origin at rest."""
        result = np.tile(np.eye(4), (len(self.places), 1, 1))
        cosine, sine = np.cos(self.headings), np.sin(self.headings)
        result[:, 0, 0], result[:, 0, 1], result[:, 1, 0], result[:, 1, 1] = cosine, -sine, sine, cosine
        result[:, :3, 3] = self.places
        return result


def ground_path(orientation: Floats, pelvis: Floats) -> GroundPath:
    """The way below a pelvis.

    Args:
        orientation: (T, 4) the pelvis's, from the body frame to the world.
        pelvis: (T, 3) metres, world.
    """
    upright = rotations.multiply(orientation, rotations.conjugate(rotations.from_matrix(WORLD_FROM_BODY)))
    # the part of a turn that is about the vertical (swing and twist)
    headings = np.unwrap(2 * np.arctan2(upright[..., 3], upright[..., 0]))
    return GroundPath(pelvis * np.array([1.0, 1.0, 0.0]), headings)
