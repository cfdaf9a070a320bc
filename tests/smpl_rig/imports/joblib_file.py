"""Files as joblib writes them: a pickle in which the bytes of each array follow its description."""

import io
import pickle
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np

_ALIGNMENT = 16


class NumpyArrayWrapper:
    """Bears joblib's name of it."""

    def __init__(self, array: np.ndarray) -> None:
        self.subclass, self.shape, self.order = np.ndarray, array.shape, "C"
        self.dtype, self.allow_mmap, self.numpy_array_alignment_bytes = array.dtype, False, _ALIGNMENT


NumpyArrayWrapper.__module__ = "joblib.numpy_pickle"


class _Pickler(pickle._Pickler):  # type: ignore[name-defined, misc]
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=4)
        self.file = file

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if type(obj) is not np.ndarray:
            super().save(obj, save_persistent_id)
            return
        super().save(NumpyArrayWrapper(obj))
        self.framer.commit_frame(force=True)
        padding = _ALIGNMENT - (self.file.tell() + 1) % _ALIGNMENT
        self.file.write(bytes([padding]) + b"\xff" * padding + np.ascontiguousarray(obj).tobytes())


def write_joblib(path: Path, content: Any, compressed: bool = False) -> None:
    names = ("joblib", "joblib.numpy_pickle")
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: types.ModuleType(name) for name in names})
    sys.modules[names[1]].NumpyArrayWrapper = NumpyArrayWrapper  # type: ignore[attr-defined]
    try:
        file = io.BytesIO()
        _Pickler(file).dump(content)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    path.write_bytes(zlib.compress(file.getvalue(), 3) if compressed else file.getvalue())
