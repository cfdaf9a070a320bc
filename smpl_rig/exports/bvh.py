"""Writing Biovision hierarchies, in numpy.

Blender's own exporter leaves the figure lying on its back (Z up, where BVH readers take Y) and gives either one bone
or every bone a position. Here: Y up, metres, the first joint with position and rotation, all others with rotation,
which is what readers of BVH expect.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..skeleton import INDEX, JOINT_NAMES, PARENTS, TIPS_M
from ..soles import SOLE_BELOW_BALL_M
from .take import Take

Array = NDArray[Any]

#: Turns about Z, then the turned X, then the turned Y, as most capture software writes them.
DEFAULT_ORDER = "ZXY"
ORDERS = ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX")


def write_bvh(take: Take, path: Path, order: str = DEFAULT_ORDER, *, t_pose: bool = False) -> None:
    """Writes the 24 joints, Y up, in metres, the pelvis first.

    Args:
        take: what is written.
        path: of the file.
        order: of the rotation channels, one of :data:`ORDERS`, the first outermost.
        t_pose: begin with one more frame that shows the rest pose, standing where the take begins.
    """
    y_up = rotations.from_matrix(WORLD_FROM_BODY.T)
    local, positions = take.local_rotations.copy(), rotations.rotate(y_up, take.pelvis)
    local[:, 0] = rotations.multiply(y_up, local[:, 0])
    if t_pose:
        feet = take.rest_joints[[INDEX["left_foot"], INDEX["right_foot"]], 1]
        height = take.rest_joints[0, 1] - feet.min() + SOLE_BELOW_BALL_M
        standing = positions[0] * [1, 0, 1] + [0, height, 0]
        local = np.concatenate((np.tile(rotations.IDENTITY, (1, len(JOINT_NAMES), 1)), local))
        positions = np.concatenate((standing[None], positions))
    text = bvh_text(
        names=JOINT_NAMES,
        parents=PARENTS,
        offsets=take.rest_joints - take.rest_joints[np.maximum(PARENTS, 0)],
        tips=np.array([TIPS_M.get(name, (0, 0, 0)) for name in JOINT_NAMES]),
        local_rotations=local,
        positions=positions,
        frames_per_second=take.frame_rate,
        order=order,
    )
    path.write_text(text, encoding="ascii", newline="\n")


def bvh_text(
    *,
    names: Sequence[str],
    parents: Sequence[int],
    offsets: Array,
    tips: Array,
    local_rotations: Array,
    positions: Array,
    frames_per_second: float,
    order: str = DEFAULT_ORDER,
) -> str:
    """Formats a motion. All axes are Y up and metres; at rest every joint has the axes of the world.

    Args:
        names: J names.
        parents: J indices, -1 for the first joint alone.
        offsets: (J, 3) from the parent; the first is ignored, for its place is a channel.
        tips: (J, 3) from the joint to the end of its limb, used where a joint has no child.
        local_rotations: (T, J, 4) unit quaternions.
        positions: (T, 3) of the first joint in the world.
        frames_per_second: constant.
        order: of the rotation channels, the first outermost.
    """
    lines = ["HIERARCHY"]
    turns = " ".join(f"{axis}rotation" for axis in order)
    sequence: list[int] = []

    def add(joint: int, indent: str) -> None:
        sequence.append(joint)
        is_first = parents[joint] < 0
        lines.append(f"{indent}{'ROOT' if is_first else 'JOINT'} {names[joint]}")
        lines.append(indent + "{")
        lines.append(f"{indent}\tOFFSET {_numbers(np.zeros(3) if is_first else offsets[joint])}")
        channels = f"6 Xposition Yposition Zposition {turns}" if is_first else f"3 {turns}"
        lines.append(f"{indent}\tCHANNELS {channels}")
        children = [child for child, parent in enumerate(parents) if parent == joint]
        for child in children:
            add(child, indent + "\t")
        if not children:
            lines.extend(f"{indent}\t{line}" for line in ("End Site", "{", f"\tOFFSET {_numbers(tips[joint])}", "}"))
        lines.append(indent + "}")

    add(list(parents).index(-1), "")
    angles = np.rad2deg(euler_angles(local_rotations[:, sequence], order))  # (T, J, 3), in the order of the hierarchy
    rows = np.concatenate((positions, angles.reshape(len(angles), -1)), axis=1)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / frames_per_second:.9f}"]
    motion = io.StringIO()
    np.savetxt(motion, rows, fmt="%.6f")
    return "\n".join(lines) + "\n" + motion.getvalue()


def euler_angles(quaternion: Array, order: str) -> Array:
    """(T, ..., 4) -> (T, ..., 3) radians with R = R_first R_second R_third, continuous in time.

    A rotation has two such triples, (a, b, c) and (a + pi, pi - b, c + pi), and each its full turns; from frame to
    frame the nearer one is taken, so that no reader that blends between frames sees a jump.
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1 if (j - i) % 3 == 1 else -1
    m = rotations.to_matrix(quaternion)
    b = np.arcsin(np.clip(sign * m[..., i, k], -1, 1))
    a = np.arctan2(-sign * m[..., j, k], m[..., k, k])
    c = np.arctan2(-sign * m[..., i, j], m[..., i, i])
    # with b at a right angle a and c turn about one axis: give it all to a
    locked = np.abs(m[..., i, k]) > 1 - 1e-12
    a = np.where(locked, np.arctan2(sign * m[..., k, j], m[..., j, j]), a)
    c = np.where(locked, 0, c)
    first = np.stack((a, b, c), axis=-1)
    second = np.stack((a + np.pi, np.pi - b, c + np.pi), axis=-1)
    result: Array = first.copy()
    for frame in range(1, len(result)):
        before = result[frame - 1]
        choices = [before + _wrap(choice[frame] - before) for choice in (first, second)]
        far = [np.abs(choice - before).sum(axis=-1, keepdims=True) for choice in choices]
        result[frame] = np.where(far[0] <= far[1], *choices)
    return result


def _wrap(angle: Array) -> Array:
    """To [-pi, pi]."""
    wrapped: Array = angle - 2 * np.pi * np.rint(angle / (2 * np.pi))
    return wrapped


def _numbers(vector: Array) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
