"""``limber import``: motion of other programs as Motion files, and on to other formats."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from backend.argument_types import rate
from smpl_rig.motion import Motion
from smpl_rig.smoothness import read_smoothness

from .arguments import Commands, add_export, add_json_report, add_overwrite
from .output_files import keep_earlier, make_folder, print_paths, save_motions


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("import", help="make Motion files of what other programs captured")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="BVH, AMC, glTF; AMASS; results of WHAM, VIBE, PHALP, GVHMR, AIST++",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    add_overwrite(parser)
    parser.add_argument("--body", type=Path, metavar="FILE", help="a licensed SMPL file, for the shapes in the file")
    parser.add_argument("--fps", type=rate, metavar="N", help="frames per second, where the file does not tell")
    parser.add_argument("--skeleton", type=Path, metavar="FILE.asf", help="of an .amc (default: the one beside it)")
    add_export(parser)
    parser.add_argument("--smoothness", type=read_smoothness, default=0.0, metavar="0..1", help="of the exports")
    add_json_report(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Writes a Motion file for each person or take.

    Raises:
        LimberError: with what the user is to be told.
    """
    from backend.exporting import export_motions
    from backend.results import import_motions

    if not parsed.overwrite:
        keep_earlier(parsed.out)
    motions = import_motions(parsed.file, parsed.body, parsed.fps, parsed.skeleton)
    make_folder(parsed.out)
    written = save_motions(motions, parsed.out)
    if parsed.export:
        written += export_motions(written, parsed.body, parsed.export, parsed.smoothness, lambda *_: None)
    if parsed.json:
        people = [_described(motion) for motion in motions]
        report = {"file": str(parsed.file), "people": people, "written": [str(path) for path in written]}
        print(json.dumps(report, indent=2))
        return 0
    for motion in motions:
        print(f"person {motion.person}: {motion.model}, {len(motion)} frames at {motion.mocap_framerate:g} per second")
    print_paths(written)
    return 0


def _described(motion: Motion) -> dict[str, object]:
    return {
        "person": motion.person,
        "layout": motion.model,
        "frames": len(motion),
        "frames_per_second": motion.mocap_framerate,
        "seconds": round(float(motion.timestamps_s[-1] - motion.timestamps_s[0]), 3),
    }
