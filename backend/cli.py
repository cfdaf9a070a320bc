"""The command line: ``limber``, whose commands are the modules of :mod:`backend.commands`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from .commands import (
    body,
    capture,
    evaluate,
    export,
    import_motions,
    import_weights,
    networks,
    retarget,
    serve,
    setup,
    train,
)
from .user_errors import told_in_one_line

#: In the order in which ``limber --help`` lists them.
COMMANDS = (
    capture,
    serve,
    body,
    import_weights,
    networks,
    import_motions,
    export,
    retarget,
    train,
    evaluate,
    setup,
)


@told_in_one_line
def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 a user's error (said in one line), 130 interrupted."""
    parsed = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = parsed.run
        return run(parsed)
    except KeyboardInterrupt:
        print("limber: interrupted; nothing half-written was left.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="limber", description="Footage in, animated characters out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
