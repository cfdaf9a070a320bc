"""Reading Acclaim's skeletons (.asf) and motion (.amc), as Vicon and the CMU motion capture database write them.

A bone has its own axes, C, and turns by M in them, so that in axes that are the world's at rest it turns by C M C^-1.
Angles are about fixed axes in the order in which they are named ("XYZ": about X first). Lengths and axes stay as they
are in the file; neither file tells the frame rate.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import rotations
from .skeletal_motion import Floats, SkeletalMotion, SkeletalMotionError, check_values, rigid_motion

#: Of the CMU database.
FRAME_RATE = 120.0

_AXES = "XYZ"


class AsfAmcError(SkeletalMotionError):
    """A file is no Acclaim skeleton or motion."""


@dataclass(frozen=True, eq=False)
class AcclaimSkeleton:
    """What an ``.asf`` tells.

    Attributes:
        bones: by name, the root first, then each after its parent.
        degrees: whether its angles are in degrees.
    """

    bones: dict[str, Bone]
    degrees: bool


@dataclass(frozen=True, eq=False)
class Bone:
    """A bone.

    Attributes:
        parent: None for the root.
        along: (3,) from its joint to its end at rest.
        axes: (4,) its own axes in the world's.
        channels: what its line in the motion holds, as ``rx`` or ``tz``.
    """

    parent: str | None
    along: Floats
    axes: Floats
    channels: tuple[str, ...]


def read_asf_amc(skeleton: str | os.PathLike[str], motion: str | os.PathLike[str], frame_rate: float) -> SkeletalMotion:
    """Reads both files. A joint bears the name of the bone that begins there; bones' last ends get ``_end``.

    Raises:
        AsfAmcError: if one cannot be read or is not what the format says.
    """
    texts = []
    for path in (Path(skeleton), Path(motion)):
        try:
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise AsfAmcError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        bones = parse_asf(texts[0])
    except SkeletalMotionError as error:
        raise AsfAmcError(f"{Path(skeleton).name}: {error}") from error
    try:
        return parse_amc(texts[1], bones, frame_rate)
    except SkeletalMotionError as error:
        raise AsfAmcError(f"{Path(motion).name}: {error}") from error


def skeleton_beside(motion: Path) -> Path:
    """The skeleton that goes with a motion: of the same name, of its subject (``01_02.amc``: ``01.asf``), or the only
    one in the folder.

    Raises:
        AsfAmcError: if none can be told.
    """
    found = sorted(path for path in motion.parent.iterdir() if path.suffix.lower() == ".asf")
    for stem in (motion.stem, motion.stem.split("_")[0]):
        for path in found:
            if path.stem.lower() == stem.lower():
                return path
    if len(found) == 1:
        return found[0]
    raise AsfAmcError(
        f"{motion.name} needs its skeleton, and there is no {motion.stem.split('_')[0]}.asf beside it. Name the file."
    )


def parse_asf(text: str) -> AcclaimSkeleton:
    """The skeleton in a file's text.

    Raises:
        AsfAmcError: naming what is wrong.
    """
    sections = _sections(text)
    for name in (":units", ":root", ":bonedata", ":hierarchy"):
        if name not in sections:
            raise AsfAmcError(f"There is no '{name}': this is no ASF file, or only a part of one.")
    degrees = _in_degrees(sections[":units"])
    bones = {"root": _root(sections[":root"], degrees)}
    data = dict(_bone(words, degrees) for words in _blocks(sections[":bonedata"]))
    children = [(line[0], child) for line in sections[":hierarchy"] if line[0] != "begin" for child in line[1:]]
    while children:
        ready = [(parent, child) for parent, child in children if parent in bones]
        if not ready:
            hanging = {child for _, child in children}
            parent, child = next((pair for pair in children if pair[0] not in hanging), children[0])
            raise AsfAmcError(f"':hierarchy' hangs '{child}' on '{parent}', which hangs on nothing.")
        for parent, child in ready:
            if child not in data:
                raise AsfAmcError(f"':hierarchy' names '{child}', which ':bonedata' has not.")
            if child in bones:
                raise AsfAmcError(f"':hierarchy' names '{child}' twice.")
            along, axes, channels = data[child]
            bones[child] = Bone(parent, along, axes, channels)
        children = [pair for pair in children if pair not in ready]
    return AcclaimSkeleton(bones, degrees)


def parse_amc(text: str, skeleton: AcclaimSkeleton, frame_rate: float) -> SkeletalMotion:
    """The motion in a file's text.

    Raises:
        AsfAmcError: naming what is wrong.
    """
    frames, degrees = _frames(text, skeleton)
    bones = skeleton.bones
    ends = [name for name in bones if name not in {bone.parent for bone in bones.values()}]
    names = (*bones, *(f"{name}_end" for name in ends))
    order = {name: index for index, name in enumerate(bones)}
    parents = (*(order.get(bone.parent or "", -1) for bone in bones.values()), *(order[name] for name in ends))
    offsets = np.zeros((len(names), 3))
    for index, parent in enumerate(parents):
        if parent >= 0:  # a bone begins where its parent ends
            offsets[index] = bones[names[parent]].along
    local = np.tile(rotations.IDENTITY, (len(frames["root"]), len(names), 1))
    for name, bone in bones.items():
        if name in frames:
            turned = rotations.multiply(_turned(frames[name], bone, degrees), rotations.conjugate(bone.axes))
            local[:, order[name]] = rotations.multiply(bone.axes, turned)
    path = np.zeros((len(local), 3))
    for column, channel in enumerate(bones["root"].channels):
        if channel[0] == "t":
            path[:, _AXES.index(channel[1].upper())] += frames["root"][:, column]
    return rigid_motion(names, parents, offsets, local, path + bones["root"].along, frame_rate)


def _turned(values: Floats, bone: Bone, degrees: bool) -> Floats:
    """(T, N) values of a bone's channels -> (T, 4)."""
    columns = [column for column, channel in enumerate(bone.channels) if channel[0] == "r"]
    order = "".join(bone.channels[column][1] for column in columns)
    return _about_axes(order.upper(), values[:, columns], degrees)


