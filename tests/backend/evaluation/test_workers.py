"""Workers are real processes; the one that is killed is a real one, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.evaluation.workers import one_thread, side_by_side

ASKING = """
import os
import time
from pathlib import Path

from backend.evaluation.workers import one_thread, side_by_side


def sleep_long(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(60)


if __name__ == "__main__":
    side_by_side("sleep", sleep_long, [(Path(__file__).parent,)] * 2, one_thread, 2)
"""


def test_results_come_in_the_order_of_the_tasks() -> None:
    assert side_by_side("numbers", abs, [(-3,), (1,), (-2,)], one_thread, 2) == [3, 1, 2]
    assert side_by_side("nothing", abs, [], one_thread, 2) == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "asking.py"
    script.write_text(ASKING)
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": str(root)}, cwd=root)
    try:
        workers = _waited_for(lambda: [int(path.name) for path in tmp_path.iterdir() if path.name.isdecimal()], 2)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 10
    while any(_runs(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.1)


def _waited_for(found: Callable[[], list[int]], count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while len(workers := found()) < count:
        assert time.monotonic() < deadline, "no worker began"
        time.sleep(0.1)
    return workers


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
