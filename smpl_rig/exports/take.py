"""A take as formats hold it: one person at a constant rate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import kinematics, rotations
from ..errors import LimberError
from ..motion import Motion
from .root_motion import RootMotion, ground_path

Floats = NDArray[np.floating[Any]]

#: Containers round timestamps; a constant rate shows through at this part of a frame.
_SAME_FRAME = 0.1


class TakeError(LimberError):
    """A take cannot be cut out of a motion so."""


@dataclass(frozen=True, eq=False)
class Take:
    """One person over T frames.

    Attributes:
        local_rotations: (T, 24, 4) quaternions, the pelvis's in the world; continuous in time.
        trans: (T, 3) metres, world; the pelvis lies at ``rest_joints[0] + trans``.
        rest_joints: (24, 3) metres, body frame.
        betas: (10,).
        gender: neutral, female or male.
        frame_rate: frames per second.
    """

    local_rotations: Floats
    trans: Floats
    rest_joints: Floats
    betas: Floats
    gender: str
    frame_rate: float

    def __len__(self) -> int:
        return len(self.trans)

    @property
    def pelvis(self) -> Floats:
        """(T, 3) metres, world."""
        pelvis: Floats = self.rest_joints[0] + self.trans
        return pelvis

    def joints(self) -> Floats:
        """(T, 24, 3) metres, world."""
        return kinematics.forward_kinematics(self.local_rotations, self.rest_joints, self.trans)[1]

    def with_root_motion(self, root_motion: RootMotion) -> Take:
        """Where there is no root bone, all ways but in-place are the same."""
        if root_motion is not RootMotion.IN_PLACE:
            return self
        path = ground_path(self.local_rotations[:, 0], self.pelvis).places
        return replace(self, trans=self.trans - (path - path[0]))


def take_of(
    motion: Motion, frame_rate: float | None = None, start_s: float | None = None, end_s: float | None = None
) -> Take:
    """The motion at a constant rate, or a part of it.

    Frames that already lie so are taken as they are; others are interpolated along the shortest way.

    Args:
        motion: raw or refined.
        frame_rate: frames per second; None is the motion's own.
        start_s: seconds in the footage; None is the first frame.
        end_s: seconds in the footage, of the last frame at most; None is the last frame.

    Raises:
        TakeError: if no frame lies in the range.
    """
    rate = frame_rate or motion.mocap_framerate
    times = motion.timestamps_s
    first = times[0] if start_s is None else max(start_s, times[0])
    last = times[-1] if end_s is None else min(end_s, times[-1])
    # a frame that is due a rounding error after the end belongs to the range
    count = int(np.floor((last - first) * rate + _SAME_FRAME)) + 1
    if last < first or count < 1:
        raise TakeError(
            f"There is no motion from {first:g} s to {last:g} s; it goes from {times[0]:g} to {times[-1]:g} s."
        )
    wanted = first + np.arange(count) / rate
    local, trans = motion.local_rotations, motion.trans.astype(np.float64)
    near_s = _SAME_FRAME / max(rate, motion.mocap_framerate)
    nearest = np.clip(np.searchsorted(times, wanted - near_s), 0, len(times) - 1)
    if np.abs(times[nearest] - wanted).max() <= near_s:
        local, trans = local[nearest], trans[nearest]
    else:
        local, trans = _interpolated(local, trans, times, wanted)
    return Take(
        local_rotations=rotations.make_continuous(np.ascontiguousarray(local)),
        trans=trans,
        rest_joints=motion.rest_joints.astype(np.float64),
        betas=motion.betas,
        gender=motion.gender,
        frame_rate=rate,
    )


def resampled(motion: Motion, frame_rate: float, start_s: float | None = None, end_s: float | None = None) -> Motion:
    """The motion, or a part of it, at another rate; what is no pose is the nearest frame's.

    Raises:
        TakeError: as :func:`take_of`.
    """
    take = take_of(motion, frame_rate, start_s, end_s)
    first = motion.timestamps_s[0] if start_s is None else max(start_s, motion.timestamps_s[0])
    times = first + np.arange(len(take)) / frame_rate
    middles = (motion.timestamps_s[1:] + motion.timestamps_s[:-1]) / 2
    nearest = motion.at(np.searchsorted(middles, times), times)
    return replace(nearest, mocap_framerate=frame_rate).with_pose(take.local_rotations, take.trans)


def _interpolated(local: Floats, trans: Floats, times: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    wanted = np.clip(wanted, times[0], times[-1])
    after = np.clip(np.searchsorted(times, wanted, side="right"), 1, len(times) - 1)
    before = after - 1
    part = (wanted - times[before]) / (times[after] - times[before])
    step = rotations.log(rotations.multiply(rotations.conjugate(local[before]), local[after]))
    turned = rotations.multiply(local[before], rotations.exp(part[:, None, None] * step))
    return turned, trans[before] + part[:, None] * (trans[after] - trans[before])
