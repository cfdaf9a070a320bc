"""``limber import-weights``: checkpoints that networks' authors publish."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Commands
from .output_files import print_paths


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("import-weights", help="make use of a checkpoint that a network's authors published")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--network", required=True, metavar="NAME", help="the network whose weights it holds")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Keeps the weights, and says what may be done with them.

    Raises:
        LimberError: with what the user is to be told.
    """
    from backend.models import NETWORKS
    from backend.models.published import import_weights

    imported = import_weights(parsed.file, parsed.network)
    print(f"{imported.used} tensors are used.")
    if imported.unused:
        print(f"Not used: {', '.join(imported.unused)}.")
    print_paths(imported.written)
    for network in NETWORKS:
        if parsed.network in dict(network.imported):
            needed = f"limber capture --network {network.name}"
            print(f"{needed} still needs {' and '.join(network.missing)}." if network.missing else f"Use: {needed}")
    return 0
