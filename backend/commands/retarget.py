"""``limber retarget``: a Motion file onto the rig in a file, through Blender in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from smpl_rig.errors import LimberError
from smpl_rig.exports.preset import PLAIN, presets
from smpl_rig.exports.written_bones import WrittenBones
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS

from .arguments import Commands, fraction

_FOUND = "bones found by: "
_WARNING = "warning: "


class RetargetError(LimberError):
    """A motion could not be brought onto a rig."""


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("retarget", help="put a motion onto any character")
    parser.add_argument("motion", type=Path, metavar="MOTION", help="a Motion file (.npz)")
    parser.add_argument("rig", type=Path, metavar="RIG", help="the character: .fbx, .glb, .gltf, .vrm, .blend")
    parser.add_argument("out", type=Path, metavar="OUT", help=".fbx, .glb, .usd, .abc, .blend")
    parser.add_argument(
        "--smoothness", type=fraction, default=DEFAULT_SMOOTHNESS, metavar="0..1", help="default: %(default)s"
    )
    parser.add_argument("--map", type=Path, metavar="FILE.json", help="which bone is which (default: it is found)")
    parser.add_argument("--armature", metavar="NAME", help="where the file holds several (default: with most bones)")
    parser.add_argument("--touch", action="store_true", help="lead hands to what the person's touch")
    parser.add_argument("--relax-fingers", action="store_true", help="let fingers hang as those of a hand at ease")
    parser.add_argument("--ik", action="store_true", help="key the rig's IK controls (Rigify)")
    parser.add_argument("--preset", choices=[*presets()], default=PLAIN, help="the program that OUT is for")
    parser.add_argument(
        "--bones", choices=[*WrittenBones], help="that are written (default: a control rig's deforming ones, else all)"
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
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
