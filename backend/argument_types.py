"""How the arguments of a program are read, and which are refused."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path


def count(text: str) -> int:
    """A whole number from 1.

    Raises:
        argparse.ArgumentTypeError: if it is less.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def seed(text: str) -> int:
    """By which chance begins, a whole number from 0.

    Raises:
        argparse.ArgumentTypeError: if it is less.
    """
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def seconds(text: str) -> float:
    """How long something lasts.

    Raises:
        argparse.ArgumentTypeError: if that is no time at all, or for ever.
    """
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} seconds are no time to last")
    return value


def rate(text: str) -> float:
    """Frames per second.

    Raises:
        argparse.ArgumentTypeError: if nothing can have as many.
    """
    value = float(text)
    if not 0 < value < 10000:
        raise argparse.ArgumentTypeError(f"{text} is no number of frames per second")
    return value


def gigabytes(text: str) -> float:
    """A size on disk, in GiB.

    Raises:
        argparse.ArgumentTypeError: if no disk has it.
    """
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no size of a disk")
    return value


def port(text: str) -> int:
    """A TCP port; 0 takes any that is free.

    Raises:
        argparse.ArgumentTypeError: if there is no such port.
    """
    value = int(text)
    if not 0 <= value < 65536:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 0 and 65535")
    return value


def new_file(text: str) -> Path:
    """Where a file is to be written, in a folder that is there: what takes long should not fail at its end.

    Raises:
        argparse.ArgumentTypeError: if the folder is missing.
    """
    path = Path(text)
    if not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text} cannot be written: there is no folder {path.parent}")
    return path


def some_of(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Reads names that commas divide, each once.

    Raises (what is returned):
        argparse.ArgumentTypeError: naming what is not among ``names``, or if none is given.
    """

    def read(text: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
        unknown = [name for name in found if name not in names]
        if unknown or not found:
            raise argparse.ArgumentTypeError(f"'{(unknown or [text])[0]}' is not one of {', '.join(names)}")
        return found

    return read
