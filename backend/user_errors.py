"""How a program tells its user what went wrong."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

from smpl_rig.errors import LimberError

P = ParamSpec("P")


def told_in_one_line(main: Callable[P, int]) -> Callable[P, int]:
    """A program that prints a :class:`LimberError` or an OSError on standard error, and whose exit status is then 1."""

    @functools.wraps(main)
    def program(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except (LimberError, OSError) as error:
            print(f"limber: {error}", file=sys.stderr)
            return 1

    return program
