"""The most likely trajectories of a body, given a capture of it: the mathematics of :mod:`smpl_rig.refine`.

Every bone's direction in the world, and the pelvis's place, follow the trajectory x that minimises

    integral of  c(t) |x(t) - y(t)|^2  +  sigma^2 h(t) |x'(t)|^2  +  tau^4 k(t) |x''(t)|^2   dt

where y is what was captured, c its confidence, sigma and tau the time constants that a strength sets, and h and k,
between 0 and 1, how little the motion itself moves and accelerates there: the data is trusted where it was seen, motion
is paid for where there is hardly any and acceleration where the motion is calm. That is the maximum a-posteriori
trajectory for white noise of variance 1 / c, velocities of variance 1 / h and accelerations of variance 1 / k, which a
first fit has shown. The term in x' averages what wanders for tenths of a second, which that in x'' leaves; it stands
for rotations alone. What moves comes last, as the strength grows: a second part of k is the variance of the answer's
noise around that moment by that of the motion's acceleration, as Wiener's filter has it. tau grows for bones whose
noise, as the take itself shows it, is larger than usual, sigma for those that wander more, and with them what counts as
motion. The minimum has no delay and is exact (a banded linear system, O(T)), and all constants are in seconds, so that
a setting means the same at every frame rate, uneven ones included.

Rotations are treated in the tangent space of a reference (Gauss-Newton on SO(3)), never as Euler angles or single
components. They are smoothed in the world, not from parent to child: what a detector gets wrong of an upper arm, the
forearm makes good, and smoothing both by different amounts would part what belongs together.

The root's trajectory also pays for moving a foot that rests, so that feet do not begin to slide.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .banded import PentadiagonalSystem
from .timeline import Timeline

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: tau and sigma of rotations at strength 1, where the motion is calm and no noisier than usual.
LONGEST_TIME_CONSTANT_S = 0.074
STILLNESS_S = 0.3
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
#: sigma of rotations at strength 1 where there is little but noise, however much moves.
NOISY_STILLNESS_S = 0.046
#: k is at least so much where there is nothing but noise, which looks like motion that is never calm.
NOISY_CALMNESS = 0.01
#: tau at strength 1 of what moves, where the noise around, told by frames so far apart, has this deviation.
ROUGH_TIME_CONSTANT_S = 0.034
USUAL_ROUGHNESS_RAD = 0.003
ROUGHNESS_SPACING_S = 1 / 30
ROUGHNESS_REACH_S = 0.6
#: Its variance counts up to so many times that. That of captures grows with this power of the spacing.
MOST_ROUGHNESS = 6.0
ROUGHNESS_GROWTH = 3.4
#: The motion's own part in such noise: k halves where the motion accelerates so much, radians per second squared.
ROUGH_ANGULAR_ACCELERATION = 10.0
#: The same for the root, whose acceleration in metres per second squared counts; it has no term in x'.
ROOT_TIME_CONSTANT_S = 0.128
ROOT_FIRST_TIME_CONSTANT_S = 0.1275
USUAL_ACCELERATION = 5.0
ROOT_REACH_S = 0.1
#: A foot that rests is held as if its place were known for this long, at strength 1.
RESTING_S = 0.36


class BoneTrajectories:
    """All of some bones' trajectories that does not depend on the strength, so that trying another costs little.

    Args:
        timeline: of the T frames.
        turned: (T, J, 4) orientations of the bones in the world, as captured.
        weight: (J, T) c, above 0.
        told: (T-2,) where an acceleration is told.
    """

    def __init__(self, timeline: Timeline, turned: Floats, weight: Floats, told: Mask) -> None:
        self._timeline, self._weight, self._told = timeline, weight, told
        steps = _steps(turned)
        path = np.zeros((*steps.shape[:-1], len(turned)))
        np.cumsum(steps, axis=-1, out=path[..., 1:])
        short, middle, long = (timeline.noise_variance(path, spacing_s) for spacing_s in NOISE_SPACINGS_S)
        forgotten = middle - long / MOTION_GROWS
        noise, wander = (_times_usual(variance) for variance in (forgotten, forgotten - 2 * short))  # (J, 1)
        roughness = timeline.noise_variance_around(
            path, ROUGHNESS_SPACING_S, ROUGHNESS_REACH_S, ROUGHNESS_GROWTH, MOST_ROUGHNESS * USUAL_ROUGHNESS_RAD**2
        )
        usual_squared = FIRST_ANGULAR_ACCELERATION**2 * _in_motion(noise)
        first = _first_stiffness(timeline, path, told, FIRST_TIME_CONSTANT_S, usual_squared, FIRST_REACH_S)
        first *= noise**NOISE_POWER
        del path  # large, as what follows
        change = self._first_change(first, steps)
        self._first = _turned_by(turned, change)
        self._pull_back = -(weight * timeline.share) * change
        self._first_steps = _steps(self._first)
        self._first_bend = timeline.second_derivative(self._first_steps)
        around = timeline.mean_around(_squared(self._first_bend) * told, ACCELERATION_REACH_S)
        self._rough = self._roughness(roughness, around, noise)
        calm = _calmness(around, USUAL_ANGULAR_ACCELERATION**2 * _in_motion(noise), told)
        self._calm = noise**NOISE_POWER * np.maximum(calm, NOISY_CALMNESS * (1 - 1 / noise) * told)
        trusted = np.minimum(weight[:, 1:], weight[:, :-1])
        self._still = wander**NOISE_POWER * self._stillness(USUAL_ANGULAR_VELOCITY**2 * _in_motion(wander)) * trusted
        self._noisy = (1 - 1 / noise) * np.concatenate((told[:1], told[1:] & told[:-1], told[-1:])) * trusted

    def at(self, strength: Floats) -> Floats:
        """(J or 1, T) -> orientations of the bones in the world (T, J, 4).

        With the first fit r as the reference and x in its tangent space (a bone turns by r cayley(x)), the angular
        acceleration is that of r plus the second derivative of x, to first order. It is measured in the bone's own
        axes, so that turning the whole motion changes nothing.
        """
        timeline = self._timeline
        squared = strength[:, 1:-1] ** 2
        stiffness = self._calm * (LONGEST_TIME_CONSTANT_S**4 * squared)
        stiffness += self._rough * (ROUGH_TIME_CONSTANT_S**4 * squared**4)
        between = (strength[:, 1:] + strength[:, :-1]) / 2
        drag = self._still * (STILLNESS_S**2 * between)
        drag += self._noisy * (NOISY_STILLNESS_S**2 * np.sqrt(between))
        system = PentadiagonalSystem(*timeline.bands(self._weight, stiffness, drag))
        force = timeline.bending_force(stiffness, self._first_bend)
        force += timeline.moving_force(drag, self._first_steps)
        return _turned_by(self._first, system.solve(timeline.pull(force, self._pull_back)))

    def _first_change(self, stiffness: Floats, steps: Floats) -> Floats:
        """What the first fit turns the bones by, (3, J, T) radians, from the steps (3, J, T-1) of the capture."""
        timeline = self._timeline
        system = PentadiagonalSystem(*timeline.bands(self._weight, stiffness, np.zeros_like(steps[0])))
        force = timeline.bending_force(stiffness, timeline.second_derivative(steps))
        return system.solve(timeline.pull(force))

    def _roughness(self, variance: Floats, around: Floats, noise: Floats) -> Floats:
        """How stiff what moves is, (J, T-2).

        Args:
            variance: (J, T-2) of the noise around each frame.
            around: (J, T-2) square of the first fit's acceleration around each frame.
            noise: (J, 1) as :func:`_times_usual` has it.
        """
        motion = 1 + around / (ROUGH_ANGULAR_ACCELERATION**2 * _in_motion(noise))
        return np.asarray(variance * (self._told / USUAL_ROUGHNESS_RAD**2) / motion)

    def _stillness(self, usual_squared: Floats) -> Floats:
        """h, (J, T-1): from frame to frame, where both are still."""
        squared = _squared(self._first_steps) / self._timeline.step**2
        squared = (squared[:, 1:] + squared[:, :-1]) / 2
        around = self._timeline.mean_around(squared * self._told, VELOCITY_REACH_S)
        still = _calmness(around, usual_squared, self._told)
        return np.concatenate((still[:, :1], np.minimum(still[:, 1:], still[:, :-1]), still[:, -1:]), axis=-1)


class RootTrajectory:
    """The same of the pelvis's place.

    Args:
        timeline: of the T frames.
        pelvis: (T, 3) metres, as captured.
        weight: (T,) c, above 0.
        contacts: (T, 4) probability that left heel, left toe, right heel, right toe rest on the floor.
        told: (T-2,) where an acceleration is told.
    """

    def __init__(self, timeline: Timeline, pelvis: Floats, weight: Floats, contacts: Floats, told: Mask) -> None:
        self._timeline, self._weight = timeline, weight[None]
        path = pelvis.T[:, None].copy()  # (3, 1, T)
        self._pull = weight * timeline.share * path
        usual_squared = np.full((1, 1), USUAL_ACCELERATION**2)
        first = _first_stiffness(timeline, path, told, ROOT_FIRST_TIME_CONSTANT_S, usual_squared, ROOT_REACH_S)
        free = np.zeros((1, len(timeline.step)))
        smooth = PentadiagonalSystem(*timeline.bands(self._weight, first, free)).solve(self._pull)
        squared = _squared(timeline.second_derivative(np.diff(smooth)))
        self._calm = _calmness(timeline.mean_around(squared * told, ROOT_REACH_S), usual_squared, told)
        rest = contacts.T.astype(np.float64)  # (4, T)
        self._resting = rest[:, 1:] * rest[:, :-1]  # (4, T-1)

    def at(self, strength: Floats, soles: Floats) -> Floats:
        """(T,) -> places of the pelvis (T, 3), metres.

        A sole lies at x + s, where s, the (T, 4, 3) ``soles`` about the pelvis, depends on the pose alone. Where it
        rests, the term ``RESTING_S^2 |x' + s'|^2`` is added to the integral.
        """
        timeline = self._timeline
        stiffness = ROOT_TIME_CONSTANT_S**4 * strength[None, 1:-1] ** 2 * self._calm
        held = self._resting * (RESTING_S * (strength[1:] + strength[:-1]) / 2) ** 2  # (4, T-1)
        system = PentadiagonalSystem(*timeline.bands(self._weight, stiffness, held.sum(axis=0, keepdims=True)))
        force = timeline.moving_force(held, np.diff(soles.T)).sum(axis=-2, keepdims=True)
        pelvis: Floats = system.solve(timeline.pull(force, self._pull))[:, 0].T
        return pelvis


def _first_stiffness(
    timeline: Timeline, path: Floats, told: Mask, time_constant_s: float, usual_squared: Floats, reach_s: float
) -> Floats:
    """Of the first fit, (J, T-2), by what the captured path (3, J, T) itself tells of its acceleration."""
    squared = _squared(timeline.second_difference(path, reach_s))
    if not told.all():  # nor what lies in a gap that stays open
        squared *= timeline.mean_around(told[None].astype(np.float64), 2 * reach_s) > 1 - 1e-9
    return np.asarray(time_constant_s**4 * told / (1 + squared / usual_squared))


def _calmness(around: Floats, usual_squared: Floats, told: Mask) -> Floats:
    """Between 0 and 1, (J, T-2), by the square (J, T-2) of how much the motion moves or accelerates around."""
    return np.asarray(told * np.exp(around / -usual_squared))


def _times_usual(variance: Floats) -> Floats:
    """(J,) variances of noise -> (J, 1), 1 and more."""
    return np.clip(variance / USUAL_NOISE_RAD**2, 1, MOST_NOISE)[:, None]


def _in_motion(noise: Floats) -> Floats:
    """How much more counts as motion where there is so much noise."""
    return 1 + NOISE_IN_MOTION * (noise - 1)


def _squared(vectors: Floats) -> Floats:
    """(3, J, N) -> (J, N), the squares of their lengths."""
    return np.asarray(np.einsum("cjn,cjn->jn", vectors, vectors))


def _steps(turned: Floats) -> Floats:
    """(T, J, 4) -> (3, J, T-1) radians from frame to frame, in the bone's own axes."""
    steps: Floats = rotations.log(rotations.relative(turned[:-1], turned[1:])).T.astype(np.float64)
    return steps


def _turned_by(turned: Floats, change: Floats) -> Floats:
    """(T, J, 4), turned on in the bone's own axes by (3, J, T) radians or nearly so: (T, J, 4)."""
    return rotations.multiply(turned, rotations.cayley(change.T.astype(turned.dtype)))
