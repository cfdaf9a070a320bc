"""Bakes that follow each other without holding Blender up.

Rigs are read and keys written in pieces, poses are found in a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from .smpl_rig.errors import LimberError

#: Of one bake's progress, so much is the reading and the finding of poses, of which nobody knows how far it is.
_SOLVED = 0.7
#: So long a rig is read at once: about as long as Blender takes to draw.
READING_S = 0.04


class BakeRun:
    """Several bakes, one after the other.

    Args:
        takes: what they are called.
        begin: reads the take of that number, and gives what is to be baked.
    """

    def __init__(self, takes: list[str], begin: Callable[[int], Any]) -> None:
        self._takes, self._begin = takes, begin
        self._done, self._part = 0, 0.0
        self._baking: Any = None
        self._reading: Iterator[None] | None = None
        self._thread: threading.Thread | None = None
        #: What each bake that was begun to be written has changed.
        self._before: list[tuple[Any, Any]] = []
        self._pieces: Iterator[float] | None = None
        self._raised: LimberError | None = None
        #: The names of actions that are written.
        self.actions: list[str] = []

    @property
    def is_over(self) -> bool:
        return self._done == len(self._takes)

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return (self._done + self._part) / max(len(self._takes), 1)

    @property
    def said(self) -> str:
        """What is being done, for the user."""
        number = f" ({self._done + 1} of {len(self._takes)})" if len(self._takes) > 1 else ""
        return "" if self.is_over else f"Baking {self._takes[self._done]}{number}"

    def step(self) -> None:
        """Goes on for a moment.

        Raises:
            LimberError: where a take cannot be baked. The others are not baked then; those before it stay.
        """
        if self.is_over:
            return
        try:
            self._step()
        except BaseException:
            self._leave()
            raise

    def finish(self) -> None:
        """Does all that is left, at once.

        Raises:
            LimberError: as :meth:`step`.
        """
        while not self.is_over:
            if self._thread is not None:
                self._thread.join()
            self.step()

    def stop(self) -> None:
        """Leaves every character as it was before the run, also where takes have been baked."""
        self._pieces = None
        while self._before:
            _bring_back(*self._before.pop())
        self.actions.clear()

    def _step(self) -> None:
        if self._baking is None:
            self._baking = self._begin(self._done)
            self._reading = self._baking.read(READING_S)
        elif self._reading is not None:
            self._read(self._reading)
        elif self._pieces is None:
            self._wait()
        else:
            self._write(self._pieces)

    def _leave(self) -> None:
        """Takes back what is half written; what was written before stays."""
        if self._pieces is not None:
            _bring_back(*self._before.pop())
        self._keep()

    def _keep(self) -> None:
        """What is written stays."""
        for _, before in self._before:
            before.let_go()
        self._before.clear()

    def _read(self, pieces: Iterator[None]) -> None:
        if next(pieces, True) is None:  # there is more to read
            return
        self._reading = None
        self._thread = threading.Thread(target=self._solve, name="Limber baking", daemon=True)
        self._thread.start()

    def _solve(self) -> None:
        try:
            self._baking.solve()
        except LimberError as error:
            self._raised = error

    def _wait(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        if self._raised is not None:
            raise self._raised
        self._thread, self._part = None, _SOLVED
        self._before.append((self._baking, self._baking.before()))
        self._pieces = self._baking.write()

    def _write(self, pieces: Iterator[float]) -> None:
        part = next(pieces, None)
        if part is not None:
            self._part = _SOLVED + (1 - _SOLVED) * part
            return
        self.actions.append(self._baking.action.name)
        self._baking, self._pieces, self._part = None, None, 0.0
        self._done += 1
        if self.is_over:
            self._keep()


def _bring_back(baking: Any, before: Any) -> None:
    before.bring_back(baking.action)
