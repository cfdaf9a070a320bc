"""``limber serve``: the backend that Blender talks to."""

from __future__ import annotations

import argparse
from pathlib import Path

from backend.argument_types import count, gigabytes, port
from smpl_rig.service import DEFAULT_HOST, DEFAULT_PORT

from .arguments import Commands


def add(commands: Commands) -> None:
    """Describes the command's arguments."""
    parser = commands.add_parser("serve", help="run the backend for Blender on this machine")
    parser.add_argument("--host", default=DEFAULT_HOST, help="default: %(default)s, this machine only")
    parser.add_argument("--port", type=port, default=DEFAULT_PORT)
    parser.add_argument("--allow-remote", action="store_true", help="let other machines reach it (they need the token)")
    parser.add_argument("--data", type=Path, help="folder for captures (default: the user's data folder)")
    parser.add_argument("--keep", type=count, default=100, metavar="N", help="captures to keep (default: %(default)s)")
    parser.add_argument(
        "--keep-gb",
        type=gigabytes,
        default=16,
        metavar="GB",
        help="disk for them and their uploads (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    """Serves until it is stopped.

    Raises:
        LimberError: if the address cannot be served.
    """
    from backend import server
    from backend.server.models import Limits

    limits = Limits(kept_captures=parsed.keep, kept_bytes=int(parsed.keep_gb * 1024**3))
    server.run(parsed.host, parsed.port, parsed.data, allow_remote=parsed.allow_remote, limits=limits)
    return 0
