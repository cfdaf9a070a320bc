"""Writing Biovision hierarchies, in numpy.

Blender's own exporter leaves the figure lying on its back (Z up, where BVH readers take Y) and gives either one bone
or every bone a position. Here: Y up, metres, the first joint with position and rotation, all others with rotation,
which is what readers of BVH expect.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations

Array = NDArray[Any]

#: Turns about Z, then the turned X, then the turned Y, as most capture software writes them.
_ROTATION_CHANNELS = "Zrotation Xrotation Yrotation"


def bvh_text(
    *,
    names: Sequence[str],
    parents: Sequence[int],
    offsets: Array,
    tips: Array,
    local_rotations: Array,
    positions: Array,
    frames_per_second: float,
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
    """
    lines = ["HIERARCHY"]
    order: list[int] = []

    def add(joint: int, indent: str) -> None:
        order.append(joint)
        is_first = parents[joint] < 0
        lines.append(f"{indent}{'ROOT' if is_first else 'JOINT'} {names[joint]}")
        lines.append(indent + "{")
        lines.append(f"{indent}\tOFFSET {_numbers(np.zeros(3) if is_first else offsets[joint])}")
        channels = f"6 Xposition Yposition Zposition {_ROTATION_CHANNELS}" if is_first else f"3 {_ROTATION_CHANNELS}"
        lines.append(f"{indent}\tCHANNELS {channels}")
        children = [child for child, parent in enumerate(parents) if parent == joint]
        for child in children:
            add(child, indent + "\t")
        if not children:
            lines.extend(f"{indent}\t{line}" for line in ("End Site", "{", f"\tOFFSET {_numbers(tips[joint])}", "}"))
        lines.append(indent + "}")

    add(list(parents).index(-1), "")
    angles = np.rad2deg(euler_zxy(local_rotations[:, order]))  # (T, J, 3), in the order of the hierarchy
    rows = np.concatenate((positions, angles.reshape(len(angles), -1)), axis=1)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / frames_per_second:.9f}"]
    motion = io.StringIO()
    np.savetxt(motion, rows, fmt="%.6f")
    return "\n".join(lines) + "\n" + motion.getvalue()


def euler_zxy(quaternion: Array) -> Array:
    """(T, ..., 4) -> (T, ..., 3) radians about Z, X, Y with R = Rz Rx Ry, continuous in time.

    A rotation has two such triples, (z, x, y) and (z + pi, pi - x, y + pi), and each its full turns; from frame to
    frame the nearer one is taken, so that no reader that blends between frames sees a jump.
    """
    m = rotations.to_matrix(quaternion)
    x = np.arcsin(np.clip(m[..., 2, 1], -1, 1))
    z = np.arctan2(-m[..., 0, 1], m[..., 1, 1])
    y = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    # with x at a right angle z and y turn about one axis: give it all to z
    locked = np.abs(m[..., 2, 1]) > 1 - 1e-12
    z = np.where(locked, np.arctan2(m[..., 1, 0], m[..., 0, 0]), z)
    y = np.where(locked, 0, y)
    first = np.stack((z, x, y), axis=-1)
    second = np.stack((z + np.pi, np.pi - x, y + np.pi), axis=-1)
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
