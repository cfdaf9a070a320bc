"""Taking arrays out of what a file holds, each by its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LimberError
from ..skeletal_motion import MOST_FRAMES, SkeletalMotionError, check_values

Content = Mapping[Any, Any]
Floats = NDArray[np.float64]
#: A size, or a letter where any size from 1 on will do.
Shape = tuple[int | str, ...]
#: What lists may hold; a frame's matrices of 24 joints have 216.
_MOST_NUMBERS = 216 * MOST_FRAMES


class ImportedFileError(LimberError):
    """A file of another program is not what its format says."""


def numbers(content: Content, key: str, shape: Shape, where: str = "") -> Floats:
    """An array of finite numbers.

    Args:
        content: what the file holds.
        key: of the array.
        shape: that it must have.
        where: what of the file this is, for messages.

    Raises:
        ImportedFileError: naming the key that is missing or wrong.
    """
    prefix = f"{where}: " if where else ""
    if key not in content:
        raise ImportedFileError(f"{prefix}Key '{key}' is missing.")
    try:
        array = np.asarray(_of_sane_size(content[key]))
    except (AttributeError, TypeError, ValueError) as error:  # ragged lists, and stand-ins without a proper state
        raise ImportedFileError(f"{prefix}Key '{key}' holds no array: {error}.") from error
    if array.dtype.kind not in "iuf":
        raise ImportedFileError(f"{prefix}Key '{key}' holds {array.dtype}, expected numbers.")
    fits = array.ndim == len(shape) and all(
        size == wanted if isinstance(wanted, int) else size > 0
        for size, wanted in zip(array.shape, shape, strict=False)
    )
    if not fits:
        expected = ", ".join(str(size) for size in shape) + ("," if len(shape) == 1 else "")
        raise ImportedFileError(f"{prefix}Key '{key}' has shape {array.shape}, expected ({expected}).")
    try:
        check_values(array, f"{prefix}Key '{key}'")
    except SkeletalMotionError as error:
        raise ImportedFileError(str(error)) from error
    return array.astype(np.float64)


def _of_sane_size(value: Any) -> Any:
    """Nested lists hold so many numbers as an array has; lists that hold one list many times would make any number.

    Raises:
        ValueError: if there are too many.
    """
    count, level = 1, value
    while isinstance(level, list | tuple) and level:
        count *= len(level)
        if count > _MOST_NUMBERS:
            raise ValueError("lists in lists of too many numbers")
        level = level[0]
    return value


def frame_numbers(content: Content, key: str, frames: int, where: str = "") -> NDArray[np.int64]:
    """(F,) increasing numbers of frames.

    Raises:
        ImportedFileError: naming the key that is missing or wrong.
    """
    found = numbers(content, key, (frames,), where)
    if (np.diff(found) <= 0).any() or (found != np.rint(found)).any():
        prefix = f"{where}: " if where else ""
        raise ImportedFileError(f"{prefix}Key '{key}' must hold whole numbers that increase from frame to frame.")
    return found.astype(np.int64)


def mapping(value: Any, what: str) -> Content:
    """A dictionary.

    Raises:
        ImportedFileError: if it is none.
    """
    if not isinstance(value, Mapping):
        raise ImportedFileError(f"{what} holds a {type(value).__name__}, expected a dictionary.")
    return value
