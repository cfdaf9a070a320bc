"""What several commands ask for in the same words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from backend.argument_types import some_of
from backend.people.model_files import AUTO, DETECTORS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

#: What ``--export`` of a capture and of an import writes.
EXPORT_FORMATS = ("fbx", "bvh", "glb", "usd")


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
