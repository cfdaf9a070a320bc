"""Many independent tasks, worked off by several processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from typing import Any

import torch
from tqdm import tqdm


def one_thread() -> None:
    """What a process does first that is one of several on the machine."""
    torch.set_num_threads(1)


def side_by_side(
    what: str, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], start: Callable[[], None], workers: int
) -> list[Any]:
    """The results in the tasks' order.

    Args:
        what: stands before the progress bar.
        function: of a module, called with the arguments of each task.
        tasks: arguments.
        start: called first in every process.
        workers: processes.
    """
    if not tasks:
        return []
    # a forked process would inherit the renderer's and torch's threads in the middle of their work
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (start,)) as pool:
        futures: list[Future[Any]] = [pool.submit(function, *arguments) for arguments in tasks]
        for done in tqdm(as_completed(futures), what, len(futures)):
            done.result()
        return [future.result() for future in futures]


def _begin(start: Callable[[], None]) -> None:
    """Watches the process that asked, and ends with it however that ends; then starts."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start()


def _end_with_parent() -> None:
    asking = parent_process()
    if asking is not None:
        asking.join()
        os._exit(1)
