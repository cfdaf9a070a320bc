"""What ``limber retarget`` is told, and in the same words the Blender that does its work in a process of its own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..exports.preset import PLAIN, presets
from ..exports.written_bones import WrittenBones
from ..smoothness import DEFAULT_SMOOTHNESS, read_smoothness

#: What rigs are read from.
GLTF_FORMATS = (".glb", ".gltf", ".vrm")
RIG_FORMATS = (".blend", ".fbx", *GLTF_FORMATS)

#: The files, in their order.
_FILES: Mapping[str, str] = MappingProxyType(
    {
        "motion": "a Motion file (.npz)",
        "rig": f"the character: {', '.join(RIG_FORMATS)}",
        "out": ".fbx, .glb, .usd, .abc, .blend",
    }
)
_OPTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "smoothness": {
            "type": read_smoothness,
            "default": DEFAULT_SMOOTHNESS,
            "metavar": "0..1",
            "help": "0 (raw capture) to 1 (smoothest); default: %(default)s",
        },
        "map": {"type": Path, "metavar": "FILE.json", "help": "which bone is which (default: it is found)"},
        "armature": {"metavar": "NAME", "help": "where the file holds several (default: with most bones)"},
        "touch": {"action": "store_true", "help": "lead hands to what the person's touch"},
        "relax_fingers": {"action": "store_true", "help": "let fingers hang as those of a hand at ease"},
        "ik": {"action": "store_true", "help": "key the rig's IK controls (Rigify)"},
        "preset": {"choices": [*presets()], "default": PLAIN, "help": "the program that OUT is for"},
        "bones": {
            "choices": [*WrittenBones],
            "help": "that are written (default: a control rig's deforming ones, else all)",
        },
    }
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes them to a parser."""
    for name, meaning in _FILES.items():
        parser.add_argument(name, type=Path, metavar=name.upper(), help=meaning)
    for name, how in _OPTIONS.items():
        parser.add_argument(_flag(name), **how)


def as_words(parsed: argparse.Namespace) -> list[str]:
    """What a parser that knows :func:`add_arguments` reads as the same again."""
    words = []
    for name in _OPTIONS:
        match getattr(parsed, name):
            case None | False:
                pass
            case True:
                words.append(_flag(name))
            case value:
                words += [_flag(name), str(value)]
    return [*words, "--", *(str(getattr(parsed, name)) for name in _FILES)]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
