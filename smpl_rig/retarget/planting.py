"""Feet that rest go on resting, on legs of other proportions.

A rig's feet follow the person's soles on the path that is scaled by the legs, while they rest: where a sole lies still,
the rig's does. What its own proportions add is taken away, first by moving the pelvis, which bends no leg, and then by
turning the legs. Where a foot is planted is left to the rig: in each contact it is moved as little as can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..soles import HEEL_BEHIND_ANKLE_M, TOE_BEFORE_BALL_M, sole_points
from .retargeting import Performance, Retargeting, WorldPose
from .rig_map import SIDES
from .two_bone import Limb, nearer_goal, reach

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: Contact is taken for granted above this probability.
SURE = 0.5
#: A foot is led to its place, and let go, within this time.
FADE_S = 0.2
#: Heel and toe take over from each other within this time, and a contact is not interrupted for less.
ROLL_OVER_S = 0.1
#: Legs are turned by no more to hold a foot, whatever their proportions; found in so many trials.
MOST_TURN_RAD, TRIALS = np.deg2rad(2.5), 10
#: Knees are bent or straightened by no more; rather does a foot rest some millimetres above or below the floor.
MOST_BEND_RAD = np.deg2rad(3.5)
#: Of a person whose contacts nobody has found: soles so slow and so near to the lowest that they come rest.
SLOW_M_PER_S = 0.25
LOW_M = 0.06
#: From the ankle to where a rig without toes is taken to bend them, as a part of the leg's length.
BALL_BEFORE_ANKLE = 0.15


def plant_feet(retargeting: Retargeting, pose: WorldPose, performance: Performance) -> WorldPose:
    """The pose with feet that stay where they are planted.

    Args:
        retargeting: of the rig.
        pose: that follows the performance.
        performance: whose soles are followed. Where no contacts are known, they are found by
            how slow and low soles are.
    """
    source = sole_points(performance.turned, performance.joints, performance.rest_joints)  # (T, 4, 3)
    resting = _resting(source, performance)
    if not resting.any():
        return pose
    wanted = retargeting.brought(source, performance)
    missing = wanted - _rig_soles(retargeting, pose)
    feet = [_correction(missing[:, 2 * n : 2 * n + 2], resting[:, 2 * n : 2 * n + 2], performance) for n in (0, 1)]
    hold = np.stack([weight for _, weight in feet], axis=-1)  # (T, 2)
    moved = np.stack([correction for correction, _ in feet], axis=1)  # (T, 2, 3), where held
    shared = (hold[..., None] * moved).sum(axis=1) / np.maximum(hold.sum(axis=1), 1)[:, None]
    pose = WorldPose(pose.turned, pose.place + shared)
    heads = retargeting.heads(pose)
    turned = dict(pose.turned)
    for number, side in enumerate(SIDES):
        hip, knee, ankle = (retargeting.limb_bone(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
        left_over = hold[:, number, None] * (moved[:, number] - shared)
        held = hold[:, number] > 0
        now = (heads[ankle] - heads[hip])[held]
        upper, lower = _led(_leg(retargeting, side), turned[hip][held], turned[knee][held], now, left_over[held])
        turned[hip], turned[knee] = _replaced(turned[hip], held, upper), _replaced(turned[knee], held, lower)
    return WorldPose(turned, pose.place)


def _led(leg: Limb, upper: Floats, lower: Floats, now: Floats, move: Floats) -> tuple[Floats, Floats]:
    """A leg turned so that its ankle moves, as far as bones may turn (T, 4).

    Args:
        leg: at rest.
        upper: (T, 4) of the thigh.
        lower: (T, 4) of the shin.
        now: (T, 3) metres from hip to ankle.
        move: (T, 3) metres.
    """
    share = np.ones((len(now), 1))
    for _ in range(TRIALS):
        goal = nearer_goal(leg, upper, lower, now + share * move, MOST_BEND_RAD)
        thigh, shin = reach(leg, upper, lower, goal)
        most = np.maximum(_angle(upper, thigh), _angle(lower, shin))[:, None]
        share *= np.minimum(1, MOST_TURN_RAD / np.maximum(most, MOST_TURN_RAD / 2))
    return thigh, shin


def _angle(a: Floats, b: Floats) -> Floats:
    """(T, 4) and (T, 4) -> (T,) radians."""
    return np.linalg.norm(rotations.log(rotations.multiply(rotations.conjugate(a), b)), axis=-1)


def rig_sole_points(retargeting: Retargeting) -> dict[str, tuple[str, Floats]]:
    """For left heel, left toe, right heel, right toe the bone it belongs to, and where it is at rest, (3,) metres."""
    points = {}
    for side in SIDES:
        ankle = retargeting.places[f"{side}_ankle"]
        ahead = retargeting.axes[2]
        ball = retargeting.places.get(
            f"{side}_foot", ankle + BALL_BEFORE_ANKLE * _leg_length(retargeting, side) * ahead
        )
        along = (ball - ankle) * np.array([1.0, 1.0, 0.0])
        if np.linalg.norm(along) > 0:
            ahead = along / np.linalg.norm(along)
        heel = ankle - HEEL_BEHIND_ANKLE_M * retargeting.scale * ahead
        toe = ball + TOE_BEFORE_BALL_M * retargeting.scale * ahead
        foot = retargeting.limb_bone(f"{side}_ankle")
        toes = retargeting.bones.joints.get(f"{side}_foot", foot)
        on_floor = np.array([1.0, 1.0, 0.0])
        points[f"{side}_heel"], points[f"{side}_toe"] = (foot, heel * on_floor), (toes, toe * on_floor)
    return points


def _rig_soles(retargeting: Retargeting, pose: WorldPose) -> Floats:
    """(T, 4, 3) metres: the soles of the rig."""
    heads, rig = retargeting.heads(pose), retargeting.rig
    return np.stack(
        [
            heads[bone] + rotations.rotate(pose.turned[bone], place - rig.heads[rig.index(bone)])
            for bone, place in rig_sole_points(retargeting).values()
        ],
        axis=1,
    )


def _resting(points: Floats, performance: Performance) -> Mask:
    """(T, 4); a moment of doubt within a contact ends none."""
    if performance.contacts.any() or len(points) < 2:
        return _closed(performance.contacts > SURE, performance.times_s)
    speed = np.linalg.norm(np.gradient(points, performance.times_s, axis=0), axis=-1)
    lowest = np.percentile(points[..., 2].min(axis=1), 5)
    found: Mask = (speed < SLOW_M_PER_S) & (points[..., 2] < lowest + LOW_M)
    return _closed(found, performance.times_s)


def _closed(resting: Mask, times: Floats) -> Mask:
    """(T, 4) without the gaps that are shorter than :data:`ROLL_OVER_S`."""
    closed = resting.copy()
    for point in closed.T:
        for start, end in _runs(~point):
            if start > 0 and end < len(times) and times[end] - times[start - 1] < ROLL_OVER_S:
                point[start:end] = True
    return closed


def _correction(missing: Floats, resting: Mask, performance: Performance) -> tuple[Floats, Floats]:
    """How far one foot has to be moved (T, 3), and how much it is held (T,), from 0 to 1.

    Args:
        missing: (T, 2, 3) from where heel and toe are to where they should be.
        resting: (T, 2) when each rests.
        performance: for the time.
    """
    times = performance.times_s
    moved, hold = np.zeros((len(times), 3)), np.zeros(len(times))
    runs = _runs(resting.any(axis=1))
    for start, end in runs:
        moved[start:end] = _least_move(missing[start:end], resting[start:end], times[start:end])
        hold[start:end] = 1
    for number, (start, end) in enumerate(runs):
        before = runs[number - 1][1] if number else 0
        after = runs[number + 1][0] if number + 1 < len(runs) else len(times)
        _fade(moved, hold, np.arange(start - 1, before - 1, -1), start, times, meets=before > 0)
        _fade(moved, hold, np.arange(end, after), end - 1, times, meets=after < len(times))
    return moved, hold


def _least_move(missing: Floats, resting: Mask, times: Floats) -> Floats:
    """(N, 3) of one contact: what brings the foot to rest, somewhere near to where it is anyway."""
    missing = missing.copy()
    both = resting.all(axis=1)
    turn = both if both.any() else _changes(resting)
    if turn.any():  # where the one takes over from the other they agree
        missing[:, 1, :2] += (missing[turn, 0] - missing[turn, 1]).mean(axis=0)[:2]
    weight = _smoothed(resting.astype(np.float64), times)
    moved: Floats = (weight[..., None] * missing).sum(axis=1) / weight.sum(axis=1)[:, None]
    moved[:, :2] -= moved[:, :2].mean(axis=0)
    return moved


def _changes(resting: Mask) -> Mask:
    """(N, 2) -> (N,) the frames at which heel and toe take over from each other."""
    changes = np.zeros(len(resting), dtype=bool)
    changes[1:] = (resting[1:, 0] & resting[:-1, 1]) | (resting[1:, 1] & resting[:-1, 0])
    return changes


def _smoothed(weight: Floats, times: Floats) -> Floats:
    """(N, 2) weights that change within :data:`ROLL_OVER_S`."""
    reach_frames = round(ROLL_OVER_S / 2 / max(np.median(np.diff(times)), 1e-6)) if len(times) > 1 else 0
    if reach_frames == 0:
        return weight
    padded = np.pad(weight, ((reach_frames, reach_frames), (0, 0)), mode="edge")
    total = np.cumsum(np.pad(padded, ((1, 0), (0, 0))), axis=0)
    width = 2 * reach_frames + 1
    smooth: Floats = (total[width:] - total[:-width]) / width
    return smooth


def _fade(moved: Floats, hold: Floats, frames: NDArray[np.intp], edge: int, times: Floats, *, meets: bool) -> None:
    """Lets go of a foot over the frames next to a contact's edge, half way at most to a contact that they meet."""
    away = np.abs(times[frames] - times[edge])
    span = min(FADE_S, away[-1] / 2) if meets and len(away) else FADE_S
    frames, away = frames[away < span], away[away < span]
    part = away / span
    moved[frames] = moved[edge]
    hold[frames] = 1 - part**2 * (3 - 2 * part)


def _leg(retargeting: Retargeting, side: str) -> Limb:
    hip, knee, ankle = (retargeting.places[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    return Limb(knee - hip, ankle - knee, retargeting.axes[0])


def _leg_length(retargeting: Retargeting, side: str) -> float:
    leg = _leg(retargeting, side)
    return float(np.linalg.norm(leg.upper) + np.linalg.norm(leg.lower))


def _replaced(whole: Floats, where: Mask, part: Floats) -> Floats:
    result = whole.copy(order="K")
    result[where] = part
    return result


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First frame, and the one after the last, of every run of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
