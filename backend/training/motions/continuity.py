"""Where captured motion leaps as no body can, so that a clip is cut there.

Captures begin with a frame of calibration in a T-pose, lose markers, or turn a person by half a circle from one frame
to the next. A network that learns from these learns to leap.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import kinematics, rotations

Floats = NDArray[np.floating[Any]]

#: Joints turn faster than this in a pitcher's shoulder alone; a swift kick stays below half of it.
JOINT_RAD_S = 45.0
#: Gymnasts and dancers turn their pelvis by up to 15 radians a second.
PELVIS_RAD_S = 20.0
#: Hands and feet of fighters reach 15 m/s.
JOINT_M_S = 20.0
#: A joint that turns further than this between two frames may have turned either way round.
STEP_RAD = np.deg2rad(90)
#: Filters of the capture's maker spread a leap over so long; it is cut off on both sides.
MARGIN_S = 0.05
#: Shorter stretches are left out.
SHORTEST_S, SHORTEST_FRAMES = 0.25, 6


def leaps(local_rotations: Floats, rest_joints: Floats, pelvis: Floats, frame_rate: float) -> NDArray[np.bool_]:
    """(T - 1,): whether from each frame to the next something moves as no body can.

    Args:
        local_rotations: (T, 24, 4) unit quaternions.
        rest_joints: (24, 3) metres.
        pelvis: (T, 3) metres.
        frame_rate: frames per second.
    """
    step = rotations.multiply(rotations.conjugate(local_rotations[:-1]), local_rotations[1:])
    angles = np.linalg.norm(rotations.log(step), axis=-1)  # (T - 1, 24)
    _, places = kinematics.forward_kinematics(local_rotations, rest_joints, pelvis - rest_joints[0])
    speeds = np.linalg.norm(np.diff(places, axis=0), axis=-1) * frame_rate
    found: NDArray[np.bool_] = (
        (angles.max(axis=1) > min(JOINT_RAD_S / frame_rate, STEP_RAD))
        | (angles[:, 0] > PELVIS_RAD_S / frame_rate)
        | (speeds.max(axis=1) > JOINT_M_S)
    )
    return found


def smooth_stretches(leaping: NDArray[np.bool_], frame_rate: float) -> list[slice]:
    """The frames between leaps, each stretch long enough to be of use, in their order.

    Args:
        leaping: (T - 1,) from :func:`leaps`.
        frame_rate: frames per second.
    """
    count = len(leaping) + 1
    margin = round(MARGIN_S * frame_rate)
    good = np.ones(count, dtype=bool)
    cuts = {0, count}
    for leap in np.flatnonzero(leaping):
        good[max(leap + 1 - margin, 0) : leap + 1 + margin] = False
        cuts.add(int(leap) + 1)
    bounds = sorted(cuts | set((np.flatnonzero(np.diff(good)) + 1).tolist()))
    shortest = max(SHORTEST_FRAMES, round(SHORTEST_S * frame_rate))
    stretches = [slice(start, end) for start, end in pairwise(bounds)]
    return [part for part in stretches if good[part].all() and part.stop - part.start >= shortest]
