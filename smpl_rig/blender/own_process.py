"""How a Blender that works in a process of its own speaks to whoever started it, and ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import NoReturn

#: What begins the lines that the user should know.
WARNING = "warning: "


def warn(messages: Iterable[str]) -> None:
    """Prints each in a line of its own."""
    for message in messages:
        print(f"{WARNING}{message}")


def leave(exit_status: int) -> NoReturn:
    """Ends the process at once: bpy 4.2 can crash, and bpy 4.5 hang, while Python is torn down.

    Every file must be whole by now.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_status)
