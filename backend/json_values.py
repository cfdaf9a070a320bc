"""Figures as JSON, which has no NaN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def known(value: Any) -> Any:
    """A value, or a mapping of values in any depth, in which numbers that are not finite are None."""
    if isinstance(value, Mapping):
        return {key: known(part) for key, part in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
