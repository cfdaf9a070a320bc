"""``limber import``: motion of other programs as Motion files, and on to other formats."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from smpl_rig.errors import LimberError


def run_import(parsed: argparse.Namespace) -> int:
    """Writes a Motion file for each person or take.

    Raises:
        LimberError: with what the user is to be told.
    """
    from backend.exporting import export_motions
    from backend.results import import_motions

    motions = import_motions(parsed.file, parsed.body, parsed.fps, parsed.skeleton)
    try:
        parsed.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LimberError(
            f"{parsed.out} cannot be made: {error.strerror}. Choose a folder you may write to."
        ) from error
    written: list[Path] = []
    for motion in motions:
        path = parsed.out / f"person_{motion.person}.npz"
        motion.save(path)
        written.append(path)
    if parsed.export:
        written += export_motions(written, parsed.body, parsed.export, parsed.smoothness, lambda *_: None)
    report = {
        "file": str(parsed.file),
        "people": [
            {
                "person": motion.person,
                "layout": motion.model,
                "frames": len(motion),
                "frames_per_second": motion.mocap_framerate,
                "seconds": round(float(motion.timestamps_s[-1] - motion.timestamps_s[0]), 3),
            }
            for motion in motions
        ],
        "written": [str(path) for path in written],
    }
    if parsed.json:
        print(json.dumps(report, indent=2))
        return 0
    for motion in motions:
        print(f"person {motion.person}: {motion.model}, {len(motion)} frames at {motion.mocap_framerate:g} per second")
    for path in written:
        print(f"  {path}")
    return 0
