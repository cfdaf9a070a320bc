"""A capture's news, for any number of listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from backend.server.models import Capture


class Topic:
    """The latest state of one capture, and those who wait for the next.

    A slow listener misses states in between, never the last one; nothing piles up for it.
    """

    def __init__(self, latest: Capture) -> None:
        self.latest = latest
        self._changed = asyncio.Event()
        self._is_closed = False

    def publish(self, capture: Capture) -> None:
        self.latest = capture
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def close(self) -> None:
        """Lets the listeners go, because the server stops."""
        self._is_closed = True
        self._changed.set()

    async def follow(self, heartbeat_s: float) -> AsyncIterator[Capture | None]:
        """The state now and after each change, to the final one; None when nothing has changed for a heartbeat."""
        while True:
            changed, capture = self._changed, self.latest
            yield capture
            if capture.state.is_final or self._is_closed:
                return
            while not changed.is_set():
                try:
                    await asyncio.wait_for(changed.wait(), heartbeat_s)
                except TimeoutError:
                    yield None


async def server_sent_events(topic: Topic, heartbeat_s: float) -> AsyncIterator[str]:
    """The text of ``text/event-stream``: an event ``capture`` for each state, a comment for each heartbeat."""
    async for capture in topic.follow(heartbeat_s):
        if capture is None:
            yield ": still here\n\n"
        else:
            yield f"event: capture\ndata: {capture.model_dump_json()}\n\n"
