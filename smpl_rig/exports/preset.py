"""What another program wants of a file: one JSON file for each program, in ``presets/``.

=================  ==================================================================================================
``title``          what it is called in menus
``about``          what it is for, and how to import there
``formats``        the endings that make sense, the usual one first
``unit_m``         metres of the file's unit of length (FBX; the other formats have their own)
``up``, ``faces``  the file's axes: where up is and where the rest pose looks, as ``Z`` or ``-Y`` (FBX)
``armature``       what the armature object is called; null keeps its name
``root_bone``      what the root bone is called; null leaves it out
``root_motion``    ``pelvis``, ``root`` or ``in-place``, unless the user says otherwise
``leaf_bones``     whether the ends of limbs get bones of their own
``t_pose_first``   whether one more frame before the take shows the rest pose (FBX)
``skin``           ``required`` or ``wanted``
``most_influences``  bones that may move one vertex
``names``          for each of SMPL's 24 joints the bone's name
=================  ==================================================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import LimberError
from ..skeleton import JOINT_NAMES
from .root_motion import RootMotion

FOLDER = Path(__file__).parent / "presets"
FORMATS = ("fbx", "glb", "usd", "abc", "bvh", "amass", "csv")
#: The preset of those who ask for none.
PLAIN = "limber"
AXES = ("X", "-X", "Y", "-Y", "Z", "-Z")


class PresetError(LimberError):
    """A preset does not exist, or its file is not what a preset's must be."""


@dataclass(frozen=True)
class Preset:
    """A program's wishes; see the module for the meaning of each."""

    name: str
    title: str
    about: str
    formats: tuple[str, ...]
    unit_m: float
    up: str
    faces: str
    armature: str | None
    root_bone: str | None
    root_motion: RootMotion
    leaf_bones: bool
    t_pose_first: bool
    skin: str
    most_influences: int
    names: dict[str, str]

    @property
    def backward(self) -> str:
        """The file's axis behind the rest pose."""
        return self.faces.removeprefix("-") if self.faces.startswith("-") else f"-{self.faces}"


@cache
def presets() -> dict[str, Preset]:
    """Those that Limber brings, by name."""
    return {path.stem: read_preset(path) for path in sorted(FOLDER.glob("*.json"))}


def preset(name: str) -> Preset:
    """One of :func:`presets`.

    Raises:
        PresetError: if there is none of that name.
    """
    if name not in presets():
        raise PresetError(f"There is no preset '{name}'. Choose one of {', '.join(presets())}.")
    return presets()[name]


def read_preset(path: Path) -> Preset:
    """Reads a preset's file.

    Raises:
        PresetError: naming the key that is missing or wrong.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PresetError(f"{path.name} is no readable preset: {error}") from error
    wanted = [field.name for field in fields(Preset) if field.name != "name"]
    for key in wanted:
        if key not in content:
            raise PresetError(f"{path.name} lacks the key '{key}'.")
    unknown = next((key for key in content if key not in wanted), None)
    if unknown is not None:
        raise PresetError(f"{path.name} has the key '{unknown}', which no preset has.")
    for key, is_right, expected in _rules(content):
        if not is_right:
            raise PresetError(f"{path.name}: Key '{key}' is {content[key]!r}, expected {expected}.")
    values = content | {"formats": tuple(content["formats"]), "root_motion": RootMotion(content["root_motion"])}
    return Preset(name=path.stem, **values)


def _rules(content: dict[str, Any]) -> list[tuple[str, bool, str]]:
    """For each key whether it is right, and what was expected."""
    up, faces, names = content["up"], content["faces"], content["names"]
    is_named = isinstance(names, dict) and {*names} == {*JOINT_NAMES} and len({*names.values()}) == len(JOINT_NAMES)
    root = content["root_bone"]
    return [
        ("formats", bool(content["formats"]) and {*content["formats"]} <= {*FORMATS}, f"some of {', '.join(FORMATS)}"),
        ("unit_m", isinstance(content["unit_m"], int | float) and content["unit_m"] > 0, "metres greater than 0"),
        ("up", up in AXES, f"one of {', '.join(AXES)}"),
        ("faces", faces in AXES and faces[-1] != str(up)[-1], "an axis at right angles to 'up'"),
        ("root_bone", root is None or (bool(root) and root not in names.values()), "a name that no joint has, or null"),
        ("root_motion", content["root_motion"] in [*RootMotion], f"one of {', '.join(RootMotion)}"),
        ("root_motion", root is not None or content["root_motion"] != RootMotion.ROOT, "not root, without a root bone"),
        *((key, isinstance(content[key], bool), "true or false") for key in ("leaf_bones", "t_pose_first")),
        ("skin", content["skin"] in ("required", "wanted"), "required or wanted"),
        (
            "most_influences",
            isinstance(content["most_influences"], int) and content["most_influences"] > 0,
            "1 or more",
        ),
        ("names", is_named, "a name of its own for each of SMPL's 24 joints"),
    ]
