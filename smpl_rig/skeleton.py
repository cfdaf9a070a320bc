"""SMPL's 24 joints: order, names, parents, mirror images."""

import numpy as np
from numpy.typing import NDArray

#: SMPL's order (Loper et al. 2015; names as in the smplx package).
JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)

JOINT_COUNT = len(JOINT_NAMES)
BETA_COUNT = 10

#: Parent of each joint; the pelvis has none (-1). A parent always comes before its children.
PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)

INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}


def _mirror_name(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


#: For each joint, the index of the same joint on the other side of the body.
MIRROR: NDArray[np.intp] = np.array([INDEX[_mirror_name(name)] for name in JOINT_NAMES])

#: From the last joint of a limb to its tip, body frame (Y up, facing +Z), metres of an adult.
TIPS_M: dict[str, tuple[float, float, float]] = {
    "head": (0.0, 0.15, 0.0),
    "left_foot": (0.0, 0.0, 0.07),
    "right_foot": (0.0, 0.0, 0.07),
    "left_hand": (0.08, 0.0, 0.0),
    "right_hand": (-0.08, 0.0, 0.0),
}

#: The four points whose contact with the floor is tracked, in the order of ``Motion.contacts``.
CONTACT_NAMES: tuple[str, ...] = ("left_heel", "left_toe", "right_heel", "right_toe")
