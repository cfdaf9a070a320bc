"""Accuracy against smoothness: a pure function of a Motion and one number, instant and repeatable.

Every joint follows the trajectory x that minimises

    integral of  c(t) |x(t) - y(t)|^2  +  tau^4 |x''(t)|^2   dt

where y is the captured pose, c its confidence and tau the time constant that the slider sets: the data is trusted
where it was seen, and acceleration is paid for everywhere. The minimum is zero-phase and exact (a banded linear system,
O(T)), and the constants are in seconds, so that a setting means the same at every frame rate. Rotations are treated in
the tangent space of an iterated reference (Gauss-Newton on SO(3)), never as Euler angles or single components.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .banded import SecondDifferenceSystem
from .errors import LimberError
from .motion import Motion

Floats = NDArray[np.floating[Any]]

#: Time constant at smoothness 1. A sine of frequency 1 / (2 pi tau) keeps half its amplitude.
LONGEST_TIME_CONSTANT_S = 0.12
#: Monocular depth wanders more than the pose does, so the root is held a little stiffer.
ROOT_TIME_CONSTANT_FACTOR = 1.5
#: A joint that was not seen follows its neighbours in time; this little trust keeps a long gap from swinging out.
LEAST_CONFIDENCE = 1e-3
#: Steps of Gauss-Newton. The second already changes the result by less than a tenth of a degree.
ITERATIONS = 2


def refine(motion: Motion, smoothness: float = 0.5) -> Motion:
    """Smooths a Motion.

    Args:
        motion: the raw capture; it is not changed.
        smoothness: 0 returns the capture itself, 1 is the smoothest.

    Returns:
        A Motion whose ``poses``, ``trans`` and ``joints_world`` are refined; all else is as it was.

    Raises:
        LimberError: if smoothness is not within 0 and 1.
    """
    if not 0 <= smoothness <= 1:
        raise LimberError(f"Smoothness is {smoothness}; it must lie between 0 (raw capture) and 1 (smoothest).")
    if smoothness == 0 or len(motion) < 3:
        return motion
    time_constant_s = LONGEST_TIME_CONSTANT_S * smoothness
    seen = np.where(motion.observed[:, None], motion.confidence, 0).astype(np.float64)
    confidence = np.maximum(seen, LEAST_CONFIDENCE)
    local_rotations = _smooth_rotations(motion.local_rotations, motion.timestamps_s, confidence, time_constant_s)
    trans = _smooth_positions(
        motion.trans, motion.timestamps_s, confidence[:, :1], time_constant_s * ROOT_TIME_CONSTANT_FACTOR
    )
    return motion.with_pose(local_rotations, trans)


def _smooth_positions(positions: Floats, times_s: Floats, confidence: Floats, time_constant_s: float) -> Floats:
    """(T, 3) positions, (T, 1) confidence -> (T, 3)."""
    system = SecondDifferenceSystem(times_s, confidence, time_constant_s**4)
    captured = positions.astype(np.float64)[:, None]  # (T, 1, 3)
    return system.solve(system.data_weights[..., None] * captured)[:, 0]


def _smooth_rotations(captured: Floats, times_s: Floats, confidence: Floats, time_constant_s: float) -> Floats:
    """(T, J, 4) quaternions, (T, J) confidence -> (T, J, 4).

    With a reference r and x in its tangent space (the joint turns by r exp(x)), the angular acceleration is that of r
    plus the second difference of x, to first order. It is measured in the joint's own axes, so that turning the
    whole motion changes nothing.
    """
    system = SecondDifferenceSystem(times_s, confidence, time_constant_s**4)
    reference = captured
    for _ in range(ITERATIONS):
        residual = rotations.log(rotations.multiply(rotations.conjugate(reference), captured))  # (T, J, 3)
        steps = rotations.log(rotations.multiply(rotations.conjugate(reference[:-1]), reference[1:]))  # (T-1, J, 3)
        right_side = system.data_weights[..., None] * residual - system.stiffness_gradient(steps)
        reference = rotations.multiply(reference, rotations.exp(system.solve(right_side)))
    return rotations.make_continuous(rotations.normalize(reference))
