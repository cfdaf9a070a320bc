"""``limber export``: Motion files as files of other programs."""

from __future__ import annotations

import argparse
import json

from smpl_rig.errors import LimberError
from smpl_rig.exports.preset import FORMATS, preset, presets
from smpl_rig.exports.root_motion import RootMotion

from .exporting import ExportOptions, export_files


def run_export(parsed: argparse.Namespace) -> int:
    """Writes every motion in every format.

    Raises:
        LimberError: with what the user is to be told.
    """
    if parsed.presets:
        print(_presets_table())
        return 0
    if not parsed.motions or parsed.out is None:
        raise LimberError("Nothing to export. Name Motion files and a folder: limber export MOTION.npz -o DIR.")
    formats = parsed.format or preset(parsed.preset).formats[:1]
    try:
        parsed.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LimberError(
            f"{parsed.out} cannot be made: {error.strerror}. Choose a folder you may write to."
        ) from error
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
    written, warnings = export_files(parsed.motions, parsed.out, formats, options)
    if parsed.json:
        print(json.dumps({"written": [str(path) for path in written], "warnings": warnings}, indent=2))
        return 0
    for warning in warnings:
        print(f"warning: {warning}")
    for path in written:
        print(f"  {path}")
    return 0


def formats(text: str) -> tuple[str, ...]:
    """A list of formats as the user types it.

    Raises:
        argparse.ArgumentTypeError: naming what is none.
    """
    found = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    unknown = [name for name in found if name not in FORMATS]
    if unknown or not found:
        raise argparse.ArgumentTypeError(f"'{(unknown or [text])[0]}' is not one of {', '.join(FORMATS)}")
    return found


def _presets_table() -> str:
    width = max(len(name) for name in presets())
    return "\n".join(f"{each.name:<{width}}  {', '.join(each.formats)}: {each.about}" for each in presets().values())
