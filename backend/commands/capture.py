"""``limber capture``: footage to Motion files, exports and a preview."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from backend.json_reports import write_json
from smpl_rig.known_height import read_height
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS, read_smoothness

from .arguments import (
    Commands,
    add_detector,
    add_device,
    add_export,
    add_filming,
    add_json_report,
    add_overwrite,
    add_person,
)
from .output_files import keep_earlier, make_folder, print_paths, save_motions
from .progress_bar import ProgressBar


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("capture", help="capture the people in footage")
    parser.add_argument("footage", type=Path, metavar="FOOTAGE", help="a video, a folder of images or a %%04d pattern")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR")
    add_overwrite(parser)
    parser.add_argument("--network", default="auto", metavar="NAME", help="see limber networks")
    add_detector(parser)
    parser.add_argument("--no-fit", action="store_true", help="leave a network's answer as it is")
    parser.add_argument("--no-mirror", action="store_true", help="ask a network once, not for the mirror image too")
    add_person(parser)
    parser.add_argument(
        "--smoothness",
        type=read_smoothness,
        default=DEFAULT_SMOOTHNESS,
        metavar="0..1",
        help="of the exports and the preview",
    )
    add_filming(parser)
    parser.add_argument(
        "--height",
        type=read_height,
        metavar="METRES",
        help="how tall the person stands: sets the size of body and path; holds for everybody who is captured",
    )
    parser.add_argument("--body", type=Path, metavar="FILE", help="a licensed SMPL file instead of the embedded body")
    add_export(parser)
    parser.add_argument("--preview", action="store_true", help="write preview.mp4 with the body over the footage")
    add_device(parser)
    add_json_report(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Captures, writes and reports.

    Raises:
        LimberError: with what the user is to be told.
    """
    from backend.capture import CaptureSettings, capture

    if not parsed.overwrite:
        keep_earlier(parsed.out)
    make_folder(parsed.out)
    settings = CaptureSettings(
        network=parsed.network,
        detector=parsed.detector,
        fit=not parsed.no_fit,
        mirror=not parsed.no_mirror,
        person=parsed.person,
        start_s=parsed.start,
        end_s=parsed.end,
        fov_deg=parsed.fov,
        focal_px=parsed.focal_px,
        height_m=parsed.height,
        still_camera=parsed.still_camera,
        body=parsed.body,
        device=parsed.device,
    )
    with ProgressBar(silent=parsed.json) as progress:
        captured = capture(parsed.footage, settings, progress)
        written = save_motions(captured.motions, parsed.out)
        if parsed.export:
            from backend.exporting import export_motions

            written += export_motions(written, parsed.body, parsed.export, parsed.smoothness, progress)
        if parsed.preview and captured.motions:
            from backend.preview import write_preview
            from smpl_rig.refine import refine

            preview = parsed.out / "preview.mp4"
            refined = [refine(motion, parsed.smoothness) for motion in captured.motions]
            write_preview(parsed.footage, refined, captured.body, preview, lambda done: progress("preview", done))
            written.append(preview)
    report = captured.report | {"written": [str(path) for path in written]}
    write_json(parsed.out / "report.json", report)
    if parsed.json:
        print(json.dumps(report, indent=2))
    else:
        print(summary(report))
        print_paths(written)
    return 0


def summary(report: dict[str, Any]) -> str:
    """A capture's report in lines, for people."""
    frames, rate = report["footage"]["frames_read"], report["frames_per_second"]
    people = "1 person" if len(report["people_found"]) == 1 else f"{len(report['people_found'])} people"
    warnings = [f"warning: {warning}" for warning in report["warnings"]]
    statures = zip(report["people_captured"], report["heights_m"], strict=True)
    tall = [f"person {person} is {height_m:.2f} m tall" for person, height_m in statures]
    counted = f"{frames} frames, {people} found, {rate} frames per second on {report['device']}"
    return "\n".join((*warnings, counted, *tall))
