"""Which way is up, in axes that stand still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.skeleton import INDEX

Floats = NDArray[np.floating[Any]]

#: A body leaning further than this from the camera's own up says nothing of gravity: it lies, crawls or falls.
FURTHEST_LEAN_RAD = np.radians(40)
#: A leg is stretched when hip and ankle are this part of its length apart; a hip, when trunk and legs differ by less.
STRETCHED_LEG = 0.93
STRETCHED_HIP_RAD = np.radians(25)
#: Somebody standing straight is upright within this; a camera is level within the other.
STANDING_DEVIATION_RAD = np.radians(8)
LEVEL_DEVIATION_RAD = np.radians(10)
#: While a camera turns, its horizon is kept level better than its view.
ROLL_DEVIATION_RAD, PITCH_DEVIATION_RAD = np.radians(4), np.radians(10)
#: People stand at one angle for a while, so that many frames are not many witnesses. Somebody who stands for all of a
#: shorter time is one; a moment of standing straight amid other motion is less than that.
WITNESS_S = 1.0


def world_from_camera_rotation(
    joints: Floats, observed: NDArray[np.bool_], times_s: Floats, turns: Floats | None = None
) -> Floats:
    """(3, 3): a level camera, pitched and rolled as far as the people who stand straight in it make likely.

    A body's long axis, from the ankles to the neck, is upright on average while hips and both legs are stretched. Such
    frames are weighed against the prior that cameras are held level. Who lies, sits, bows or crawls says nothing, so
    the world is never tilted to stand them up.

    Args:
        joints: (T, 24, 3) metres in camera axes; if the camera turns, in the axes to which its turns lead.
        observed: (T,) bool.
        times_s: (T,).
        turns: (T, 3, 3) from the camera's axes in each frame to axes that stand still; None if the camera does.
    """
    return shared_world_rotation([(joints, observed, times_s)], turns)


def shared_world_rotation(
    people: Sequence[tuple[Floats, NDArray[np.bool_], Floats]], turns: Floats | None = None
) -> Floats:
    """:func:`world_from_camera_rotation` by several people, who each count by how long they stand straight.

    Args:
        people: joints, observed and times_s of each, as there.
        turns: of all of their frames, (N, 3, 3); None if the camera does not turn.
    """
    level_up = np.array([0.0, -1.0, 0.0]) if turns is None else _level_up(turns)
    levelled: Floats = WORLD_FROM_LEVEL_CAMERA
    if turns is not None:
        levelled = levelled @ rotations.to_matrix(rotations.between(level_up, np.array([0.0, -1.0, 0.0])))
    told = [axis for axis in (_long_axis(*person, level_up) for person in people) if axis is not None]
    if not told:
        return levelled
    witnesses = sum(weight for _, weight in told)
    mean_axis = np.sum([weight * axis for axis, weight in told], axis=0)
    mean_axis = mean_axis / np.linalg.norm(mean_axis)
    evidence = witnesses / STANDING_DEVIATION_RAD**2
    trust = evidence / (evidence + 1 / LEVEL_DEVIATION_RAD**2)
    tilt = rotations.log(rotations.between(mean_axis, level_up))
    return np.asarray(levelled @ rotations.to_matrix(rotations.exp(trust * tilt)))


def _long_axis(
    joints: Floats, observed: NDArray[np.bool_], times_s: Floats, level_up: Floats
) -> tuple[Floats, float] | None:
    """(3,) of somebody who stands straight, and as how many witnesses that counts; None if they never do."""
    ankles = joints[:, [INDEX["left_ankle"], INDEX["right_ankle"]]].mean(axis=1)
    axis = joints[:, INDEX["neck"]] - ankles
    axis = axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-6)  # (T, 3)
    standing = observed & _stands_straight(joints) & (axis @ level_up > np.cos(FURTHEST_LEAN_RAD))
    if not standing.any():
        return None
    mean_axis = np.median(axis[standing], axis=0)
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else WITNESS_S
    witnesses = max(standing.sum() * step_s / WITNESS_S, standing.sum() / observed.sum())
    return mean_axis / np.linalg.norm(mean_axis), float(witnesses)


def _level_up(turns: Floats) -> Floats:
    """(3,) the direction that is up if the horizon is as level as can be, and the view, over all frames.

    A camera that pans about a vertical axis shows that axis, even while it looks down.
    """
    across, ahead = turns[:, :, 0], turns[:, :, 2]  # (T, 3)
    rolled, pitched = (np.einsum("ti,tj->ij", axis, axis) / len(turns) for axis in (across, ahead))
    _, axes = np.linalg.eigh(rolled / ROLL_DEVIATION_RAD**2 + pitched / PITCH_DEVIATION_RAD**2)
    up: Floats = axes[:, 0]
    return up if up @ turns[:, :, 1].sum(axis=0) < 0 else -up


def _stands_straight(joints: Floats) -> NDArray[np.bool_]:
    """(T,) whether hips and both legs are stretched."""
    straight = np.ones(len(joints), dtype=bool)
    for side in ("left", "right"):
        hip, knee, ankle = (joints[:, INDEX[f"{side}_{name}"]] for name in ("hip", "knee", "ankle"))
        length = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
        straight &= np.linalg.norm(ankle - hip, axis=-1) > STRETCHED_LEG * length
    hips, ankles = (
        joints[:, [INDEX[f"left_{name}"], INDEX[f"right_{name}"]]].mean(axis=1) for name in ("hip", "ankle")
    )
    trunk, legs = joints[:, INDEX["neck"]] - hips, hips - ankles
    lengths = np.linalg.norm(trunk, axis=-1) * np.linalg.norm(legs, axis=-1)
    return np.asarray(straight & (np.sum(trunk * legs, axis=-1) > np.cos(STRETCHED_HIP_RAD) * lengths))
