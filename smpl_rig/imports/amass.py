"""AMASS's archives as results: see :mod:`smpl_rig.imports.archives` for their layouts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..body import GENDERS
from ..skeleton import BETA_COUNT, JOINT_COUNT
from .archives import Arrays, amass_motion
from .content import ImportedFileError
from .smpl_result import SMPLX_PELVIS, SmplResult

#: What archives tell of the body.
SHAPE_KEYS = ("betas", "gender")
#: Poses of SMPL-X have so many numbers.
_SMPLX_WIDTH = 165


def amass_people(arrays: Arrays) -> list[SmplResult]:
    """The person of an archive, who stands on the floor at z = 0.

    Raises:
        LimberError: naming the key that is wrong.
    """
    pose, rate = amass_motion(arrays, np.zeros((JOINT_COUNT, 3)))
    is_smplx = arrays["poses"].shape[1] == _SMPLX_WIDTH if "poses" in arrays else True
    return [
        SmplResult(
            source="amass",
            person=0,
            local_rotations=pose.local_rotations,
            trans=pose.pelvis,
            world_from_file=np.eye(3),
            times_s=np.arange(len(pose.pelvis)) / rate,
            frame_rate=rate,
            betas=_betas(arrays),
            pelvis_at_rest=SMPLX_PELVIS if is_smplx else None,
            is_on_floor=True,
            gender=_gender(arrays),
        )
    ]


def _betas(arrays: Arrays) -> NDArray[np.float64]:
    if "betas" not in arrays:
        return np.zeros(BETA_COUNT)
    betas = arrays["betas"]
    if betas.dtype.kind not in "iuf" or betas.ndim != 1 or len(betas) < BETA_COUNT or not np.isfinite(betas).all():
        raise ImportedFileError(f"Key 'betas' has shape {betas.shape}, expected {BETA_COUNT} or more finite numbers.")
    return betas[:BETA_COUNT].astype(np.float64)


def _gender(arrays: Arrays) -> str:
    """As it is written; old archives hold bytes."""
    value = arrays.get("gender", np.array("neutral"))
    told = value.item().decode("ascii", "replace") if value.dtype.kind == "S" and value.size == 1 else str(value)
    return told if told in GENDERS else "neutral"
