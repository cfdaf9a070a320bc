"""``limber setup``: what set-up needs beside the dependencies."""

from __future__ import annotations

import argparse
import subprocess
import sys

from backend.cache import weights_folder

from .arguments import Commands
from .output_files import print_paths
from .progress_bar import ProgressBar

#: The last wheel that carries BlazePose's model files; its own needs are left out, because it is never imported.
MODEL_DISTRIBUTION = "mediapipe==0.10.21"


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("setup", help="install the files of BlazePose's models into this environment")
    parser.add_argument(
        "--heavy", action="store_true", help="also fetch BlazePose's heavy landmark model (41 MB) for --detector heavy"
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Has pip install them; pip's exit status.

    Raises:
        LimberError: if the heavy model is asked for and cannot be brought.
    """
    command = [sys.executable, "-m", "pip", "install", "--no-deps", MODEL_DISTRIBUTION]
    status = subprocess.run(command, check=False).returncode
    if status == 0 and parsed.heavy:
        from backend.people.heavy_model import HEAVY, bring
        from backend.people.model_files import LANDMARKS

        path = weights_folder() / LANDMARKS["heavy"].name
        with ProgressBar() as progress:
            bring(HEAVY, path, lambda done: progress("fetch", done))
        print_paths([path])
    return status
