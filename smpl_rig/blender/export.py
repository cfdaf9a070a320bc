r"""A Motion file in, animation files out, with no window: the command line's way to Blender.

    python -m smpl_rig.blender.export MOTION.npz --body BODY.npz --export out.fbx --export out.bvh --smoothness 0.5

needs ``bpy`` in the environment. With a Blender executable instead, and PROJECT the folder that holds ``smpl_rig``:

    PYTHONPATH=PROJECT blender -b --python-use-system-env \
        --python-expr "from smpl_rig.blender import export; raise SystemExit(export.main())" \
        -- MOTION.npz --export out.fbx
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import bpy

from ..body import load_body
from ..errors import LimberError
from ..motion import Motion
from .animation import fit_scene
from .character import build_character
from .exporters import EXPORTERS, export_take


def export_motion(
    motion_path: Path, outputs: Sequence[Path], body_path: Path | None = None, smoothness: float = 0.5
) -> None:
    """Builds the character in an empty scene at the footage's rate and writes each output by its ending.

    Raises:
        LimberError: if a file cannot be read or written, or the body is not the motion's.
    """
    motion = Motion.load(motion_path)
    body = None if body_path is None else load_body(body_path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    fit_scene(scene, motion)
    armature = build_character(scene, motion, body, motion_path.stem, smoothness)
    for output in outputs:
        export_take(armature, output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit status; a user's error is one line on stderr and status 1."""
    parser = argparse.ArgumentParser(description="Writes a Motion file as animation files.")
    parser.add_argument("motion", type=Path, metavar="MOTION.npz")
    parser.add_argument("--body", type=Path, help="the body the motion was captured with; without it, bones only")
    parser.add_argument(
        "--export",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help=f"{', '.join(EXPORTERS)}; repeat",
    )
    parser.add_argument("--smoothness", type=float, default=0.5, help="0 (raw capture) to 1 (smoothest)")
    if arguments is None:  # Blender keeps what comes before -- for itself
        arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parsed = parser.parse_args(arguments)
    try:
        export_motion(parsed.motion, parsed.export, parsed.body, parsed.smoothness)
    except LimberError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    exit_status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # bpy 4.2 can crash, and bpy 4.5 hang, while Python is torn down; the files are whole by now
    os._exit(exit_status)
