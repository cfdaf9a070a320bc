"""``limber setup``: what set-up needs beside the dependencies."""

from __future__ import annotations

import argparse
import subprocess
import sys

from .arguments import Commands

#: The last wheel that carries BlazePose's model files; its own needs are left out, because it is never imported.
MODEL_DISTRIBUTION = "mediapipe==0.10.21"


def add(commands: Commands) -> None:
    """Describes the command's arguments, of which there are none."""
    parser = commands.add_parser("setup", help="install the files of BlazePose's models into this environment")
    parser.set_defaults(run=run)


def run(_parsed: argparse.Namespace) -> int:
    """Has pip install them; pip's exit status."""
    command = [sys.executable, "-m", "pip", "install", "--no-deps", MODEL_DISTRIBUTION]
    return subprocess.run(command, check=False).returncode
