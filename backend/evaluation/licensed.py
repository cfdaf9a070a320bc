"""The files that the papers' protocols need and that Limber may not ship: SMPL's bodies and a joint regressor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig.body import Body, load_body
from smpl_rig.errors import LimberError

from .datasets.filmed import JOINT_SETS

Floats = NDArray[np.floating[Any]]

REGRESSED_JOINTS = JOINT_SETS["J_regressor_h36m"]


class LicensedFilesError(LimberError):
    """A file is missing that a protocol needs, or it is not what it should be."""


@dataclass(frozen=True)
class LicensedFiles:
    """A folder with ``SMPL_NEUTRAL``, ``SMPL_FEMALE`` and ``SMPL_MALE`` (``.npz`` or ``.pkl``), named as smplx names
    them, and ``J_regressor_h36m.npy``, (17, 6890), which SPIN and VIBE publish. Only what is asked for is read.
    """

    folder: Path

    def body_file(self, gender: str) -> Path:
        """Where a gender's body lies.

        Raises:
            LicensedFilesError: if it is missing.
        """
        for suffix in ("npz", "pkl"):
            path = self.folder / f"SMPL_{gender.upper()}.{suffix}"
            if path.is_file():
                return path
        raise LicensedFilesError(
            f"{self.folder} holds no SMPL_{gender.upper()}.npz or .pkl. Put SMPL's licensed files there."
        )

    def body(self, gender: str) -> Body:
        """A gender's body.

        Raises:
            LimberError: if its file is missing or no body.
        """
        return load_body(self.body_file(gender))

    @cached_property
    def regressor(self) -> Floats:
        """(17, V): the joints of :data:`REGRESSED_JOINTS` as weighted means of vertices.

        Raises:
            LicensedFilesError: if the file is missing or of another shape.
        """
        path = self.folder / "J_regressor_h36m.npy"
        try:
            regressor = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise LicensedFilesError(
                f"{path} cannot be read ({error}). SPIN and VIBE publish it with their data."
            ) from error
        vertices = len(self.body("neutral").v_template)
        if regressor.shape != (len(REGRESSED_JOINTS), vertices):
            expected = (len(REGRESSED_JOINTS), vertices)
            raise LicensedFilesError(f"{path} has shape {regressor.shape}, expected {expected}.")
        return np.asarray(regressor, dtype=np.float64)
