"""``limber body``: the body that ships, built once."""

from __future__ import annotations

import argparse

from .arguments import Commands
from .progress_bar import ProgressBar


def add(commands: Commands) -> None:
    """Describes the command's arguments, of which there are none."""
    parser = commands.add_parser("body", help="build the embedded body, once, and print where it is")
    parser.set_defaults(run=run)


def run(_parsed: argparse.Namespace) -> int:
    """Builds the body if it is missing.

    Raises:
        BodyError: if it cannot be built or kept.
    """
    from backend.body import body_path, limber_body

    with ProgressBar() as progress:
        limber_body(lambda done: progress("body", done))
    print(body_path())
    return 0
