"""What lies in the folder of a capture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from backend.json_reports import write_json
from backend.server.models import Person
from smpl_rig.motion import Motion


def motion_path(folder: Path, person: int) -> Path:
    return folder / f"person_{person}.npz"


def thumbnail_path(folder: Path, person: int) -> Path:
    return folder / f"thumbnail_{person}.jpg"


def preview_path(folder: Path) -> Path:
    return folder / "preview.mp4"


def report_path(folder: Path) -> Path:
    return folder / "report.json"


def write_motions(folder: Path, motions: Iterable[Motion], report: dict[str, Any]) -> list[Person]:
    """Writes the Motion files and the report; says who was captured."""
    people = []
    for motion in motions:
        motion.save(motion_path(folder, motion.person))
        people.append(
            Person(
                person=motion.person,
                frames=len(motion),
                frames_observed=int(motion.observed.sum()),
                first_s=float(motion.timestamps_s[0]),
                last_s=float(motion.timestamps_s[-1]),
            )
        )
    write_json(report_path(folder), report)
    return people
