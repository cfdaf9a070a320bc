"""What the backend is doing, asked for in a thread, so that Blender never waits for an answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from .client import CaptureState, Client, Connection, Health
from .smpl_rig.errors import LimberError


@dataclass(frozen=True)
class Sight:
    """What was seen of the backend at the last look.

    Attributes:
        health: what it is; None where it cannot be used.
        problem: why it cannot be used, for the user; empty if it can.
        captures: what it keeps, newest first.
    """

    health: Health | None = None
    problem: str = ""
    captures: tuple[CaptureState, ...] = ()


class BackendWatch:
    """Looks at the backend when asked to."""

    def __init__(self) -> None:
        self._sight = Sight()
        self._connection: Connection | None = None
        self._asked = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="Limber watch", daemon=True)
        self._thread.start()

    @property
    def sight(self) -> Sight:
        """The latest sight; a new object whenever something has changed."""
        return self._sight

    def look(self, connection: Connection) -> None:
        """Asks for a look; returns at once."""
        self._connection = connection
        self._asked.set()

    def show(self, problem: str) -> None:
        """Shows why there is nowhere to look."""
        self._replace(Sight(problem=problem))

    def end(self) -> None:
        """Ends the thread; one that waits for an answer ends when that has come."""
        self._ended = True
        self._asked.set()
        self._thread.join(0.2)

    def _run(self) -> None:
        client, known = None, None
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._ended:
                return
            connection = self._connection
            if connection is None:
                continue
            try:
                if client is None or connection != known:
                    client, known = Client(connection), connection
                self._replace(Sight(health=client.health(), captures=tuple(client.captures())))
            except LimberError as error:
                self._replace(Sight(problem=str(error)))

    def _replace(self, sight: Sight) -> None:
        if sight != self._sight:
            self._sight = sight
