"""``limber setup``: what set-up needs beside the dependencies."""

from __future__ import annotations

import argparse
import subprocess
import sys

from backend.cache import weights_folder
from backend.people.model_files import HEAVY, ModelFileError

from .arguments import Commands
from .output_files import print_paths
from .progress_bar import ProgressBar

#: The last wheel that carries BlazePose's model files; its own needs are left out, because it is never imported.
MODEL_DISTRIBUTION = "mediapipe==0.10.21"


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("setup", help="install the files of BlazePose's models into this environment")
    parser.add_argument(
        "--heavy",
        action=argparse.BooleanOptionalAction,
        help="fetch BlazePose's heavy landmark model (41 MB) again, or do without it; if neither is said, it is "
        "fetched unless it is here, and done without if it cannot be had",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Has pip install them, and fetches the heavy landmark model, which no wheel carries; pip's exit status.

    Raises:
        LimberError: if the heavy model is asked for by name and cannot be brought.
    """
    command = [sys.executable, "-m", "pip", "install", "--no-deps", MODEL_DISTRIBUTION]
    status = subprocess.run(command, check=False).returncode
    if status == 0 and (parsed.heavy if parsed.heavy is not None else not HEAVY.is_here):
        try:
            _bring_heavy()
        except ModelFileError as error:
            if parsed.heavy:
                raise
            print(
                f"limber: {error} Captures use the full landmark model, which errs more, "
                "until 'limber setup --heavy' could fetch the heavy one.",
                file=sys.stderr,
            )
    return status


def _bring_heavy() -> None:
    from backend.people.heavy_model import PUBLISHED_HEAVY, bring

    path = weights_folder() / HEAVY.name
    with ProgressBar() as progress:
        bring(PUBLISHED_HEAVY, path, lambda done: progress("fetch", done))
    print_paths([path])
