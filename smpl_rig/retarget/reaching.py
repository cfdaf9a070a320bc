"""Hands that touch: on arms and trunks of other proportions they are led to what the person's are at.

A hand that is near to a place of the person's own body, or to the floor, is as near to the same place of the rig. Arms
then no longer point exactly as the person's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..skeleton import INDEX
from ..two_bone import Limb, reach
from .retargeting import Performance, Retargeting, WorldPose
from .rig_map import SIDES

Floats = NDArray[np.floating[Any]]

#: A hand is led wholly where it touches, and not at all from this far, metres on a person.
NEAR_M = 0.2
#: Of several places within this distance none is preferred.
NEAREST_M = 0.03
#: Places of the body that hands go to; of the other arm, the wrist and elbow.
PLACES: tuple[str, ...] = (
    "head",
    "pelvis",
    *(f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee", "ankle")),
)
_OTHER = {"left": "right", "right": "left"}


def reach_hands(retargeting: Retargeting, pose: WorldPose, performance: Performance) -> WorldPose:
    """The pose with hands that touch what the person's touch.

    Args:
        retargeting: of the rig.
        pose: that follows the performance, its feet planted.
        performance: whose hands are looked at.
    """
    turned = dict(pose.turned)
    heads = retargeting.heads(pose)
    for side in SIDES:
        move = _move(retargeting, heads, pose, performance, side)
        shoulder, elbow, wrist = (retargeting.limb_bone(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
        goal = heads[wrist] - heads[shoulder] + move
        touches = np.linalg.norm(move, axis=-1) > 0
        if touches.any():
            upper, lower = reach(_arm(retargeting, side), turned[shoulder], turned[elbow], goal)
            where = touches[:, None]
            turned[shoulder] = np.where(where, upper, turned[shoulder])
            turned[elbow] = np.where(where, lower, turned[elbow])
    return WorldPose(turned, pose.place)


def _move(
    retargeting: Retargeting, heads: dict[str, Floats], pose: WorldPose, performance: Performance, side: str
) -> Floats:
    """(T, 3) metres by which a hand of the rig has to be moved."""
    joints, wrist = performance.joints, retargeting.limb_bone(f"{side}_wrist")
    places = retargeting.places
    knuckle = places.get(f"{side}_hand", places[f"{side}_wrist"]) - places[f"{side}_wrist"]
    own = heads[wrist] + rotations.rotate(pose.turned[wrist], knuckle)
    hand = joints[:, INDEX[f"{side}_hand" if knuckle.any() else f"{side}_wrist"]]
    distances, moves = [], []
    for place in (*PLACES, f"{_OTHER[side]}_wrist", f"{_OTHER[side]}_elbow"):
        away = hand - joints[:, INDEX[place]]
        distances.append(np.linalg.norm(away, axis=-1))
        moves.append(heads[retargeting.limb_bone(place)] + retargeting.scale * away - own)
    distances.append(np.maximum(hand[:, 2], 0))
    moves.append((retargeting.scale * hand[:, 2] - own[:, 2])[:, None] * [0.0, 0.0, 1.0])
    distance, move = np.stack(distances, axis=-1), np.stack(moves, axis=1)  # (T, P), (T, P, 3)
    nearness = _nearness(distance)
    weight = nearness / (distance**2 + NEAREST_M**2)  # the nearest counts most
    mean = (weight[..., None] * move).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)[:, None]
    led: Floats = mean * (1 - np.prod(1 - nearness, axis=1))[:, None]
    return led


def _nearness(distance: Floats) -> Floats:
    """Metres -> from 1, within half of what is near, to 0."""
    part = np.clip(2 - 2 * distance / NEAR_M, 0, 1)
    nearness: Floats = part**2 * (3 - 2 * part)
    return nearness


def _arm(retargeting: Retargeting, side: str) -> Limb:
    shoulder, elbow, wrist = (retargeting.places[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist"))
    hinge = np.cross(wrist - shoulder, retargeting.axes[2])  # elbows bend forward
    return Limb(elbow - shoulder, wrist - elbow, hinge / np.linalg.norm(hinge))
