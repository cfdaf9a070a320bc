"""Features that were computed once, kept on disk."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.cache import cache_folder
from smpl_rig.whole_files import whole_file

Floats = NDArray[np.float32]
#: What has not been read for longest is removed when there is more than this.
LIMIT_BYTES = 4 << 30


@dataclass(frozen=True)
class FeatureCache:
    """Arrays by a key that stands for everything they were computed from.

    Nothing depends on it: what is missing, damaged or cannot be written is computed anew.

    Attributes:
        folder: where the files lie.
        limit_bytes: of all of them together.
    """

    folder: Path = field(default_factory=lambda: cache_folder() / "features")
    limit_bytes: int = LIMIT_BYTES

    def read(self, key: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, Floats] | None:
        """The arrays of these names and shapes, or None."""
        path = self._path(key)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in shapes}
        except Exception:  # a damaged archive can raise nearly anything
            return None
        if any(arrays[name].shape != shape or arrays[name].dtype != np.float32 for name, shape in shapes.items()):
            return None
        with suppress(OSError):  # somebody else's folder can be read all the same
            os.utime(path)
        return arrays

    def write(self, key: str, arrays: dict[str, Floats]) -> None:
        """Keeps arrays, whole or not at all, and removes others if there is no room."""
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with whole_file(self._path(key)) as part, part.open("wb") as file:
                np.savez(file, **arrays)
            self._make_room()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def _make_room(self) -> None:
        files = sorted(((path.stat(), path) for path in self.folder.iterdir()), key=lambda file: file[0].st_mtime_ns)
        total = sum(stat.st_size for stat, _ in files)
        for stat, path in files:
            if total <= self.limit_bytes:
                return
            path.unlink(missing_ok=True)
            total -= stat.st_size
