"""Joint positions as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..skeleton import JOINT_NAMES
from .take import Take


def write_csv(take: Take, path: Path) -> None:
    """Writes a line for each frame: its number from 0, seconds, and x, y, z of each joint (metres, Z up)."""
    header = ",".join(["frame", "time_s", *(f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz")])
    frames = np.arange(len(take))
    rows = np.column_stack((frames, frames / take.frame_rate, take.joints().reshape(len(take), -1)))
    np.savetxt(
        path, rows, fmt=["%d", "%.9f", *["%.6f"] * (rows.shape[1] - 2)], delimiter=",", header=header, comments=""
    )
