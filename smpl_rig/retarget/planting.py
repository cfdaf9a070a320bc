"""Feet that rest go on resting, on legs of other proportions.

A rig's soles do as the person's on the path that is scaled by the legs, while they rest: where a sole lies still, the
rig's does. What its own proportions add is taken away by moving and turning the pelvis, by turning the feet and, a
little, the legs (:mod:`smpl_rig.retarget.footing`). Where a foot is planted is left to the rig: steps may be longer or
shorter than on the scaled path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..soles import HEEL_BEHIND_ANKLE_M, TOE_BEFORE_BALL_M, sole_points
from ..two_bone import Limb, nearer_goal, reach, stiffness
from .footing import ROLL_OVER_S, Footing, Stance, runs, settle
from .retargeting import Performance, Retargeting, WorldPose
from .rig_map import SIDES

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: Contact is taken for granted above this probability.
SURE = 0.5
#: Of how the person's soles move while they rest, so much is kept.
KEPT_SKATE = 0.8
#: A foot is led to its place, and let go, within this time.
FADE_S = 0.2
#: Legs are turned by no more to hold a foot, whatever their proportions; found in so many trials.
MOST_TURN_RAD, TRIALS = np.deg2rad(2.5), 16
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
    goals = retargeting.brought(source, performance).reshape(-1, 2, 2, 3)
    stance = _stance(retargeting, pose, goals, resting.reshape(-1, 2, 2), performance.times_s)
    return _with_footing(retargeting, pose, _faded(settle(stance), stance))


def _stance(retargeting: Retargeting, pose: WorldPose, goals: Floats, resting: Mask, times_s: Floats) -> Stance:
    """What of a pose (T) matters to feet; ``goals`` (T, 2, 2, 3) metres and ``resting`` (T, 2, 2) of heels and toes."""
    heads = retargeting.heads(pose)
    soles = _rig_soles(retargeting, pose).reshape(-1, 2, 2, 3)
    hips, ankles = (
        np.stack([heads[retargeting.limb_bone(f"{side}_{joint}")] for side in SIDES], axis=1)
        for joint in ("hip", "ankle")
    )
    tips = np.zeros(soles.shape)
    for number, side in enumerate(SIDES):
        if f"{side}_foot" in retargeting.bones.joints:
            tips[:, number, 1] = soles[:, number, 1] - heads[retargeting.limb_bone(f"{side}_foot")]
    legs = [_leg(retargeting, side) for side in SIDES]
    stiff = [
        stiffness(leg, *(pose.turned[retargeting.limb_bone(f"{side}_{joint}")] for joint in ("hip", "knee")))
        for side, leg in zip(SIDES, legs, strict=True)
    ]
    return Stance(
        ankles=ankles,
        hips=hips - hips.mean(axis=1, keepdims=True),
        arms=soles - tips - ankles[:, :, None],
        tips=tips,
        goals=_calmed(goals, resting),
        resting=resting,
        stiffness=np.stack(stiff, axis=1),
        leg_length=float(np.mean([leg.length for leg in legs])),
        times_s=times_s,
    )


def _calmed(goals: Floats, resting: Mask) -> Floats:
    """Goals (T, 2, 2, 3) that move over the floor a little less while they rest (T, 2, 2) than the person's."""
    calmed = goals.copy()
    for foot in (0, 1):
        for start, end in runs(resting[:, foot].any(axis=-1)):
            for point in (0, 1):
                rests = resting[start:end, foot, point]
                path = calmed[start:end, foot, point, :2]
                middle = path[rests].mean(axis=0) if rests.any() else path.mean(axis=0)
                path += (1 - KEPT_SKATE) * (middle - path)
    return calmed


def _faded(footing: Footing, stance: Stance) -> Footing:
    """Feet and legs that come to what a contact asks of them, and leave it, gradually."""
    feet, legs, times = footing.feet.copy(), footing.legs.copy(), stance.times_s
    for foot in (0, 1):
        contacts = runs(stance.resting[:, foot].any(axis=-1))
        for number, (start, end) in enumerate(contacts):
            before = contacts[number - 1][1] if number else 0
            after = contacts[number + 1][0] if number + 1 < len(contacts) else len(times)
            for around, edge, meets in (
                (range(start - 1, before - 1, -1), start, before > 0),
                (range(end, after), end - 1, after < len(times)),
            ):
                frames = np.array(around, dtype=np.intp)
                left = _left(np.abs(times[frames] - times[edge]), meets=meets)[:, None]
                feet[frames, foot] += left * footing.feet[edge, foot]
                legs[frames, foot] += left * footing.legs[edge, foot]
    return Footing(footing.shift, footing.hips, feet, legs)


def _left(away_s: Floats, *, meets: bool) -> Floats:
    """(N,) from 1 at a contact's edge to 0, half way at most to another contact that these frames meet."""
    span = min(FADE_S, float(away_s[-1]) / 2) if meets and len(away_s) else FADE_S
    part = np.minimum(away_s / max(span, 1e-9), 1)
    return np.asarray(1 - part**2 * (3 - 2 * part))


def _with_footing(retargeting: Retargeting, pose: WorldPose, footing: Footing) -> WorldPose:
    """The pose (T) in which hips, feet and legs have given way."""
    turned = dict(pose.turned)
    heads = retargeting.heads(pose)
    turn = rotations.exp(footing.hips)
    middle = (heads[retargeting.limb_bone("left_hip")] + heads[retargeting.limb_bone("right_hip")]) / 2
    place = middle + footing.shift + rotations.rotate(turn, pose.place - middle)
    turned[retargeting.carrier] = rotations.multiply(turn, turned[retargeting.carrier])
    heads = retargeting.heads(WorldPose(turned, place))
    for number, side in enumerate(SIDES):
        hip, knee, ankle = (retargeting.limb_bone(f"{side}_{joint}") for joint in ("hip", "knee", "ankle"))
        held = np.linalg.norm(footing.legs[:, number], axis=-1) > 0
        now = (heads[ankle] - heads[hip])[held]
        upper, lower = _led(
            _leg(retargeting, side), turned[hip][held], turned[knee][held], now, footing.legs[held, number]
        )
        turned[hip], turned[knee] = _replaced(turned[hip], held, upper), _replaced(turned[knee], held, lower)
        turned[ankle] = rotations.multiply(rotations.exp(footing.feet[:, number]), turned[ankle])
        if f"{side}_foot" in retargeting.bones.joints:  # toes lie as they did, and point where the foot does
            toes = retargeting.limb_bone(f"{side}_foot")
            about_vertical = rotations.exp(footing.feet[:, number] * np.array([0.0, 0.0, 1.0]))
            turned[toes] = rotations.multiply(about_vertical, turned[toes])
    return WorldPose(turned, place)


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
        if not (most > 1.02 * MOST_TURN_RAD).any():
            break
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
        for start, end in runs(~point):
            if start > 0 and end < len(times) and times[end] - times[start - 1] < ROLL_OVER_S:
                point[start:end] = True
    return closed


def _leg(retargeting: Retargeting, side: str) -> Limb:
    hip, knee, ankle = (retargeting.places[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
    return Limb(knee - hip, ankle - knee, retargeting.axes[0])


def _leg_length(retargeting: Retargeting, side: str) -> float:
    return _leg(retargeting, side).length


def _replaced(whole: Floats, where: Mask, part: Floats) -> Floats:
    result = whole.copy(order="K")
    result[where] = part
    return result
