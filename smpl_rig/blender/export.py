r"""A Motion file in, animation files out, with no window: the command line's way to Blender.

    python -m smpl_rig.blender.export MOTION.npz --body BODY.npz --export out.fbx --export out.bvh --smoothness 0.5

needs ``bpy`` in the environment. With a Blender executable instead, and PROJECT the folder that holds ``smpl_rig``:

    PYTHONPATH=PROJECT blender -b --python-use-system-env \
        --python-expr "from smpl_rig.blender import export; raise SystemExit(export.main())" \
        -- MOTION.npz --export out.fbx
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ..body import load_body
from ..errors import LimberError
from ..exports.preset import PLAIN, preset, presets
from ..exports.root_motion import RootMotion
from ..exports.take import resampled
from ..motion import Motion
from ..refine import refine
from ..smoothness import DEFAULT_SMOOTHNESS, read_smoothness
from .animation import fit_scene
from .character import build_character
from .own_process import leave, warn
from .preset_export import ENDINGS, export_with_preset


@dataclass(frozen=True)
class Options:
    """How a motion is exported.

    Attributes:
        body: the body the motion was captured with; without it, bones only.
        smoothness: 0 to 1.
        preset: the program that the files are for.
        root_motion: None is the preset's.
        frame_rate: frames per second; None is the footage's.
        start_s: seconds; None is the beginning.
        end_s: seconds; None is the end.
    """

    body: Path | None = None
    smoothness: float = DEFAULT_SMOOTHNESS
    preset: str = PLAIN
    root_motion: RootMotion | None = None
    frame_rate: float | None = None
    start_s: float | None = None
    end_s: float | None = None


def export_motion(motion_path: Path, outputs: Sequence[Path], options: Options) -> list[str]:
    """Builds the character in an empty scene and writes each output by its ending.

    Returns:
        What the user should know.

    Raises:
        LimberError: if a file cannot be read or written, or the body is not the motion's.
    """
    motion = _part(refine(Motion.load(motion_path), options.smoothness), options)
    body = None if options.body is None else load_body(options.body)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    fit_scene(scene, motion)
    armature = build_character(scene, motion, body, motion_path.stem, 0.0)
    told: list[str] = []
    for output in outputs:
        told += export_with_preset(armature, output, preset(options.preset), options.root_motion)
    return list(dict.fromkeys(told))


def _part(motion: Motion, options: Options) -> Motion:
    """What is exported of a motion; a part begins on the first frame."""
    if options.frame_rate is None:
        part = motion.between(options.start_s, options.end_s)
    else:
        part = resampled(motion, options.frame_rate, options.start_s, options.end_s)
    return part if options.start_s is None else replace(part, timestamps_s=part.timestamps_s - options.start_s)


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
        help=f"{', '.join(ENDINGS)}; repeat",
    )
    parser.add_argument(
        "--smoothness", type=read_smoothness, default=DEFAULT_SMOOTHNESS, help="0 (raw capture) to 1 (smoothest)"
    )
    parser.add_argument("--preset", choices=[*presets()], default=PLAIN, help="the program that the files are for")
    parser.add_argument("--root-motion", type=RootMotion, choices=[*RootMotion], help="default: the preset's")
    parser.add_argument("--fps", type=float, help="frames per second (default: the footage's)")
    parser.add_argument("--start", type=float, help="seconds")
    parser.add_argument("--end", type=float, help="seconds")
    if arguments is None:  # Blender keeps what comes before -- for itself
        arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parsed = parser.parse_args(arguments)
    try:
        told = export_motion(
            parsed.motion,
            parsed.export,
            Options(
                body=parsed.body,
                smoothness=parsed.smoothness,
                preset=parsed.preset,
                root_motion=parsed.root_motion,
                frame_rate=parsed.fps,
                start_s=parsed.start,
                end_s=parsed.end,
            ),
        )
    except LimberError as error:
        print(error, file=sys.stderr)
        return 1
    warn(told)
    return 0


if __name__ == "__main__":
    leave(main())
