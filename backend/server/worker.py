"""The process that captures: ``python -m backend.server.worker PIPELINE``.

It lives beside the server and outlasts captures, because importing torch takes seconds. Being a process of its own, it
can be killed in the middle of anything, and gives back its memory and the graphics card's when it is.

It reads commands from its standard input and answers on its standard output, a JSON object a line:

- ``{"do": "capture", "id", "footage", "request", "folder"}`` captures; ``{"do": "stop", "id"}`` asks that one to stop
- ``{"say": "ready", "device"}`` once, when it has imported everything, or ``{"say": "broken", "message"}`` and its end
- ``{"say": "progress", "stage", "fraction", "people"}`` at most every tenth of a second
- ``{"say": "done", "people", "warnings"}``, ``{"say": "failed", "code", "message"}`` or ``{"say": "stopped"}`` once for
  each capture

When its standard input ends, the server is gone, and it ends too.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from backend.server.models import CaptureRequest, Person
from smpl_rig.errors import LimberError

_NEWS_EVERY_S = 0.1
_LONGEST_MESSAGE = 4000

Message = dict[str, Any]


class Stopped(Exception):  # noqa: N818  (not an error: somebody asked for it)
    """Raised in a pipeline, by its progress, when the capture is to stop."""


class Progress(Protocol):
    """Is told how far a stage has come and how many people are seen so far; raises :class:`Stopped`."""

    def __call__(self, stage: str, fraction: float, people: int | None = None) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What came of a capture, beside the files in its folder."""

    people: list[Person]
    warnings: list[str]


class Pipeline(Protocol):
    """What a module must offer to be the worker's pipeline; :mod:`backend.server.pipeline` is the real one."""

    def describe(self) -> str:
        """What the device ``auto`` stands for."""

    def run(self, footage: Path, request: CaptureRequest, folder: Path, progress: Progress) -> Outcome:
        """Captures into a folder, which exists and is empty.

        Raises:
            LimberError: for whatever the user can mend.
            Stopped: if ``progress`` raises it.
        """


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches every process; the server sees to it
    say = _speaker(_take_over_stdout())
    commands = Commands(sys.stdin.buffer)
    try:
        pipeline: Pipeline = importlib.import_module(sys.argv[1])
        say({"say": "ready", "device": pipeline.describe()})
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        say(
            {"say": "broken", "message": f"The backend cannot capture ({reason}). Install it again."[:_LONGEST_MESSAGE]}
        )
        raise
    while True:
        command = commands.next_capture()
        say(_capture(pipeline, command, say, commands))


class Commands:
    """Reads the server's commands in a thread, so that a stop is heard while the main thread captures."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._captures: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._to_stop: str | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._stream:
            command = json.loads(line)
            if command["do"] == "stop":
                self._to_stop = command["id"]
            else:
                self._captures.put(command)
        os._exit(0)  # the server is gone, and nobody waits for what the main thread is doing

    def next_capture(self) -> Message:
        return self._captures.get()

    def asks_to_stop(self, capture: str) -> bool:
        return self._to_stop == capture


def _capture(pipeline: Pipeline, command: Message, say: Callable[[Message], None], commands: Commands) -> Message:
    last_stage, last_s = "", 0.0

    def progress(stage: str, fraction: float, people: int | None = None) -> None:
        nonlocal last_stage, last_s
        if commands.asks_to_stop(command["id"]):
            raise Stopped
        now_s = time.monotonic()
        if stage != last_stage or now_s - last_s >= _NEWS_EVERY_S:
            last_stage, last_s = stage, now_s
            say({"say": "progress", "stage": stage, "fraction": min(max(float(fraction), 0.0), 1.0), "people": people})

    try:
        request = CaptureRequest.model_validate(command["request"])
        outcome = pipeline.run(Path(command["footage"]), request, Path(command["folder"]), progress)
    except Stopped:
        return {"say": "stopped"}
    except LimberError as error:
        return _failed("capture_failed", str(error))
    except MemoryError:
        return _failed("out_of_memory", "Memory ran out. Close other programs, or capture a shorter range.")
    except Exception as error:
        traceback.print_exc()
        message = f"Limber made a mistake ({type(error).__name__}: {error}). The backend's terminal shows the details."
        return _failed("internal_error", message)
    people = [person.model_dump() for person in outcome.people]
    return {"say": "done", "people": people, "warnings": outcome.warnings}


def _failed(code: str, message: str) -> Message:
    return {"say": "failed", "code": code, "message": message[:_LONGEST_MESSAGE]}


def _take_over_stdout() -> BinaryIO:
    """Keeps the standard output for messages; whatever libraries print goes to the standard error."""
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return messages


def _speaker(stream: BinaryIO) -> Callable[[Message], None]:
    def say(message: Message) -> None:
        stream.write(json.dumps(message).encode("ascii") + b"\n")

    return say


if __name__ == "__main__":
    main()
