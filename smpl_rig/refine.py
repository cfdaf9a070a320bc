"""Accuracy against smoothness: a pure function of a Motion and one number, instant and repeatable.

Flaws, frames that no body can have moved through, are taken out first (:mod:`smpl_rig.flaws`) and short gaps bridged.
Then every bone's direction in the world and the pelvis's place follow their most likely trajectories
(:mod:`smpl_rig.trajectories`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import flaws, kinematics, resting_feet, rotations
from .body_parts import BODY_PARTS
from .errors import LimberError
from .motion import Motion
from .skeleton import INDEX, JOINT_COUNT
from .smoothness import DEFAULT_SMOOTHNESS
from .soles import sole_points
from .timeline import Timeline
from .trajectories import BoneTrajectories, RootTrajectory

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: A joint that was not seen follows its neighbours in time; this little trust keeps it from swinging out.
LEAST_CONFIDENCE = 1e-4
#: Once a block of this size is freed, Linux's C library keeps what is freed after it for the next large arrays. Else it
#: hands memory back, to get it anew page by page: a third of all the time that a refinement takes (mallopt(3)).
KEPT_BYTES = 33_000_000
#: Gaps up to this long are filled with the motion that bends least; longer ones stay as they were captured.
LONGEST_GAP_S = 0.5


def refine(
    motion: Motion, smoothness: float | Floats = DEFAULT_SMOOTHNESS, parts: Mapping[str, float] | None = None
) -> Motion:
    """Smooths a Motion.

    Args:
        motion: the raw capture; it is not changed.
        smoothness: 0 returns the capture itself, bit for bit, 1 is the smoothest; or (T,) one for each frame.
        parts: a smoothness of their own for some of :data:`smpl_rig.body_parts.BODY_PARTS`. With 0, a part's bones keep
            the directions in the world in which they were captured.

    Returns:
        A Motion whose ``poses``, ``trans`` and ``joints_world`` are refined; all else is as it was.

    Raises:
        LimberError: if a smoothness is not within 0 and 1, there is not one for each frame, or a part is unknown.
    """
    check_smoothness(smoothness, parts)
    if _is_raw(smoothness, parts):
        return motion
    return Refinement(motion).at(smoothness, parts)


def check_smoothness(smoothness: float | Floats, parts: Mapping[str, float] | None = None) -> None:
    """Refuses what :func:`refine` does not understand.

    Raises:
        LimberError: as :func:`refine` does, but for the number of frames.
    """
    values = np.asarray(smoothness)
    wrong = values[~((values >= 0) & (values <= 1))]
    if wrong.size:
        raise LimberError(f"Smoothness is {wrong[0]}; it must lie between 0 (raw capture) and 1 (smoothest).")
    for part, value in (parts or {}).items():
        if part not in BODY_PARTS:
            raise LimberError(f"There is no part of the body called '{part}'. Choose one of {', '.join(BODY_PARTS)}.")
        if not 0 <= value <= 1:
            raise LimberError(f"Smoothness of the {part} is {value}; it must lie between 0 and 1.")


def open_gaps(motion: Motion) -> list[tuple[float, float]]:
    """Where nobody was seen for so long that nothing is filled in: each gap's first and last unseen moment, seconds."""
    runs = _runs(~motion.observed)
    times = motion.timestamps_s
    return [(float(times[start]), float(times[end - 1])) for start, end in runs if _is_open(times, start, end)]


