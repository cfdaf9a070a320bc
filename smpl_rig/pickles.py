"""Reading pickles that other programs wrote, by an allow-list: they may build plain values, numpy arrays, sparse
matrices and chumpy's wrapped arrays, and nothing else.

Whatever is no plain value comes back as something that ``np.asarray`` turns into an array. Files of joblib are read as
well, whether or not zlib compressed them.
"""

from __future__ import annotations

import io
import math
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import LimberError

#: Nobody's file is larger than this when it is unpacked; a small one that claims to be would fill the memory.
_LARGEST_BYTES = 8 << 30
#: Numbers of people do not shrink further than to this part; zeros shrink to a thousandth.
_MOST_SHRUNK = 100
_ALWAYS_ALLOWED_BYTES = 256 << 20
_ZLIB_BEGINNING = b"\x78"


class PickleError(LimberError):
    """A pickle is damaged, or asks for something that no file of numbers needs."""


def read_pickle(path: Path) -> Any:
    """What a pickle or a file of joblib holds.

    Raises:
        PickleError: if it is damaged, or asks for anything that is not on the allow-list. The message does not name
            the file.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(_unpacked(path.read_bytes()))).load()
    except PickleError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise PickleError(f"The pickle is damaged: {error}") from error


def _unpacked(raw: bytes) -> bytes:
    if not raw.startswith(_ZLIB_BEGINNING):  # no pickle begins so
        return raw
    stream = zlib.decompressobj()
    most = min(_LARGEST_BYTES, max(_ALWAYS_ALLOWED_BYTES, _MOST_SHRUNK * len(raw)))
    unpacked = stream.decompress(raw, most)
    if not stream.eof:
        raise PickleError(f"It was cut off, or unpacks to more than {most >> 20} MB, which no file of numbers does.")
    return unpacked


class _SparseMatrix:
    """Stands in for scipy's compressed matrices, so that reading them does not need scipy."""

    _by_columns: bool

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._shape = tuple(state["_shape"] if "_shape" in state else state["shape"])
        self._starts, self._indices, self._data = (np.asarray(state[key]) for key in ("indptr", "indices", "data"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        along = np.repeat(np.arange(len(self._starts) - 1), np.diff(self._starts))
        dense = np.zeros(self._shape, dtype=self._data.dtype if dtype is None else dtype)
        dense[(self._indices, along) if self._by_columns else (along, self._indices)] = self._data
        return dense


class _ColumnMatrix(_SparseMatrix):
    _by_columns = True


class _RowMatrix(_SparseMatrix):
    _by_columns = False


class _ChumpyArray:
    """Stands in for chumpy's ``Ch``: only the array it wraps is kept."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._array = state["x"]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self._array, dtype=dtype)


class _JoblibArray:
    """Stands in for joblib's ``NumpyArrayWrapper``, which describes an array whose bytes follow it in the file.

    ``pickle`` reads no further than the frame that it is in, and joblib ends the frame after the description: when the
    description is set, the file stands at the array's bytes.
    """

    _file: io.BytesIO

    def __setstate__(self, state: dict[str, Any]) -> None:
        dtype, shape = state["dtype"], [int(size) for size in state["shape"]]
        if not isinstance(dtype, np.dtype) or dtype.hasobject or min(shape, default=0) < 0:
            raise PickleError("It holds an array of something other than numbers. It was refused.")
        if state.get("numpy_array_alignment_bytes") is not None:  # since joblib 1.2
            (padding,) = self._file.read(1)
            self._file.read(padding)
        count = math.prod(shape)
        flat = np.frombuffer(self._file.read(count * dtype.itemsize), dtype, count)
        self._array = flat.reshape(shape[::-1]).T if state["order"] == "F" else flat.reshape(shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self._array, dtype=dtype)


def _reconstruct_array(cls: type, shape: tuple[int, ...], kind: bytes | str) -> NDArray[Any]:
    """How numpy begins an array, empty until it is given its state."""
    if cls is not np.ndarray or tuple(shape) != (0,):
        raise _refused(f"an array of shape {shape} without its numbers")
    return np.empty(0)


def _encode_latin1(text: str, encoding: str) -> bytes:
    """How Python 2's byte strings come back from a newer protocol; any other encoding has no place in an array."""
    if encoding not in {"latin1", "latin-1"}:
        raise _refused(f"encoding {encoding}")
    return text.encode("latin1")


def _reconstruct_object(cls: type, base: type, _state: None) -> Any:
    """How Python 2's first pickle protocol makes an object before it is given its state."""
    if base is not object or cls not in {_ColumnMatrix, _RowMatrix, _ChumpyArray}:
        raise _refused(cls.__name__)
    return cls()


def _plain_dictionary(_factory: object = None) -> dict[Any, Any]:
    """Stands in for dictionaries that make what they lack: nothing is to be made that was not in the file."""
    return {}


#: Everything a pickle may name, as Python 2 and 3, numpy 1 and 2, old and new scipy call it.
_ALLOWED: dict[str, Any] = {
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    **{f"numpy.{core}.multiarray._reconstruct": _reconstruct_array for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": np.empty(1).__reduce_ex__(5)[0] for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": np.float64(0).__reduce__()[0] for core in ("core", "_core")},
    **{f"scipy.sparse.{module}.csc_matrix": _ColumnMatrix for module in ("csc", "_csc")},
    **{f"scipy.sparse.{module}.csr_matrix": _RowMatrix for module in ("csr", "_csr")},
    "chumpy.ch.Ch": _ChumpyArray,
    "copy_reg._reconstructor": _reconstruct_object,
    "copyreg._reconstructor": _reconstruct_object,
    "_codecs.encode": _encode_latin1,
    **{f"{builtins}.object": object for builtins in ("__builtin__", "builtins")},
    **{f"{builtins}.set": set for builtins in ("__builtin__", "builtins")},
    **{f"{builtins}.dict": dict for builtins in ("__builtin__", "builtins")},
    "collections.defaultdict": _plain_dictionary,
    "collections.OrderedDict": dict,
}


class _ArrayUnpickler(pickle._Unpickler):
    """Builds arrays and refuses every other global.

    It is Python's own in Python: the one in C makes room for as many remembered values as a file of ten bytes names.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, encoding="latin1")
        joblib_array = type("_JoblibArray", (_JoblibArray,), {"_file": file})
        self._allowed = _ALLOWED | {"joblib.numpy_pickle.NumpyArrayWrapper": joblib_array}

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in self._allowed:
            raise _refused(f"{module}.{name}")
        return self._allowed[f"{module}.{name}"]


def _refused(asked: str) -> PickleError:
    return PickleError(f"The pickle asks for '{asked}', which no file of numbers needs. It was refused.")
