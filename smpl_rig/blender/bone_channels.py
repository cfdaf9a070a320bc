"""Channels of bones: rotations in the mode that each bone has, and places."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..exports.bvh import euler_angles

Array = NDArray[Any]

#: By channel, its value at rest.
_REST = {
    "location": (0.0, 0.0, 0.0),
    "rotation_quaternion": (1.0, 0.0, 0.0, 0.0),
    "rotation_axis_angle": (0.0, 0.0, 1.0, 0.0),
    "rotation_euler": (0.0, 0.0, 0.0),
    "scale": (1.0, 1.0, 1.0),
}


def turn_channels(target: Any, turns_of: Mapping[str, Array]) -> dict[str, Array]:
    """By RNA path, quaternions (T, 4) of bones as each bone's mode has them."""
    channels = {}
    for name, turns in turns_of.items():
        path = f'pose.bones["{name}"]'
        mode = target.pose.bones[name].rotation_mode
        if mode == "QUATERNION":
            channels[f"{path}.rotation_quaternion"] = turns
        elif mode == "AXIS_ANGLE":
            channels[f"{path}.rotation_axis_angle"] = _axis_angle(turns)
        else:  # Blender names the axis first that turns first
            channels[f"{path}.rotation_euler"] = _in_axis_order(euler_angles(turns, mode[::-1]), mode)
    return channels


def location_channels(locations: Mapping[str, Array]) -> dict[str, Array]:
    """By RNA path, places (T, 3) of bones."""
    return {f'pose.bones["{bone}"].location': places for bone, places in locations.items()}


def rest_channels(target: Any, paths: Iterable[str], names: Collection[str]) -> None:
    """Of these RNA paths, those that place, turn or scale one of these bones are set to rest."""
    for path in paths:
        parts, channel = path.split('"'), path.rpartition(".")[2]
        if len(parts) == 3 and parts[1] in names and channel in _REST:
            setattr(target.pose.bones[parts[1]], channel, _REST[channel])


def _in_axis_order(angles: Array, mode: str) -> Array:
    """(T, 3) in the order in which R = R_last R_middle R_first is written -> by x, y, z."""
    return np.stack([angles[:, mode[::-1].index(axis)] for axis in "XYZ"], axis=-1)


def _axis_angle(turns: Array) -> Array:
    """(T, 4) quaternions -> (T, 4) angle and axis."""
    vectors = rotations.log(turns)
    angles = np.linalg.norm(vectors, axis=-1, keepdims=True)
    axes = np.where(angles > 0, vectors / np.where(angles > 0, angles, 1), [0.0, 1.0, 0.0])
    return np.concatenate((angles, axes), axis=-1)
