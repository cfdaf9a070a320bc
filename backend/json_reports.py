"""Reports as JSON, which has no NaN, and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from smpl_rig.errors import LimberError
from smpl_rig.whole_files import whole_file


def known(value: Any) -> Any:
    """A value, or a mapping of values in any depth, in which numbers that are not finite are None."""
    if isinstance(value, Mapping):
        return {key: known(part) for key, part in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Puts a report in place whole or not at all.

    Raises:
        LimberError: if the folder is missing or may not be written to.
    """
    try:
        with whole_file(path) as part:
            part.write_text(json.dumps(report, indent=2), encoding="utf-8")
    except OSError as error:
        raise LimberError(f"{path} cannot be written: {error.strerror or error}. Choose another place.") from error
