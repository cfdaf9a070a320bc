"""Accuracy against smoothness: a pure function of a Motion and one number, instant and repeatable.

Every bone's direction in the world, and the pelvis's place, follow the trajectory x that minimises

    integral of  c(t) |x(t) - y(t)|^2  +  sigma^2 h(t) |x'(t)|^2  +  tau^4 k(t) |x''(t)|^2   dt

where y is what was captured, c its confidence, sigma and tau the time constants that the slider sets, and h and k,
between 0 and 1, how little the motion itself moves and accelerates there: the data is trusted where it was seen, motion
is paid for where there is hardly any and acceleration where the motion is calm. That is the maximum a-posteriori
trajectory for white noise of variance 1 / c, velocities of variance 1 / h and accelerations of variance 1 / k, which a
first fit has shown. The term in x' averages what wanders for tenths of a second, which that in x'' leaves; it
stands for rotations alone. In its upper half the slider goes on to what moves: a second part of k is the variance of
the answer's noise around that moment by that of the motion's acceleration, as Wiener's filter has it. tau grows for
bones whose noise, as the take itself shows it, is larger than usual, sigma for those that wander more, and with them
what counts as motion. The minimum has no delay and is exact (a banded linear system, O(T)), and all constants are in
seconds, so that a setting means the same at every frame rate, uneven ones included.

Rotations are treated in the tangent space of a reference (Gauss-Newton on SO(3)), never as Euler angles or single
components. They are smoothed in the world, not from parent to child: what a detector gets wrong of an upper arm, the
forearm makes good, and smoothing both by different amounts would part what belongs together.

Before that, frames that no body can have moved through are taken out (:mod:`smpl_rig.flaws`) and short gaps bridged.
The root's trajectory also pays for moving a foot that rests, so that feet do not begin to slide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import flaws, kinematics, rotations
from .banded import PentadiagonalSystem
from .body_parts import BODY_PARTS
from .errors import LimberError
from .motion import Motion
from .skeleton import INDEX, JOINT_COUNT
from .smoothness import DEFAULT_SMOOTHNESS
from .soles import sole_points
from .timeline import Timeline

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: tau and sigma of rotations at smoothness 1, where the motion is calm and no noisier than usual.
LONGEST_TIME_CONSTANT_S = 0.087
STILLNESS_S = 0.35
#: tau of the first fit, which shows how much the motion moves and accelerates.
FIRST_TIME_CONSTANT_S = 0.08
#: The first fit is a half as stiff where the captured motion accelerates so much, by places so long before and after.
FIRST_ANGULAR_ACCELERATION = 13.0
FIRST_REACH_S = 0.1
#: k and h are 1 / e where the motion accelerates or moves so much: radians per second squared and radians per second.
USUAL_ANGULAR_ACCELERATION = 5.2
USUAL_ANGULAR_VELOCITY = 0.32
#: How long before and after a moment its acceleration and velocity count: a punch is fastest where it does not
#: accelerate.
ACCELERATION_REACH_S = 0.2
VELOCITY_REACH_S = 0.25
#: Noise is what differs over the second of these times, less what comes from the motion, which over the third differs
#: more than this many times as much. What it is more than that over the first, twice, wanders.
NOISE_SPACINGS_S = (1 / 30, 1 / 15, 2 / 15)
MOTION_GROWS = 10.0
#: The deviation in radians that is usual of either. Where a bone's variance is so many times as large, up to a limit,
#: tau^4 and sigma^2 grow by a power of it, and what counts as motion by a part of it.
USUAL_NOISE_RAD = 0.0077
MOST_NOISE = 20.0
NOISE_POWER = 0.75
NOISE_IN_MOTION = 0.05
#: sigma of rotations at smoothness 1 where there is little but noise, however much moves.
NOISY_STILLNESS_S = 0.05
#: k is at least so much where there is nothing but noise, which looks like motion that is never calm.
NOISY_CALMNESS = 0.01
#: tau at smoothness 1 of what moves, where the noise around, told by frames so far apart, has this deviation.
ROUGH_TIME_CONSTANT_S = 0.045
USUAL_ROUGHNESS_RAD = 0.003
ROUGHNESS_SPACING_S = 1 / 30
ROUGHNESS_REACH_S = 0.6
#: Its variance counts up to so many times that. That of captures grows with this power of the spacing.
MOST_ROUGHNESS = 6.0
ROUGHNESS_GROWTH = 3.4
#: The motion's own part in such noise: k halves where the motion accelerates so much, radians per second squared.
ROUGH_ANGULAR_ACCELERATION = 10.0
#: The same for the root, whose acceleration in metres per second squared counts; it has no term in x'.
ROOT_TIME_CONSTANT_S = 0.15
ROOT_FIRST_TIME_CONSTANT_S = 0.1275
USUAL_ACCELERATION = 5.0
ROOT_REACH_S = 0.1
#: A joint that was not seen follows its neighbours in time; this little trust keeps it from swinging out.
LEAST_CONFIDENCE = 1e-4
#: Gaps up to this long are filled with the motion that bends least; longer ones stay as they were captured.
LONGEST_GAP_S = 0.5
#: A foot that rests is held as if its place were known for this long, at smoothness 1.
RESTING_S = 0.5


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
        times = motion.timestamps_s
        self._timeline = Timeline(times)
        self._bridged, unfilled = _gaps(motion)
        self._rest = motion.rest_joints.astype(np.float64)
        # no acceleration is told across a gap that stays open
        self._told = ~(unfilled[:-2] | unfilled[1:-1] | unfilled[2:])  # (T-2,)
        self._prepare_rotations()
        self._prepare_root()

    def at(self, smoothness: float | Floats = DEFAULT_SMOOTHNESS, parts: Mapping[str, float] | None = None) -> Motion:
        """The refined Motion; arguments, result and errors as :func:`refine` has them."""
        check_smoothness(smoothness, parts)
        frames = len(self.motion)
        if np.ndim(smoothness) and np.shape(smoothness) != (frames,):
            raise LimberError(f"Smoothness has shape {np.shape(smoothness)}, expected one number or ({frames},).")
        if frames < 3 or _is_raw(smoothness, parts):
            return self.motion
        each = _of_joints(smoothness, parts, frames)
        turned = self._rotations_at(each)
        about_pelvis = kinematics.joint_positions(turned, self._rest, -self._rest[0])
        pelvis = self._root_at(each[0], sole_points(turned, about_pelvis, self._rest))
        local = kinematics.relative_rotations(turned)
        return self.motion.with_joints(local, pelvis - self._rest[0], about_pelvis + pelvis[:, None])

    def _prepare_rotations(self) -> None:
        motion, timeline = self.motion, self._timeline
        captured = motion.local_rotations
        flawed = flaws.flawed_rotations(captured, motion.timestamps_s) | self._bridged[:, None]
        turned = kinematics.global_rotations(_without(captured, flawed))
        seen = np.where(flawed | ~motion.observed[:, None], 0, motion.confidence)
        seen[~motion.observed & ~self._bridged] = 1  # what stays open stays as it is
        self._weight = np.maximum(seen.T, LEAST_CONFIDENCE)  # (24, T)
        steps = _steps(turned)
        path = np.zeros((3, JOINT_COUNT, len(motion)))
        np.cumsum(steps, axis=-1, out=path[..., 1:])
        short, middle, long = (timeline.noise_variance(path, spacing_s) for spacing_s in NOISE_SPACINGS_S)
        forgotten = middle - long / MOTION_GROWS
        noise, wander = (_times_usual(variance) for variance in (forgotten, forgotten - 2 * short))  # (24, 1)
        accelerating = USUAL_ANGULAR_ACCELERATION**2 * _in_motion(noise)
        moving = USUAL_ANGULAR_VELOCITY**2 * _in_motion(wander)
        first = noise**NOISE_POWER * self._first_stiffness(
            path, FIRST_TIME_CONSTANT_S, FIRST_ANGULAR_ACCELERATION**2 * _in_motion(noise), FIRST_REACH_S
        )
        system = PentadiagonalSystem(*timeline.bands(self._weight, first, np.zeros_like(steps[0])))
        change = system.solve(-timeline.bending_gradient(first, steps))  # (3, 24, T)
        self._first = rotations.multiply(turned, rotations.cayley(change.T))
        self._first_steps = _steps(self._first)
        self._pull_back = -(self._weight * timeline.share) * change
        squared = (timeline.second_derivative(self._first_steps) ** 2).sum(axis=0)
        around = timeline.mean_around(squared * self._told, ACCELERATION_REACH_S)
        self._rough = self._roughness(path, around, noise)
        calm = self._calmness(around, accelerating)
        self._calm = noise**NOISE_POWER * np.maximum(calm, NOISY_CALMNESS * (1 - 1 / noise) * self._told)
        squared = (self._first_steps**2).sum(axis=0) / timeline.step**2
        squared = (squared[:, 1:] + squared[:, :-1]) / 2
        still = wander**NOISE_POWER * self._calmness(
            timeline.mean_around(squared * self._told, VELOCITY_REACH_S), moving
        )
        # from frame to frame, where both are still; what was not seen goes on moving as it did
        still = np.concatenate((still[:, :1], np.minimum(still[:, 1:], still[:, :-1]), still[:, -1:]), axis=-1)
        trusted = np.minimum(self._weight[:, 1:], self._weight[:, :-1])
        self._still = still * trusted  # (24, T-1)
        told = np.concatenate((self._told[:1], self._told[1:] & self._told[:-1], self._told[-1:]))
        self._noisy = (1 - 1 / noise) * told * trusted

    def _first_stiffness(self, path: Floats, time_constant_s: float, usual_squared: Floats, reach_s: float) -> Floats:
        """Of the first fit, (J, T-2), by what the captured path (3, J, T) itself tells of its acceleration."""
        squared = (self._timeline.second_difference(path, reach_s) ** 2).sum(axis=0)
        if not self._told.all():  # nor what lies in such a gap
            squared *= self._timeline.mean_around(self._told[None].astype(np.float64), 2 * reach_s) > 1 - 1e-9
        return np.asarray(time_constant_s**4 * self._told / (1 + squared / usual_squared))

    def _roughness(self, path: Floats, around: Floats, noise: Floats) -> Floats:
        """How stiff the upper half of the slider is, (24, T-2).

        Args:
            path: (3, 24, T) captured.
            around: (24, T-2) square of the first fit's acceleration around each frame.
            noise: (24, 1) as :func:`_times_usual` has it.
        """
        rough = self._timeline.noise_variance_around(
            path, ROUGHNESS_SPACING_S, ROUGHNESS_REACH_S, ROUGHNESS_GROWTH, MOST_ROUGHNESS * USUAL_ROUGHNESS_RAD**2
        )
        rough *= self._told / USUAL_ROUGHNESS_RAD**2
        rough /= 1 + around / (ROUGH_ANGULAR_ACCELERATION**2 * _in_motion(noise))
        return rough

    def _calmness(self, around: Floats, usual_squared: Floats) -> Floats:
        """Between 0 and 1, (J, T-2), by the square (J, T-2) of how much the motion moves or accelerates around."""
        return np.asarray(self._told * np.exp(around / -usual_squared))

    def _rotations_at(self, smoothness: Floats) -> Floats:
        """(24 or 1, T) -> orientations of the bones in the world (T, 24, 4).

        With the first fit r as the reference and x in its tangent space (a bone turns by r cayley(x)), the angular
        acceleration is that of r plus the second derivative of x, to first order. It is measured in the bone's own
        axes, so that turning the whole motion changes nothing.
        """
        timeline = self._timeline
        squared = smoothness[:, 1:-1] ** 2
        stiffness = self._calm * (LONGEST_TIME_CONSTANT_S**4 * squared)
        stiffness += self._rough * (ROUGH_TIME_CONSTANT_S**4 * squared**3)
        between = (smoothness[:, 1:] + smoothness[:, :-1]) / 2
        drag = self._still * (STILLNESS_S**2 * between)
        drag += self._noisy * (NOISY_STILLNESS_S**2 * np.sqrt(between))
        system = PentadiagonalSystem(*timeline.bands(self._weight, stiffness, drag))
        right_side = self._pull_back - timeline.bending_gradient(stiffness, self._first_steps)
        right_side -= timeline.moving_gradient(drag, self._first_steps)
        return rotations.multiply(self._first, rotations.cayley(system.solve(right_side).T))

    def _prepare_root(self) -> None:
        motion, timeline = self.motion, self._timeline
        captured = motion.pelvis_world
        flawed = flaws.flawed_positions(captured, motion.timestamps_s) | self._bridged
        self._pelvis = _bridged_positions(captured, motion.timestamps_s, flawed).T[:, None].copy()  # (3, 1, T)
        seen = np.where(flawed | ~motion.observed, 0, motion.confidence[:, 0]).astype(np.float64)
        seen[~motion.observed & ~self._bridged] = 1
        self._pelvis_weight = np.maximum(seen, LEAST_CONFIDENCE)[None]
        usual_squared = np.full((1, 1), USUAL_ACCELERATION**2)
        first = self._first_stiffness(self._pelvis, ROOT_FIRST_TIME_CONSTANT_S, usual_squared, ROOT_REACH_S)
        free = np.zeros((1, len(timeline.step)))
        system = PentadiagonalSystem(*timeline.bands(self._pelvis_weight, first, free))
        smooth = system.solve(self._pelvis_weight * timeline.share * self._pelvis)
        squared = (timeline.second_derivative(np.diff(smooth)) ** 2).sum(axis=0)
        self._pelvis_calm = self._calmness(timeline.mean_around(squared * self._told, ROOT_REACH_S), usual_squared)
        contacts = motion.contacts.T.astype(np.float64)  # (4, T)
        self._resting = contacts[:, 1:] * contacts[:, :-1]  # (4, T-1)

    def _root_at(self, smoothness: Floats, soles: Floats) -> Floats:
        """(T,) -> places of the pelvis (T, 3), metres.

        A sole lies at x + s, where s, the (T, 4, 3) ``soles`` about the pelvis, depends on the pose alone. Where it
        rests, the term ``RESTING_S^2 |x' + s'|^2`` is added to the integral.
        """
        timeline = self._timeline
        stiffness = ROOT_TIME_CONSTANT_S**4 * smoothness[None, 1:-1] ** 2 * self._pelvis_calm
        held = self._resting * (RESTING_S * (smoothness[1:] + smoothness[:-1]) / 2) ** 2  # (4, T-1)
        system = PentadiagonalSystem(*timeline.bands(self._pelvis_weight, stiffness, held.sum(axis=0, keepdims=True)))
        right_side = self._pelvis_weight * timeline.share * self._pelvis
        right_side -= timeline.moving_gradient(held, np.diff(soles.T)).sum(axis=-2, keepdims=True)
        pelvis: Floats = system.solve(right_side)[:, 0].T
        return pelvis


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


def _times_usual(variance: Floats) -> Floats:
    """(J,) variances of noise -> (J, 1), 1 and more."""
    return np.clip(variance / USUAL_NOISE_RAD**2, 1, MOST_NOISE)[:, None]


def _in_motion(noise: Floats) -> Floats:
    """How much more counts as motion where there is so much noise."""
    return 1 + NOISE_IN_MOTION * (noise - 1)


def _steps(turned: Floats) -> Floats:
    """(T, J, 4) -> (3, J, T-1) radians from frame to frame, in the bone's own axes."""
    steps: Floats = rotations.log(rotations.multiply(rotations.conjugate(turned[:-1]), turned[1:])).T
    return steps


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
        way = rotations.log(rotations.multiply(rotations.conjugate(local[start, joint]), local[end, joint]))
        result[bad, joint] = rotations.multiply(local[start, joint], rotations.exp(way * part[:, None]))
    return result


def _bridged_positions(positions: Floats, times_s: Floats, flawed: Mask) -> Floats:
    """The same for positions (T, 3)."""
    if not flawed.any() or flawed.all():
        return positions
    return np.stack([np.interp(times_s, times_s[~flawed], column[~flawed]) for column in positions.T], axis=-1)
