"""Feet that rest stay where they are: legs give way by the little that a capture lets them slide.

A foot is a rigid body. By d it is moved and by r it is turned (a rotation vector), and over all frames these are least:

    integral of  |d|^2  +  S^2 h |p' + d'|^2  +  FADE_S^2 (1 - h) |d'|^2  +  GENTLE_S^4 |d''|^2   dt
    integral of  |r|^2  +  S^2 g |w + r'|^2   +  FADE_S^2 (1 - g) |r'|^2  +  GENTLE_S^4 |r''|^2   dt

where p is the sole where it rests, w how fast the foot turns, h how surely heel or toe stands still, g how surely both
do, and S, which a strength sets, how long a place is known for. That is the most likely motion of a foot whose captured
place errs by S times as much as a standing foot moves in a second: it stands still where it stands, follows a foot that
is only slow, and is led to and from its place gradually. The minimum is exact, in O(T). Thigh and shin follow by
inverse kinematics; all else stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .banded import PentadiagonalSystem
from .contacts import lines_of_sight, speed_across
from .skeleton import INDEX
from .soles import sole_points
from .timeline import Timeline
from .two_bone import Limb, nearer_goal, reach

Floats = NDArray[np.floating[Any]]

#: S at strength 1.
STANDING_S = 3.0
#: A foot is led to its place, and from it, within the first of these times; its way there bends within the second.
FADE_S, GENTLE_S = 0.2, 0.08
#: Soles that move so fast rest with probability 1 / e, even where they are on the floor. On films with exact truth, of
#: those captured at half of it two in three stand still, and at one and a half times it one in three.
STANDING_SPEED_M_S = 0.12
#: Knees are bent or straightened by no more; rather does a foot lie some millimetres higher or lower.
MOST_BEND_RAD = np.deg2rad(3.5)
_SIDES = ("left", "right")
_FORWARD_HINGE = np.array([1.0, 0.0, 0.0])  # knees bend about the body's left


def standing(soles: Floats, contacts: Floats, times_s: Floats, camera: Floats) -> Floats:
    """How surely soles stand still, (T, 4) in [0, 1].

    Args:
        soles: (T, 4, 3) metres, world.
        contacts: (T, 4) probability that they rest on the floor.
        times_s: (T,) increasing.
        camera: (T, 3) metres, world: where it is.
    """
    speed = speed_across(soles, times_s, lines_of_sight(soles, camera))
    return np.asarray(contacts * np.exp(-((speed / STANDING_SPEED_M_S) ** 2)))


def hold(
    timeline: Timeline, turned: Floats, positions: Floats, rest_joints: Floats, still: Floats, strength: Floats
) -> tuple[Floats, Floats]:
    """A body whose feet stand still where they stand.

    Args:
        timeline: of the T frames.
        turned: (T, 24, 4) quaternions of the joints in the world.
        positions: (T, 24, 3) metres, world.
        rest_joints: (24, 3) metres, body frame.
        still: (T, 4) how surely left heel, left toe, right heel, right toe stand still.
        strength: (T,) from 0, which changes nothing.

    Returns:
        Both as they then are.
    """
    held = (STANDING_S * (strength[1:] + strength[:-1]) / 2) ** 2  # (T-1,)
    if not (still.any() and held.any()):
        return turned, positions
    together = np.minimum(still[1:], still[:-1]).T.reshape(2, 2, -1)  # left and right, heel and toe, (2, 2, T-1)
    turned, positions = turned.copy(order="K"), positions.copy(order="K")
    ankles = [INDEX[f"{side}_ankle"] for side in _SIDES]
    turns = _least(timeline, held, together.prod(axis=1), _turning(turned[:, ankles]))
    for side, turn in zip(_SIDES, turns, strict=True):
        for joint in (f"{side}_ankle", f"{side}_foot"):
            turned[:, INDEX[joint]] = rotations.multiply(rotations.exp(turn), turned[:, INDEX[joint]])
    _with_feet(turned, positions, rest_joints)
    steps = np.diff(sole_points(turned, positions, rest_joints).reshape(-1, 2, 2, 3), axis=0)  # (T-1, 2, 2, 3)
    share = together / np.maximum(together.sum(axis=1, keepdims=True), 1e-9)
    moves = _least(timeline, held, together.max(axis=1), np.einsum("tfpc,fpt->cft", steps, share))
    for side, move in zip(_SIDES, moves, strict=True):
        _lead(turned, positions, rest_joints, side, move)
    _with_feet(turned, positions, rest_joints)
    return turned, positions


def _least(timeline: Timeline, held: Floats, still: Floats, steps: Floats) -> Floats:
    """The d or r above of both feet, (2, T, 3).

    Args:
        timeline: of the T frames.
        held: (T-1,) the square of S.
        still: (2, T-1) h or g.
        steps: (3, 2, T-1) from frame to frame, of p or of the angle.
    """
    drag = held * still
    weight, bending = np.ones((2, still.shape[-1] + 1)), np.full((2, still.shape[-1] - 1), GENTLE_S**4)
    system = PentadiagonalSystem(*timeline.bands(weight, bending, drag + FADE_S**2 * (1 - still)))
    least: Floats = system.solve(timeline.pull(timeline.moving_force(drag, steps))).transpose(1, 2, 0)
    return least


def _turning(feet: Floats) -> Floats:
    """(T, 2, 4) -> (3, 2, T-1) radians from frame to frame, in the world's axes."""
    change = rotations.multiply(feet[1:], rotations.conjugate(feet[:-1]))
    return np.asarray(rotations.log(change).transpose(2, 1, 0))


def _lead(turned: Floats, positions: Floats, rest_joints: Floats, side: str, move: Floats) -> None:
    """Turns a leg so that its ankle moves (T, 3), in place."""
    hip, knee, ankle = (INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    leg = Limb(rest_joints[knee] - rest_joints[hip], rest_joints[ankle] - rest_joints[knee], _FORWARD_HINGE)
    wanted = positions[:, ankle] - positions[:, hip] + move
    goal = nearer_goal(leg, turned[:, hip], turned[:, knee], wanted, MOST_BEND_RAD)
    turned[:, hip], turned[:, knee] = reach(leg, turned[:, hip], turned[:, knee], goal)
    positions[:, knee] = positions[:, hip] + rotations.rotate(turned[:, hip], leg.upper)
    positions[:, ankle] = positions[:, knee] + rotations.rotate(turned[:, knee], leg.lower)


def _with_feet(turned: Floats, positions: Floats, rest_joints: Floats) -> None:
    """Places the feet's balls where the ankles have them, in place."""
    for side in _SIDES:
        ankle, ball = INDEX[f"{side}_ankle"], INDEX[f"{side}_foot"]
        positions[:, ball] = positions[:, ankle] + rotations.rotate(
            turned[:, ankle], rest_joints[ball] - rest_joints[ankle]
        )
