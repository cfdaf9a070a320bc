"""Takes in AMASS's layout (Mahmood et al. 2019): SMPL's 24 joints, Z up, metres."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import rotations
from .take import Take


def write_amass(take: Take, path: Path) -> None:
    """Writes ``poses`` (T, 72), ``trans`` (T, 3), ``betas`` (10,), ``gender`` and ``mocap_framerate``."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            poses=rotations.log(take.local_rotations).reshape(len(take), -1),
            trans=take.trans,
            betas=np.asarray(take.betas, dtype=np.float64),
            gender=np.str_(take.gender),
            mocap_framerate=np.float64(take.frame_rate),
        )
