"""``limber export``: Motion files as files of other programs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from backend.argument_types import rate, some_of
from smpl_rig.errors import LimberError
from smpl_rig.exports.bvh import DEFAULT_ORDER, ORDERS
from smpl_rig.exports.preset import FORMATS, PLAIN, preset, presets
from smpl_rig.exports.root_motion import RootMotion
from smpl_rig.smoothness import read_smoothness

from .arguments import Commands, add_json_report, add_part
from .output_files import make_folder, print_paths


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("export", help="write Motion files for other programs")
    parser.add_argument("motions", nargs="*", type=Path, metavar="MOTION", help="Motion files (.npz)")
    parser.add_argument("-o", "--out", type=Path, metavar="DIR")
    parser.add_argument("--preset", choices=[*presets()], default=PLAIN, help="the program (default: Limber's own way)")
    parser.add_argument("--presets", action="store_true", help="list the presets and what they are for")
    parser.add_argument(
        "--format", type=some_of(FORMATS), metavar="NAME,...", help=f"{', '.join(FORMATS)} (default: preset's)"
    )
    parser.add_argument("--root-motion", choices=[*RootMotion], help="what the root bone does (default: the preset's)")
    parser.add_argument("--smoothness", type=read_smoothness, metavar="0..1", help="default: 0.5, of imported motion 0")
    parser.add_argument("--fps", type=rate, metavar="N", help="frames per second (default: the motion's)")
    add_part(parser)
    parser.add_argument("--bvh-order", choices=ORDERS, default=DEFAULT_ORDER, help="of rotations; default: %(default)s")
    parser.add_argument("--t-pose", action="store_true", help="begin a BVH with one frame of the rest pose")
    parser.add_argument("--body", type=Path, metavar="FILE", help="the licensed SMPL file that the motions belong to")
    add_json_report(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Writes every motion in every format.

    Raises:
        LimberError: with what the user is to be told.
    """
    from backend.exporting import ExportOptions, export_files

    if parsed.presets:
        print(_presets_table())
        return 0
    if not parsed.motions or parsed.out is None:
        raise LimberError("Nothing to export. Name Motion files and a folder: limber export MOTION.npz -o DIR.")
    make_folder(parsed.out)
    options = ExportOptions(
        body=parsed.body,
        smoothness=parsed.smoothness,
        preset=parsed.preset,
        root_motion=RootMotion(parsed.root_motion) if parsed.root_motion else None,
        frame_rate=parsed.fps,
        start_s=parsed.start,
        end_s=parsed.end,
        bvh_order=parsed.bvh_order,
        t_pose=parsed.t_pose,
    )
    formats = parsed.format or preset(parsed.preset).formats[:1]
    written, warnings = export_files(parsed.motions, parsed.out, formats, options)
    if parsed.json:
        print(json.dumps({"written": [str(path) for path in written], "warnings": warnings}, indent=2))
        return 0
    for warning in warnings:
        print(f"warning: {warning}")
    print_paths(written)
    return 0


def _presets_table() -> str:
    width = max(len(name) for name in presets())
    return "\n".join(f"{each.name:<{width}}  {', '.join(each.formats)}: {each.about}" for each in presets().values())
