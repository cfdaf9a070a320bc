"""What several commands ask for in the same words, and how it is read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from backend.people.model_files import AUTO, DETECTORS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

#: What ``--export`` of a capture and of an import writes.
EXPORT_FORMATS = ("fbx", "bvh", "glb", "usd")


def count(text: str) -> int:
    """A whole number from 1.

    Raises:
        argparse.ArgumentTypeError: if it is less.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
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


def add_person(parser: argparse.ArgumentParser) -> None:
    """``--person``: whose motion is asked for."""
    parser.add_argument("--person", type=_person, default="largest", metavar="all|largest|N")


def _person(text: str) -> str:
    if text not in ("all", "largest") and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is none of all, largest and a number from 0")
    return text


def add_export(parser: argparse.ArgumentParser) -> None:
    """``--export``: formats to write beside Motion files."""
    parser.add_argument("--export", type=some_of(EXPORT_FORMATS), default=(), metavar=",".join(EXPORT_FORMATS))


def add_filming(parser: argparse.ArgumentParser) -> None:
    """What is known of the camera, and which part of the footage counts."""
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--fov", type=float, metavar="DEG", help="horizontal field of view of the camera")
    camera.add_argument("--focal-px", type=float, metavar="PX")
    parser.add_argument("--still-camera", action="store_true", help="it is known to stand still: do not watch it")
    add_part(parser)


def add_part(parser: argparse.ArgumentParser) -> None:
    """``--start`` and ``--end``, in seconds."""
    parser.add_argument("--start", type=float, metavar="S")
    parser.add_argument("--end", type=float, metavar="S")


def add_device(parser: argparse.ArgumentParser) -> None:
    """``--device``: where torch computes."""
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def add_detector(parser: argparse.ArgumentParser) -> None:
    """``--detector``: what looks at the people."""
    parser.add_argument(
        "--detector",
        choices=DETECTORS,
        default=AUTO,
        help="which of BlazePose's landmark models: heavy errs less, full takes less time (default: heavy, where "
        "set-up brought it)",
    )


def add_json_report(parser: argparse.ArgumentParser) -> None:
    """``--json``: the report on standard output, for other programs."""
    parser.add_argument("--json", action="store_true", help="print the report as JSON and nothing else")


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """``--overwrite``: people who were captured before are lost knowingly only."""
    parser.add_argument("--overwrite", action="store_true", help="write over the people whom DIR holds already")


def add_motion_folders(parser: argparse.ArgumentParser, purpose: str, *, required: bool) -> None:
    """``--motions``: folders in which to look for motion."""
    parser.add_argument("--motions", nargs="+", type=Path, required=required, metavar="DIR", help=purpose)
