"""``limber retarget``: a Motion file onto the rig in a file, through Blender in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys

from smpl_rig.errors import LimberError


class RetargetError(LimberError):
    """A motion could not be brought onto a rig."""


_FOUND = "bones found by: "
_WARNING = "warning: "


def run_retarget(parsed: argparse.Namespace) -> int:
    """Writes the animated rig.

    Raises:
        RetargetError: with what the user is to be told.
    """
    command = [sys.executable, "-m", "smpl_rig.blender.retarget_file"]
    command += [str(parsed.motion), str(parsed.rig), str(parsed.out), "--smoothness", str(parsed.smoothness)]
    command += ["--preset", parsed.preset]
    if parsed.map is not None:
        command += ["--map", str(parsed.map)]
    if parsed.armature is not None:
        command += ["--armature", parsed.armature]
    if parsed.bones is not None:
        command += ["--bones", parsed.bones]
    wishes = {"--touch": parsed.touch, "--relax-fingers": parsed.relax_fingers, "--ik": parsed.ik}
    command += [wish for wish, is_wanted in wishes.items() if is_wanted]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        said = finished.stderr.strip().splitlines() or ["Blender gave no reason."]
        hint = " Install it with: pip install 'limber[blender]'" if "No module named 'bpy'" in finished.stderr else ""
        raise RetargetError(said[-1] + hint)
    for warning in (line for line in finished.stdout.splitlines() if line.startswith(_WARNING)):
        print(warning)
    how = next((line.removeprefix(_FOUND) for line in finished.stdout.splitlines() if line.startswith(_FOUND)), "")
    print(f"{parsed.out}  (bones found by: {how})")
    return 0
