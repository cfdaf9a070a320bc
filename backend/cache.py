"""Where is kept what can be made or imported again."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for Limber; ``LIMBER_CACHE`` overrides it."""
    if override := os.environ.get("LIMBER_CACHE"):
        return Path(override)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "Limber"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "Limber" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "limber"


def weights_folder() -> Path:
    """Where weights lie that do not ship with Limber."""
    return cache_folder() / "weights"
