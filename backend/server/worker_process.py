"""The server's side of the worker: starts it, talks to it, kills it and says why it died."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from backend.server.models import CaptureRequest, ErrorDetail

#: Longest line a worker may send.
_LONGEST_LINE = 1 << 20


class WorkerDied(Exception):  # noqa: N818  (what happened, not a mistake of the server's)
    """The worker ended in the middle of a capture; ``error`` is what a user should know of it."""

    def __init__(self, error: ErrorDetail) -> None:
        super().__init__(error.message)
        self.error = error


class WorkerProcess:
    """A running :mod:`backend.server.worker`. Make one with :meth:`start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.device: str | None = None
        self._process = process
        self._last_words: ErrorDetail | None = None
        self._news: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, pipeline: str) -> WorkerProcess:
        """Starts a worker that will capture with the module of that name."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "backend.server.worker", pipeline),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            env=_environment(),
        )
        return cls(process)

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._reader.done()

    @property
    def is_ready(self) -> bool:
        """Whether it has imported everything."""
        return self.device is not None

    async def capture(
        self, capture: str, footage: Path, request: CaptureRequest, folder: Path
    ) -> AsyncIterator[dict[str, Any]]:
        """The worker's messages about one capture; the last one is not about progress.

        Raises:
            WorkerDied: if the worker ends before that.
        """
        command = {"do": "capture", "id": capture, "footage": str(footage), "folder": str(folder)}
        self._send(command | {"request": request.model_dump()})
        while True:
            message = await self._news.get()
            if message is None:
                exit_status = await self._process.wait()
                raise WorkerDied(self._last_words or describe_death(exit_status))
            yield message
            if message["say"] != "progress":
                return

    def ask_to_stop(self, capture: str) -> None:
        self._send({"do": "stop", "id": capture})

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> None:
        """Waits until the process is gone."""
        await self._process.wait()
        await self._reader

    def _send(self, command: dict[str, Any]) -> None:
        # Writing to a worker that has just died is no error here: its death is news of its own.
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(command).encode("ascii") + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            message = json.loads(line)
            if message["say"] == "ready":
                self.device = message["device"]
            elif message["say"] == "broken":
                self._last_words = ErrorDetail(code="worker_broken", message=message["message"])
            else:
                self._news.put_nowait(message)
        self._news.put_nowait(None)


def _environment() -> dict[str, str]:
    """The server's own, but imports come from where the server's come from, and from nowhere else.

    Blender works beside the worker. Where all processors are busy, OpenMP's threads that wait by spinning take the time
    that those they wait for would need: the pose solver was 15 times slower (4 threads beside 4 busy processes).
    """
    imports = os.pathsep.join(path for path in sys.path if path)
    return {"OMP_WAIT_POLICY": "PASSIVE"} | dict(os.environ) | {"PYTHONPATH": imports}


def describe_death(exit_status: int) -> ErrorDetail:
    """What a user should know of a worker that ended without a word; the status is as ``Process.returncode``."""
    if exit_status == -getattr(signal, "SIGKILL", 9):
        message = (
            "The system killed the process that captures, most likely because memory ran out. "
            "Close other programs, or capture a shorter range."
        )
        return ErrorDetail(code="worker_killed", message=message)
    reason = f"exit status {exit_status}" if exit_status >= 0 else f"signal {_signal_name(-exit_status)}"
    message = f"The process that captures crashed ({reason}). The backend's terminal shows the details."
    return ErrorDetail(code="worker_crashed", message=message)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
