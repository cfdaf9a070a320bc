"""Several people of one camera in one world: one way is up for all of them, and who stands higher up is higher up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig.motion import Motion

from .gravity import shared_world_rotation
from .person_seen import PersonSeen

Floats = NDArray[np.floating[Any]]

#: Floors of people that seem less than this apart are one floor, metres: so far off is a height that is told by how
#: large somebody is taken to be and which way is up, several metres away.
SAME_FLOOR_M = 0.6


def shared_rotation(people: Sequence[PersonSeen]) -> Floats:
    """(3, 3) from axes that stand still to the world: :func:`.gravity.shared_world_rotation`."""
    turns = [person.turns for person in people if person.turns is not None]
    return shared_world_rotation(
        [(person.standing_still()[1], person.observed, person.times_s) for person in people],
        np.concatenate(turns) if turns else None,
    )


def on_shared_floor(motions: Sequence[Motion]) -> list[Motion]:
    """Raises people whose floor lies above the lowest one, as a roof does; the others' floor stays at z = 0.

    Args:
        motions: of people whose worlds are turned alike (:func:`shared_rotation`), of a camera that stays in its place.
    """
    heights = [float(motion.world_from_camera[0, 2, 3]) for motion in motions]
    lifts = [max(heights, default=0.0) - height for height in heights]
    return [
        _lifted(motion, lift) if lift > SAME_FLOOR_M else motion for motion, lift in zip(motions, lifts, strict=True)
    ]


def _lifted(motion: Motion, lift: float) -> Motion:
    up = np.array([0.0, 0.0, lift])
    world_from_camera = motion.world_from_camera.copy()
    world_from_camera[:, :3, 3] += up
    return replace(
        motion,
        trans=motion.trans + up,
        joints_world=motion.joints_world + up,
        world_from_camera=world_from_camera,
    )
