"""How tall a person may be said to be.

Needs no numpy, so that Blender can draw its field before anything is captured.
"""

from __future__ import annotations

import argparse
import math

#: Between which people stand, metres; a number beyond them is in another unit.
SHORTEST_M, TALLEST_M = 0.5, 2.5


def read_height(text: str) -> float:
    """Metres, from a command line.

    Raises:
        argparse.ArgumentTypeError: if it is no number, or nobody stands so tall.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not SHORTEST_M <= value <= TALLEST_M:
        raise argparse.ArgumentTypeError(
            f"{text} does not lie between {SHORTEST_M:g} and {TALLEST_M:g}: give the person's height in metres"
        )
    return value
