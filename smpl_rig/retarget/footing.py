"""How hips, legs and feet give way so that feet which rest do not slide.

Over all frames together this is least:

    sum over soles that rest  w |p - goal - place|^2 / slack^2   how far heels and toes are from where they should be
      + legs  e' C e / LEG_RAD^2                                 how far thighs and shins turn
      + feet  |f|^2 / FOOT_RAD^2  +  hips  |g|^2 / HIPS_RAD^2    how far feet, and the line of the hips, turn
      + integral of  TIME_CONSTANT_S^4 |d''|^2                   how much the pelvis accelerates by being moved

where the pelvis is moved by d, a foot is turned by f, an ankle is at m = d + g x hip + e, and each contact of a heel or
toe has a place of its own, so that steps may become longer. It is quadratic in each of feet, places and hips while the
others are held, and is lowered by one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..banded import PentadiagonalSystem
from ..timeline import Timeline

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: Thighs and shins turn by this before it counts as much as feet and hips that turn by those.
LEG_RAD, FOOT_RAD, HIPS_RAD = np.deg2rad(2.5), np.deg2rad(15), np.deg2rad(7)
#: People's hips are hardly wider than this part of the leg's length.
USUAL_HIPS = 0.2
#: Feet are never turned by more.
MOST_FOOT_RAD = np.deg2rad(30)
#: How far a sole may be off before it counts as much, as a part of how far a leg moves it; level, and up and down.
SLACK, SLACK_IN_HEIGHT = 0.2, 0.6
#: The pelvis follows what feet ask for within this time, and goes back where none rests in about ten times as long.
TIME_CONSTANT_S, PULL_BACK = 0.04, 1e-3
#: Heel and toe take over from each other within this time.
ROLL_OVER_S = 0.1
ROUNDS, SWEEPS = 5, 2


@dataclass(frozen=True, eq=False)
class Stance:
    """Two feet over T frames: left and right; of each heel and toe. Metres, in the world.

    Attributes:
        ankles: (T, 2, 3).
        hips: (T, 2, 3) from the middle between them.
        arms: (T, 2, 2, 3) from the ankle to what turns as the foot does: the heel, and where the toes bend.
        tips: (T, 2, 2, 3) from there to the sole's point. They turn with the foot about the vertical alone.
        goals: (T, 2, 2, 3) how the points should move while they rest, wherever that is; and their height.
        resting: (T, 2, 2).
        stiffness: (T, 2, 3, 3) of each leg (:func:`smpl_rig.two_bone.stiffness`).
        leg_length: of the rig.
        times_s: (T,) seconds.
    """

    ankles: Floats
    hips: Floats
    arms: Floats
    tips: Floats
    goals: Floats
    resting: Mask
    stiffness: Floats
    leg_length: float
    times_s: Floats

    @property
    def contacts(self) -> list[tuple[int, int, int]]:
        """Foot, first frame, and the one after the last, of all times that a foot rests."""
        rests = self.resting.any(axis=-1)
        return [(foot, start, end) for foot in (0, 1) for start, end in runs(rests[:, foot])]


@dataclass(frozen=True, eq=False)
class Footing:
    """What gives way; rotation vectors in radians and metres, in the world.

    Attributes:
        shift: (T, 3) of the middle of the hips.
        hips: (T, 3) turn of the pelvis about it.
        feet: (T, 2, 3) turn of each foot about its ankle. Where it does not rest, 0.
        legs: (T, 2, 3) move of each ankle besides, which its leg is to make. Where it does not rest, 0.
    """

    shift: Floats
    hips: Floats
    feet: Floats
    legs: Floats


def settle(stance: Stance) -> Footing:
    """What gives way the least."""
    count = len(stance.times_s)
    holds = stance.resting.any(axis=-1).astype(np.float64)  # (T, 2)
    weights = _weights(stance)
    feet, ankle_moves = np.zeros((count, 2, 3)), np.zeros((count, 2, 3))
    pelvis = np.zeros((count, 6))
    for _ in range(ROUNDS):
        inverse, right = _feet(stance, weights, ankle_moves, feet)
        pelvis = _settled_pelvis(stance, *_pelvis(stance, inverse, right, pelvis[:, 3:]), pelvis)
        hip_moves = _hip_moves(stance, pelvis[:, :3], pelvis[:, 3:])
        right[..., :3] += _times(_stiffness(stance), hip_moves)
        solved = _times(inverse, right)
        ankle_moves, feet = solved[..., :3], _at_most(feet + solved[..., 3:], MOST_FOOT_RAD)
    return Footing(pelvis[:, :3], pelvis[:, 3:], holds[..., None] * feet, holds[..., None] * (ankle_moves - hip_moves))


def _hip_moves(stance: Stance, shift: Floats, hips: Floats) -> Floats:
    """(T, 2, 3) of the hip joints, when the middle between them is shifted (T, 3) and the pelvis turned (T, 3)."""
    return shift[:, None] + _turned_hips(stance, hips) - stance.hips


def _turned_hips(stance: Stance, hips: Floats) -> Floats:
    turns = np.repeat(rotations.exp(hips)[:, None], 2, axis=1)
    return rotations.rotate(turns, stance.hips)


def _feet(stance: Stance, weights: Floats, ankle_moves: Floats, feet: Floats) -> tuple[Floats, Floats]:
    """What moves (T, 2, 3) of the ankles and further turns of the feet solve, near to the present ones.

    Returns:
        The inverse matrix (T, 2, 6, 6) and the right side (T, 2, 6), to whose first half the stiffness times the move
        of the hip joints is to be added.
    """
    arms, tips = _turned(stance, feet)
    places = _places(stance, stance.ankles[:, :, None] + ankle_moves[:, :, None] + arms + tips)
    missing = stance.goals + places - stance.ankles[:, :, None] - arms - tips  # (T, 2, 2, 3) by how much ankles move
    trust = 1 / (LEG_RAD * stance.leg_length * np.array([SLACK, SLACK, SLACK_IN_HEIGHT])) ** 2
    matrix, right = np.zeros((*feet.shape[:2], 6, 6)), np.zeros((*feet.shape[:2], 6))
    matrix[..., :3, :3] = _stiffness(stance)
    matrix[..., 3:, 3:] = np.eye(3) / FOOT_RAD**2
    right[..., 3:] = -feet / FOOT_RAD**2
    for point in (0, 1):
        lever = -_cross(arms[:, :, point])  # what a further turn of the foot does to the point
        lever[..., 2] -= _cross(tips[:, :, point])[..., 2]
        moved = _beside(lever)  # (T, 2, 3, 6)
        weighted = np.swapaxes(moved * (weights[:, :, point, None, None] * trust[:, None]), -1, -2)
        matrix += weighted @ moved
        right += _times(weighted, missing[:, :, point])
    return np.linalg.inv(matrix), right


def _pelvis(stance: Stance, inverse: Floats, right: Floats, hips: Floats) -> tuple[Floats, Floats]:
    """What shifts and turns of the hips solve for which legs and feet, as :func:`_feet` has them, give way the least.

    Returns:
        A matrix (T, 6, 6) and a right side (T, 6), for turns near to the present ones (T, 3).
    """
    stiff = _stiffness(stance)
    left = stiff - stiff @ inverse[..., :3, :3] @ stiff  # of legs whose feet give way, too (a Schur complement)
    moved = _beside(-_cross(_turned_hips(stance, hips)))  # (T, 2, 3, 6) by a shift and a further turn
    turned = np.swapaxes(moved, -1, -2)
    matrix = (turned @ left @ moved).sum(axis=1)
    asked = _times(stiff @ inverse[..., :3, :], right) - _times(left, _hip_moves(stance, np.zeros_like(hips), hips))
    sides = _times(turned, asked).sum(axis=1) + _times(matrix[..., 3:], hips)
    return matrix, sides


def _settled_pelvis(stance: Stance, matrix: Floats, sides: Floats, pelvis: Floats) -> Floats:
    """A better shift and turn of the hips (T, 6), smooth in time, one component after the other (Gauss and Seidel).

    Args:
        stance: for the time.
        matrix: (T, 6, 6) and
        sides: (T, 6), what is solved.
        pelvis: (T, 6), the present one.
    """
    pelvis, count = pelvis.copy(), len(pelvis)
    usual = np.repeat(1 / np.array([LEG_RAD * stance.leg_length, _hips_rad(stance)]) ** 2, 3)
    pull = np.repeat([PULL_BACK, 1.0], 3)
    timeline = Timeline(stance.times_s) if count > 2 else None
    weights = (np.diagonal(matrix, axis1=1, axis2=2) / usual + pull).T  # (6, T)
    systems: list[Any] = [None] * 6
    if timeline is not None:
        bending = np.full((1, count - 2), TIME_CONSTANT_S**4)
        systems = [
            PentadiagonalSystem(*timeline.bands(own[None], bending, np.zeros((1, count - 1)))) for own in weights
        ]
    for _ in range(SWEEPS):
        for axis, system in enumerate(systems):
            others = _times(matrix[:, axis, None], pelvis)[:, 0] - matrix[:, axis, axis] * pelvis[:, axis]
            asked = (sides[:, axis] - others) / usual[axis]
            if timeline is None:
                pelvis[:, axis] = asked / weights[axis]
            else:
                pelvis[:, axis] = system.solve((timeline.share * asked)[None])[0]
    return pelvis


def _hips_rad(stance: Stance) -> float:
    """By how much hips turn before it counts: on wide ones a turn carries the feet further, and has to be undone."""
    width = float(np.linalg.norm(stance.hips[:, 0] - stance.hips[:, 1], axis=-1).mean())
    return float(HIPS_RAD * np.sqrt(max(1.0, width / (USUAL_HIPS * stance.leg_length))))


def _stiffness(stance: Stance) -> Floats:
    stiff: Floats = stance.stiffness / LEG_RAD**2
    return stiff


def _weights(stance: Stance) -> Floats:
    """(T, 2, 2) how much heels and toes count: while a foot rests, they take over from each other smoothly."""
    weights = np.zeros(stance.resting.shape)
    for foot, start, end in stance.contacts:
        resting, times = stance.resting[start:end, foot].astype(np.float64), stance.times_s[start:end]
        reach = round(ROLL_OVER_S / 2 / max(np.median(np.diff(times)), 1e-6)) if len(times) > 1 else 0
        padded = np.pad(resting, ((reach + 1, reach), (0, 0)), mode="edge")
        total = np.cumsum(padded, axis=0)
        width = 2 * reach + 1
        weights[start:end, foot] = (total[width:] - total[:-width]) / width if reach else resting
    return weights


def _places(stance: Stance, points: Floats) -> Floats:
    """(T, 2, 2, 3) level: where each contact of a heel or toe is, from the goals to the points (T, 2, 2, 3)."""
    places = np.zeros(points.shape)
    for foot, start, end in stance.contacts:
        for point in (0, 1):
            rests = stance.resting[start:end, foot, point]
            if rests.any():
                away = (points - stance.goals)[start:end, foot, point, :2]
                places[start:end, foot, point, :2] = away[rests].mean(axis=0)
    return places


def _turned(stance: Stance, feet: Floats) -> tuple[Floats, Floats]:
    """Arms and tips (T, 2, 2, 3) when feet are turned."""
    both = stance.arms.shape[:3]
    turn, about_vertical = rotations.exp(feet), rotations.exp(feet * np.array([0.0, 0.0, 1.0]))
    return (
        rotations.rotate(np.broadcast_to(turn[:, :, None], (*both, 4)), stance.arms),
        rotations.rotate(np.broadcast_to(about_vertical[:, :, None], (*both, 4)), stance.tips),
    )


def runs(mask: Mask) -> list[tuple[int, int]]:
    """First frame, and the one after the last, of every run of true ones (T,)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _at_most(vectors: Floats, longest: float) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    shortened: Floats = vectors * np.minimum(1, longest / np.maximum(length, longest))
    return shortened


def _times(matrix: Floats, vector: Floats) -> Floats:
    """(..., N, M) and (..., M) -> (..., N)."""
    product: Floats = (matrix @ vector[..., None])[..., 0]
    return product


def _beside(lever: Floats) -> Floats:
    """(..., 3, 3) what a turn moves -> (..., 3, 6) what a move and that turn move."""
    return np.concatenate((np.broadcast_to(np.eye(3), lever.shape), lever), axis=-1)


def _cross(vector: Floats) -> Floats:
    """(..., 3) -> (..., 3, 3), the matrix that crosses with it."""
    x, y, z = np.moveaxis(vector, -1, 0)
    zero = np.zeros_like(x)
    rows = [np.stack(row, axis=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    return np.stack(rows, axis=-2)
