import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.argument_types import count, gigabytes, new_file, port, rate, seconds, seed, some_of


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (count, "1", 1),
        (seed, "0", 0),
        (seconds, "0.2", 0.2),
        (rate, "23.976", 23.976),
        (gigabytes, "0.5", 0.5),
        (port, "0", 0),
        (new_file, "figures.json", Path("figures.json")),
        (some_of(("fbx", "bvh")), " BVH,fbx,,bvh", ("bvh", "fbx")),
    ],
)
def test_what_is_understood(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (count, "0", "0 is less than 1"),
        (seed, "-1", "-1 is less than 0"),
        (seconds, "0", "0 seconds are no time to last"),
        (seconds, "inf", "inf seconds are no time to last"),
        (seconds, "nan", "nan seconds are no time to last"),
        (rate, "0", "0 is no number of frames per second"),
        (rate, "inf", "inf is no number of frames per second"),
        (gigabytes, "-1", "-1 is no size of a disk"),
        (port, "65536", "65536 does not lie between 0 and 65535"),
        (some_of(("fbx", "bvh")), "bvh,obj", "'obj' is not one of fbx, bvh"),
        (some_of(("fbx", "bvh")), ",", "',' is not one of fbx, bvh"),
        (new_file, "/no/where/x.json", "/no/where/x.json cannot be written: there is no folder /no/where"),
    ],
)
def test_what_is_refused(read: Callable[[str], Any], text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refusal:
        read(text)
    assert str(refusal.value) == said
