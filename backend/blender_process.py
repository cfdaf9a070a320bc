"""Blender, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from smpl_rig.blender.own_process import WARNING
from smpl_rig.errors import LimberError


class BlenderError(LimberError):
    """Blender could not do it."""


def run_in_blender(module: str, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Runs one of the command lines of :mod:`smpl_rig.blender`.

    Args:
        module: its full name.
        words: of the command line.

    Returns:
        What the user should know, and the other lines that it printed.

    Raises:
        BlenderError: with what Blender said last.
    """
    command = [sys.executable, "-m", module, *words]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        said = (finished.stderr.strip() or finished.stdout.strip()).splitlines() or ["Blender gave no reason."]
        missing = "No module named 'bpy'" in finished.stderr
        hint = ". Install it with: pip install 'limber[blender]'" if missing else ""
        raise BlenderError(said[-1] + hint)
    lines = finished.stdout.splitlines()
    warnings = [line.removeprefix(WARNING) for line in lines if line.startswith(WARNING)]
    return warnings, [line for line in lines if not line.startswith(WARNING)]
