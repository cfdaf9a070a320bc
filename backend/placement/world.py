"""Places a captured body in the world, where Z points up and the floor lies at z = 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import rotations
from smpl_rig.contacts import contact_probabilities, level_heights, lines_of_sight
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.soles import sole_points

from .footing import footing_offsets
from .gravity import world_from_camera_rotation
from .person_seen import PersonSeen

Floats = NDArray[np.floating[Any]]

#: Planted feet correct the path, the path corrects what is known of planted feet.
FOOTING_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class Placed:
    """A person in the world.

    Attributes:
        local_rotations: (T, 24, 4) unit quaternions; the pelvis's is its orientation in the world.
        trans: (T, 3) metres; the pelvis lies at ``rest_joints[0] + trans``.
        world_from_camera: (T, 4, 4); at first, and always if it stays in its place, the camera is above the origin.
        contacts: (T, 4) probabilities of left heel, left toe, right heel, right toe.
    """

    local_rotations: Floats
    trans: Floats
    world_from_camera: Floats
    contacts: Floats


#: From sole points (T, P, 3) and the pelvis (T, 3) as the camera sees them, times (T,) and where the person was
#: observed (T,): the camera's path (T, 3) from the origin, metres, in axes that stand still.
CameraPath = Callable[[Floats, Floats, Floats, NDArray[np.bool_]], Floats]


def camera_stays(points: Floats, _pelvis: Floats, _times_s: Floats, _observed: NDArray[np.bool_]) -> Floats:
    """The path of a camera that stays in its place."""
    return np.zeros((len(points), 3))


def place(person: PersonSeen, camera_path: CameraPath = camera_stays, turn: Floats | None = None) -> Placed:
    """Sets a person into the world. The path is moved so that planted feet stay where they are.

    The floor at z = 0 is the lowest level on which they stand.

    Args:
        person: whom the camera sees.
        camera_path: where the camera goes; of one that goes somewhere the feet tell (:mod:`.moving_camera`).
        turn: (3, 3) from axes that stand still to the world, where others tell it too (:mod:`.shared_world`); None has
            the person tell it alone.
    """
    rest_joints, times_s, observed = person.rest_joints, person.times_s, person.observed
    local, joints = person.standing_still()
    if turn is None:
        turn = world_from_camera_rotation(joints, observed, times_s, person.turns)
    world_from_camera = np.tile(np.eye(4), (len(local), 1, 1))
    world_from_camera[:, :3, :3] = turn if person.turns is None else turn @ person.turns

    in_world = local.copy()
    in_world[:, 0] = rotations.multiply(rotations.from_matrix(turn), local[:, 0])
    trans = joints[:, 0] @ turn.T - rest_joints[0]
    turned, positions = forward_kinematics(in_world, rest_joints, trans)
    points, pelvis = sole_points(turned, positions, rest_joints), positions[:, 0]
    path = camera_path(points, pelvis, times_s, observed)  # from the origin, where the camera is at first
    trans, points, pelvis = trans + path, points + path[:, None], pelvis + path
    offsets = np.zeros_like(trans)
    for _ in range(FOOTING_ROUNDS):
        on_floor, contacts, _ = _resting(points + offsets[:, None], pelvis + offsets, path, times_s, observed)
        offsets = offsets + footing_offsets(on_floor, contacts, pelvis + offsets - path, times_s)
    _, contacts, levels = _resting(points + offsets[:, None], pelvis + offsets, path, times_s, observed)
    up = np.array([0, 0, levels.min()])

    world_from_camera[:, :3, 3] = path - up
    return Placed(
        rotations.make_continuous(in_world),
        trans + offsets - up,
        world_from_camera,
        contacts,
    )


def _resting(
    points: Floats, pelvis: Floats, camera: Floats, times_s: Floats, observed: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Soles (T, 4, 3) above what they stand on, how surely they rest there (T, 4), and its height (T,).

    Pelvis and camera are (T, 3); all are metres, in the world.
    """
    levels = level_heights(points, pelvis[:, 2], times_s, observed)
    on_floor = points - levels[:, None, None] * np.array([0, 0, 1.0])
    return on_floor, contact_probabilities(on_floor, times_s, observed, lines_of_sight(points, camera)), levels
