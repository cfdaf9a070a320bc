"""Reading Biovision hierarchies (.bvh), in numpy: every order of channels, positions on any joint, end sites.

The format gives neither a unit of length nor axes: both stay as they are in the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import rotations
from .skeletal_motion import LARGEST, RATES, Floats, SkeletalMotion, SkeletalMotionError, check_values

_AXES = {"X": 0, "Y": 1, "Z": 2}
_CHANNEL = re.compile(r"([XYZ])(position|rotation)", re.IGNORECASE)


class BvhError(SkeletalMotionError):
    """A file is no Biovision hierarchy."""


def read_bvh(path: str | os.PathLike[str]) -> SkeletalMotion:
    """Reads a file.

    Raises:
        BvhError: if it cannot be read or is not what the format says.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BvhError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return parse_bvh(text)
    except SkeletalMotionError as error:
        raise BvhError(f"{path.name}: {error}") from error


def parse_bvh(text: str) -> SkeletalMotion:
    """The motion in a file's text. End sites become joints called after their parent, with ``_end``.

    A joint's position channels, where it has them, take the place of its OFFSET.

    Raises:
        BvhError: naming what is wrong.
    """
    middle = re.search(r"^\s*MOTION\s*$", text, re.MULTILINE)
    if middle is None:
        raise BvhError("There is no 'MOTION': this is no BVH file, or only a part of one.")
    joints = _Hierarchy(text[: middle.start()]).joints
    columns = sum(len(joint.channels) for joint in joints)
    if columns == 0:
        raise BvhError("No joint has 'CHANNELS': there is no motion.")
    values, frame_rate = _read_motion(text[middle.end() :], columns)
    offsets = np.array([joint.offset for joint in joints])
    local_positions = np.tile(offsets, (len(values), 1, 1))  # (T, J, 3)
    local_rotations = np.tile(rotations.IDENTITY, (len(values), len(joints), 1))
    column = 0
    for index, joint in enumerate(joints):
        for axis, kind in joint.channels:
            channel = values[:, column]
            column += 1
            if kind == "position":
                local_positions[:, index, axis] = channel
            else:  # each turns about an axis that those before it have turned
                vectors = np.zeros((len(values), 3))
                vectors[:, axis] = np.deg2rad(channel)
                local_rotations[:, index] = rotations.multiply(local_rotations[:, index], rotations.exp(vectors))
    return SkeletalMotion(
        names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        offsets=offsets,
        local_rotations=local_rotations,
        local_positions=local_positions,
        frame_rate=frame_rate,
    )


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    channels: list[tuple[int, str]] = field(default_factory=list)


class _Hierarchy:
    """Reads joints in the order in which their channels come."""

    def __init__(self, text: str) -> None:
        self.joints: list[_Joint] = []
        words = iter(text.split())
        if next(words, "") != "HIERARCHY":
            raise BvhError("The file does not begin with 'HIERARCHY'.")
        self._read(words)
        if not self.joints:
            raise BvhError("'HIERARCHY' holds no 'ROOT'.")

    def _read(self, words: Iterator[str]) -> None:
        open_joints: list[int] = []
        for word in words:
            match word.upper():
                case "ROOT" | "JOINT":
                    if word.upper() == "ROOT" and self.joints:
                        raise BvhError("There is more than one 'ROOT'.")
                    if word.upper() == "JOINT" and not open_joints:
                        raise BvhError("A 'JOINT' lies outside of 'ROOT'.")
                    self._add(self._name(words), open_joints)
                case "END":
                    next(words, "")  # "Site"
                    if not open_joints:
                        raise BvhError("An 'End Site' lies outside of 'ROOT'.")
                    self._add(f"{self.joints[open_joints[-1]].name}_end", open_joints)
                    _expect(words, "{")
                case "OFFSET" if open_joints:
                    self.joints[open_joints[-1]].offset = tuple(_number(words, "OFFSET") for _ in range(3))
                case "CHANNELS" if open_joints:
                    self.joints[open_joints[-1]].channels = _channels(words)
                case "}" if open_joints:
                    open_joints.pop()
                case _:
                    raise BvhError(f"'{word}' was not expected in 'HIERARCHY'.")
        if open_joints:
            raise BvhError(f"Joint '{self.joints[open_joints[-1]].name}' is not closed by '}}'.")

    def _add(self, name: str, open_joints: list[int]) -> None:
        self.joints.append(_Joint(name, open_joints[-1] if open_joints else -1))
        open_joints.append(len(self.joints) - 1)

    def _name(self, words: Iterator[str]) -> str:
        """Some programs write names of several words."""
        found: list[str] = []
        for word in words:
            if word == "{":
                return " ".join(found)
            found.append(word)
        raise BvhError(f"Joint '{' '.join(found)[:60]}' has no '{{'.")


def _channels(words: Iterator[str]) -> list[tuple[int, str]]:
    found = []
    for _ in range(_count(words, "CHANNELS")):
        word = next(words, "")
        channel = _CHANNEL.fullmatch(word)
        if channel is None:
            raise BvhError(f"'{word}' is no channel; expected Xposition, Zrotation and the like.")
        found.append((_AXES[channel[1].upper()], channel[2].lower()))
    return found


def _read_motion(text: str, columns: int) -> tuple[Floats, float]:
    head = re.match(r"\s*Frames:\s*(\S+)\s+Frame\s+Time:\s*(\S+)", text, re.IGNORECASE)
    if head is None:
        raise BvhError("'MOTION' does not begin with 'Frames:' and 'Frame Time:'.")
    frames, seconds = _count(iter((head[1],)), "Frames:"), _number(iter((head[2],)), "Frame Time:")
    if not 1 / RATES[1] <= seconds <= 1 / RATES[0]:
        raise BvhError(f"'Frame Time:' is {seconds}, expected {1 / RATES[1]:g} to {1 / RATES[0]:g} seconds.")
    try:
        values = np.array(text[head.end() :].split(), dtype=np.float64)
    except ValueError as error:
        raise BvhError(f"The frames hold what is no number: {error}.") from error
    if values.size != frames * columns:
        raise BvhError(f"The frames hold {values.size} numbers, expected {frames} x {columns}.")
    values = values.reshape(frames, columns)
    check_values(values, "'MOTION'")
    return values, 1 / seconds


def _count(words: Iterator[str], key: str) -> int:
    number = _number(words, key)
    if not (0 <= number <= LARGEST and number == int(number)):
        raise BvhError(f"'{key}' is followed by '{number:g}', expected a whole number.")
    return int(number)


def _number(words: Iterator[str], key: str) -> float:
    word = next(words, "")
    try:
        return float(word)
    except ValueError:
        raise BvhError(f"'{key}' is followed by '{word}', expected a number.") from None


def _expect(words: Iterator[str], wanted: str) -> None:
    word = next(words, "")
    if word != wanted:
        raise BvhError(f"'{word}' was found where '{wanted}' was expected.")
