"""Settings of the slider: the default, and those by name for kinds of motion (``smoothness_presets.json``).

Needs no numpy, so that Blender can draw them before anything is captured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: Chosen by ``limber evaluate smoothing``: fast motion keeps its peaks, and beyond it the mean error hardly falls.
DEFAULT_SMOOTHNESS = 0.5


@dataclass(frozen=True)
class Preset:
    """What :func:`smpl_rig.refine.refine` is given.

    Attributes:
        smoothness: 0 to 1.
        parts: of the body that have a smoothness of their own.
    """

    smoothness: float
    parts: Mapping[str, float]


@cache
def smoothness_presets() -> Mapping[str, Preset]:
    """By name, in the order in which they are offered."""
    stored = json.loads(Path(__file__).with_name("smoothness_presets.json").read_text(encoding="utf-8"))
    return {name: Preset(float(preset["smoothness"]), dict(preset["parts"])) for name, preset in stored.items()}


def read_smoothness(text: str) -> float:
    """A number from 0 to 1, from a command line.

    Raises:
        argparse.ArgumentTypeError: if it is another.
    """
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 0 and 1")
    return value