def _about_axes(order: str, angles: Floats, degrees: bool) -> Floats:
    """Angles (..., N) about the fixed axes of ``order``, the first named first -> (..., 4)."""
    result = np.broadcast_to(rotations.IDENTITY, (*angles.shape[:-1], 4)).copy()
    for index, axis in enumerate(order):
        vectors = np.zeros((*angles.shape[:-1], 3))
        vectors[..., _AXES.index(axis)] = np.deg2rad(angles[..., index]) if degrees else angles[..., index]
        result = rotations.multiply(rotations.exp(vectors), result)
    return result


_Lines = list[list[str]]


def _sections(text: str) -> dict[str, _Lines]:
    """Lines of words, by the ``:word`` that begins their section, what follows the word first."""
    found: dict[str, _Lines] = {}
    lines: _Lines = []
    for raw in text.splitlines():
        words = raw.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            lines = found.setdefault(words[0].lower(), [])
            words = words[1:]
        if words and words[0] != "end":
            lines.append(words)
    return found


def _in_degrees(units: _Lines) -> bool:
    angle = next((words[1] for words in units if words[0] == "angle" and len(words) > 1), "deg")
    if angle not in ("deg", "rad"):
        raise AsfAmcError(f"':units' says 'angle {angle}', expected deg or rad.")
    return angle == "deg"


def _root(lines: _Lines, degrees: bool) -> Bone:
    words = {line[0]: line[1:] for line in lines}
    channels = tuple(word.lower() for word in words.get("order", []))
    _check_channels(channels, "root")
    axes = _about_axes(
        _axis_order("".join(words.get("axis", ["XYZ"])), "root"), _three(words, "orientation", "root"), degrees
    )
    return Bone(None, _three(words, "position", "root"), axes, channels)


def _blocks(lines: _Lines) -> list[_Lines]:
    blocks: list[_Lines] = []
    for words in lines:
        if words[0] == "begin":
            blocks.append([])
        elif blocks:
            blocks[-1].append(words)
    return blocks


