"""Threads for torch on a processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

#: The fit works on many small matrices: more threads mostly wait for each other, above all beside a busy Blender.
SOLVER_THREADS = 1


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Within it, torch uses at most so many threads; afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)