class Refinement:
    """All of a refinement that does not depend on the slider, so that moving it costs little.

    Attributes:
        motion: the raw capture.
    """

    def __init__(self, motion: Motion) -> None:
        self.motion = motion
        if len(motion) < 3:
            return
        np.empty(KEPT_BYTES, dtype=np.uint8)
        self._timeline = Timeline(motion.timestamps_s)
        self._bridged, unfilled = _gaps(motion)
        self._rest = motion.rest_joints.astype(np.float64)
        # no acceleration is told across a gap that stays open
        told = ~(unfilled[:-2] | unfilled[1:-1] | unfilled[2:])  # (T-2,)
        self._bone_trajectories = self._bones(told)
        self._root_trajectory = self._root(told)

    def at(self, smoothness: float | Floats = DEFAULT_SMOOTHNESS, parts: Mapping[str, float] | None = None) -> Motion:
        """The refined Motion; arguments, result and errors as :func:`refine` has them."""
        check_smoothness(smoothness, parts)
        frames = len(self.motion)
        if np.ndim(smoothness) and np.shape(smoothness) != (frames,):
            raise LimberError(f"Smoothness has shape {np.shape(smoothness)}, expected one number or ({frames},).")
        if frames < 3 or _is_raw(smoothness, parts):
            return self.motion
        each = _strength(_of_joints(smoothness, parts, frames))
        turned = self._bone_trajectories.at(each)
        about_pelvis = kinematics.joint_positions(turned, self._rest, -self._rest[0])
        soles = sole_points(turned, about_pelvis, self._rest)
        pelvis = self._root_trajectory.at(each[0], soles)
        of_legs = each[INDEX["left_hip"] if len(each) > 1 else 0]
        still = self._standing(soles + pelvis[:, None])
        positions = about_pelvis + pelvis[:, None]
        turned, positions = resting_feet.hold(self._timeline, turned, positions, self._rest, still, of_legs)
        local = kinematics.relative_rotations(turned)
        return self.motion.with_joints(local, pelvis - self._rest[0], positions)

    def _standing(self, soles: Floats) -> Floats:
        """How surely soles (T, 4, 3) in the world stand still, (T, 4)."""
        motion = self.motion
        camera = motion.world_from_camera[:, :3, 3].astype(np.float64)
        return resting_feet.standing(soles, motion.contacts.astype(np.float64), motion.timestamps_s, camera)

    def _bones(self, told: Mask) -> BoneTrajectories:
        motion = self.motion
        captured = rotations.exp(motion.rotation_vectors)
        flawed = flaws.flawed_rotations(captured, motion.timestamps_s) | self._bridged[:, None]
        turned = kinematics.global_rotations(_without(captured, flawed))
        return BoneTrajectories(self._timeline, turned, self._trust(flawed, motion.confidence), told)

    def _root(self, told: Mask) -> RootTrajectory:
        motion = self.motion
        captured = motion.pelvis_world
        flawed = flaws.flawed_positions(captured, motion.timestamps_s) | self._bridged
        pelvis = _bridged_positions(captured, motion.timestamps_s, flawed)
        weight = self._trust(flawed[:, None], motion.confidence[:, :1])[0]
        return RootTrajectory(self._timeline, pelvis, weight, motion.contacts, told)

    def _trust(self, flawed: Mask, confidence: Floats) -> Floats:
        """(T, J) -> (J, T)."""
        observed = self.motion.observed
        trust = np.where(flawed.T | ~observed, 0, confidence.T.astype(np.float64, order="C"))
        trust[:, ~observed & ~self._bridged] = 1  # what stays open stays as it is
        return np.maximum(trust, LEAST_CONFIDENCE, out=trust)


def _is_raw(smoothness: float | Floats, parts: Mapping[str, float] | None) -> bool:
    return not np.any(smoothness) and not any((parts or {}).values())


def _of_joints(smoothness: float | Floats, parts: Mapping[str, float] | None, frames: int) -> Floats:
    """(24, T) each joint's own smoothness, or (1, T) that of all."""
    of_all = np.broadcast_to(np.asarray(smoothness, dtype=np.float64), (1, frames))
    if not parts:
        return of_all
    each = np.repeat(of_all, JOINT_COUNT, axis=0)
    for part, value in parts.items():
        each[[INDEX[name] for name in BODY_PARTS[part]]] = value
    return each


def _strength(smoothness: Floats) -> Floats:
    """Of the trajectories, 0 to 1. It grows ever slower up the slider and stands still at 1.

    There, as the library's validation part shows, more would take as much from the motion as from the noise, and still
    more would take more.
    """
    return np.asarray(smoothness * (3 - smoothness**2) / 2)


def _gaps(motion: Motion) -> tuple[Mask, Mask]:
    """Unseen frames (T,) that are filled, and those that are not."""
    filled, unfilled = np.zeros(len(motion), dtype=bool), np.zeros(len(motion), dtype=bool)
    for start, end in _runs(~motion.observed):
        (unfilled if _is_open(motion.timestamps_s, start, end) else filled)[start:end] = True
    return filled, unfilled


def _is_open(times_s: Floats, start: int, end: int) -> bool:
    """Whether the gap of frames ``start`` to ``end`` is too long to be filled, or has no motion on one of its sides."""
    if start == 0 or end == len(times_s):
        return True
    return bool(times_s[end] - times_s[start - 1] > LONGEST_GAP_S)


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First frame, and the one after the last, of every run of true ones."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _without(local: Floats, flawed: Mask) -> Floats:
    """Rotations (T, J, 4) whose flawed frames (T, J) are replaced by the way between the good ones around them."""
    result = local.copy(order="K")
    for joint in np.flatnonzero(flawed.any(axis=0) & ~flawed.all(axis=0)):
        bad, good = np.flatnonzero(flawed[:, joint]), np.flatnonzero(~flawed[:, joint])
        after = np.searchsorted(good, bad)
        start, end = good[np.maximum(after - 1, 0)], good[np.minimum(after, len(good) - 1)]
        part = (bad - start) / np.maximum(end - start, 1)
        way = rotations.log(rotations.relative(local[start, joint], local[end, joint]))
        result[bad, joint] = rotations.multiply(local[start, joint], rotations.exp(way * part[:, None]))
    return result


def _bridged_positions(positions: Floats, times_s: Floats, flawed: Mask) -> Floats:
    """The same for positions (T, 3)."""
    if not flawed.any() or flawed.all():
        return positions
    return np.stack([np.interp(times_s, times_s[~flawed], column[~flawed]) for column in positions.T], axis=-1)
