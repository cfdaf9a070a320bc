"""How arms are rolled about their length.

Places of joints do not tell, and skeletons differ: in some, an elbow that bends out of the T-pose takes the hand
straight forward, in others it lifts it by 30 degrees as well; in some the wrist turns the palm over, in others the
elbow. Here elbows bend about the T-pose's vertical, and forearm and hand each take half of the palm's roll.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .skeleton import INDEX

Floats = NDArray[np.floating[Any]]

#: An elbow that is bent by less does not tell about which axis it bends.
BENT_RAD = np.deg2rad(20)
#: The T-pose's vertical counts as if an elbow had been seen bending about it by a radian for so long.
EXPECTED_S = 0.1


def elbow_tilt(turned: Floats, rest_joints: Floats, frame_rate: float) -> float:
    """Radians by which the elbows' axes are tilted from the T-pose's vertical, the same for both sides.

    Positive where an elbow that bends out of the T-pose lifts the hand.

    Args:
        turned: (T, 24, 4) rotations of SMPL's joints in any world.
        rest_joints: (24, 3) metres, the T-pose.
        frame_rate: frames per second.
    """
    seen = np.array([EXPECTED_S * frame_rate, 0.0])
    for side, sign in (("left", 1), ("right", -1)):
        shoulder, elbow = turned[:, INDEX[f"{side}_shoulder"]], turned[:, INDEX[f"{side}_elbow"]]
        straight = np.broadcast_to(_direction(side, "elbow", "wrist", rest_joints), (len(turned), 3))
        bent = rotations.rotate(rotations.multiply(rotations.conjugate(shoulder), elbow), straight)
        axes = rotations.log(rotations.between(straight, bent))  # (T, 3)
        axis = axes[np.linalg.norm(axes, axis=-1) > BENT_RAD].sum(axis=0)
        seen += sign * np.array([-axis[1], axis[2]])
    return float(np.arctan2(seen[1], seen[0]))


def untilt_upper_arm(side: str, tilt: float, rest_joints: Floats) -> Floats:
    """(4,): rolls an upper arm, before all other turns, so that its elbow bends about the T-pose's vertical."""
    outwards = 1 if side == "left" else -1
    return rotations.exp(-tilt * outwards * _direction(side, "shoulder", "elbow", rest_joints))


def share_forearm_roll(local: Floats, rest_joints: Floats) -> Floats:
    """Local rotations (T, 24, 4) in which forearm and hand take equal parts of the palm's roll; no joint moves."""
    result = local.copy()
    for side in ("left", "right"):
        elbow, wrist = INDEX[f"{side}_elbow"], INDEX[f"{side}_wrist"]
        length = _direction(side, "elbow", "wrist", rest_joints)
        too_little = (roll_about(local[:, wrist], length) - roll_about(local[:, elbow], length)) / 2  # (T,)
        roll = rotations.exp(too_little[:, None] * length)
        result[:, elbow] = rotations.multiply(local[:, elbow], roll)
        result[:, wrist] = rotations.multiply(rotations.conjugate(roll), local[:, wrist])
    return result


def roll_about(quaternion: Floats, length: Floats) -> Floats:
    """(T, 4) -> (T,) radians about ``length`` (3,), continuous in time: what is left when the swing is taken away."""
    half = np.arctan2(quaternion[:, 1:] @ length, quaternion[:, 0])
    roll = 2 * np.unwrap(half, period=np.pi)
    centred: Floats = roll - 2 * np.pi * np.rint(np.median(roll) / (2 * np.pi))
    return centred


def _direction(side: str, start: str, end: str, rest_joints: Floats) -> Floats:
    vector = rest_joints[INDEX[f"{side}_{end}"]] - rest_joints[INDEX[f"{side}_{start}"]]
    direction: Floats = vector / np.linalg.norm(vector)
    return direction