def _bone(lines: _Lines, degrees: bool) -> tuple[str, tuple[Floats, Floats, tuple[str, ...]]]:
    words = {line[0]: line[1:] for line in lines}
    if not words.get("name"):
        raise AsfAmcError("A bone of ':bonedata' has no 'name'.")
    name = words["name"][0]
    direction = _three(words, "direction", name)
    length = _numbers(words.get("length", []), "length", name)
    size = float(np.linalg.norm(direction))
    if len(length) != 1 or size == 0:
        raise AsfAmcError(f"Bone '{name}' has no 'length', or a 'direction' of zero.")
    if len(words.get("axis", [])) != 4:
        raise AsfAmcError(f"Bone '{name}' has 'axis {' '.join(words.get('axis', []))}', expected three angles and XYZ.")
    axes = _about_axes(_axis_order(words["axis"][3], name), _numbers(words["axis"][:3], "axis", name), degrees)
    channels = tuple(word.lower() for word in words.get("dof", []))
    _check_channels(channels, name)
    return name, (direction / size * length[0], axes, channels)


def _check_channels(channels: tuple[str, ...], name: str) -> None:
    allowed = {f"r{axis}" for axis in "xyz"} | ({f"t{axis}" for axis in "xyz"} if name == "root" else set())
    for channel in channels:
        if channel not in allowed:
            raise AsfAmcError(f"Bone '{name}' has the channel '{channel}', expected {', '.join(sorted(allowed))}.")


def _axis_order(word: str, name: str) -> str:
    if sorted(word.upper()) != list(_AXES):
        raise AsfAmcError(f"Bone '{name}' has axes '{word}', expected an order of X, Y and Z.")
    return word.upper()


def _three(words: dict[str, list[str]], key: str, name: str) -> Floats:
    found = _numbers(words.get(key, []), key, name)
    if len(found) != 3:
        raise AsfAmcError(f"Bone '{name}' has '{key}' with {len(found)} numbers, expected 3.")
    return found


def _numbers(words: list[str], key: str, name: str) -> Floats:
    try:
        found = np.array([float(word) for word in words])
    except ValueError:
        raise AsfAmcError(f"Bone '{name}' has '{key} {' '.join(words)}', expected numbers.") from None
    check_values(found, f"'{key}' of bone '{name}'")
    return found


def _frames(text: str, skeleton: AcclaimSkeleton) -> tuple[dict[str, Floats], bool]:
    """For each bone that moves (T, N) values; whether angles are in degrees."""
    rows: dict[str, list[list[str]]] = {}
    degrees, frame = skeleton.degrees, 0
    for raw in text.splitlines():
        words = raw.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            degrees = {":degrees": True, ":radians": False}.get(words[0].lower(), degrees)
        elif len(words) == 1 and words[0].isdigit():
            frame += 1
        else:
            _check_row(words, skeleton, frame)
            rows.setdefault(words[0], []).append(words[1:])
    if not rows:
        raise AsfAmcError("There are no frames: this is no AMC file, or only a part of one.")
    moving = [name for name, bone in skeleton.bones.items() if bone.channels]
    for name in moving:
        if len(rows.get(name, [])) != frame:
            raise AsfAmcError(f"Bone '{name}' has values in {len(rows.get(name, []))} of {frame} frames.")
    try:
        found = {name: np.array(values, dtype=np.float64) for name, values in rows.items()}
    except ValueError as error:
        raise AsfAmcError(f"The frames hold what is no number: {error}.") from error
    for name, values in found.items():
        check_values(values, f"Bone '{name}'")
    return found, degrees


def _check_row(words: list[str], skeleton: AcclaimSkeleton, frame: int) -> None:
    bone = skeleton.bones.get(words[0])
    if bone is None:
        raise AsfAmcError(f"Frame {frame} moves '{words[0]}', which the skeleton has not.")
    if len(words) - 1 != len(bone.channels):
        raise AsfAmcError(f"Frame {frame} has {len(words) - 1} values for '{words[0]}', expected {len(bone.channels)}.")
