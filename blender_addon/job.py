"""A capture on its way, in a thread of its own: footage to the backend, progress and Motions from it.

The thread never touches Blender; what it has to say it puts into a queue, and the last thing it says is an
:data:`Ending`.
"""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .client import BackendError, CaptureOptions, CaptureState, Client, Connection, UnreachableError
from .smpl_rig.errors import LimberError
from .smpl_rig.image_sequence import is_image_sequence

if TYPE_CHECKING:
    from .smpl_rig.body import Body
    from .smpl_rig.motion import Motion

_ASK_EVERY_S = 0.2
#: How long a capture that runs is asked for in vain before it is given up.
_PATIENCE_S = 15.0
#: The backend cannot reach the footage at its path: it runs elsewhere, behind a tunnel or in a container.
_MUST_UPLOAD = ("not_same_machine", "footage_not_found")


@dataclass(frozen=True)
class NewCapture:
    """Footage that is to be captured."""

    footage: Path
    options: CaptureOptions


@dataclass(frozen=True)
class KeptCapture:
    """A capture that the backend has already: done, still running, or cut off and to be started again."""

    capture: str


@dataclass(frozen=True)
class Progressed:
    """How far the capture has come; ``stage`` is the backend's word for what is being done."""

    stage: str
    fraction: float
    eta_s: float | None = None
    people_found: int | None = None


@dataclass(frozen=True)
class PersonCaptured:
    """A person's motion has arrived; ``body`` is another than the one that comes with the add-on, or None."""

    motion: Motion
    footage: str
    body: Body | None


@dataclass(frozen=True)
class Finished:
    """All has arrived."""

    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Failed:
    """It ended early; the message is for the user."""

    message: str


@dataclass(frozen=True)
class Cancelled:
    """It was cancelled, and the backend has removed it."""


Ending = Finished | Failed | Cancelled
Event = Progressed | PersonCaptured | Ending


class _Stopped(Exception):  # noqa: N818  (not an error: somebody asked for it)
    """The thread is to end."""


class CaptureJob:
    """Runs one capture; all methods return at once.

    Attributes:
        events: what has happened since, oldest first.
    """

    def __init__(self, connection: Connection, source: NewCapture | KeptCapture) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._connection = connection
        self._source = source
        self._stop = threading.Event()
        self._abandoned = False
        self._footage = ""
        self._capture = source.capture if isinstance(source, KeptCapture) else ""
        self._thread = threading.Thread(target=self._run, name="Limber capture", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def cancel(self) -> None:
        """Ends the capture here and on the backend; :class:`Cancelled` follows when it has ended there."""
        self._stop.set()

    def abandon(self) -> None:
        """Ends the thread and leaves the capture to the backend, which keeps it."""
        self._abandoned = True
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Waits for the thread; whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        ending: Ending
        try:
            with closing(Client(self._connection)) as client:
                try:
                    ending = self._follow(client)
                except _Stopped:
                    if not self._abandoned:
                        self._remove(client)
                    ending = Cancelled()
        except LimberError as error:
            ending = Failed(str(error))
        except Exception as error:  # the user must not wait for ever for a thread that has died
            ending = Failed(f"Limber made a mistake ({type(error).__name__}: {error}). Please report it.")
            self.events.put(ending)
            raise
        self.events.put(ending)

    def _follow(self, client: Client) -> Ending:
        if isinstance(self._source, NewCapture):
            self._capture = self._begin(client, self._source)
        elif client.capture(self._capture).state in ("failed", "interrupted"):
            client.restart_capture(self._capture)
        state = self._wait_for_end(client)
        if state.state != "done":
            return Failed(state.error or "The capture was cancelled on the backend.")
        if not state.people:
            return Failed(f"Nobody was found in {state.footage}. Choose footage in which a person is well visible.")
        body, warnings = _body_of(state)
        self._fetch(client, state, body)
        return Finished((*state.warnings, *warnings))

    def _begin(self, client: Client, source: NewCapture) -> str:
        if not source.footage.exists() and not is_image_sequence(source.footage):
            raise BackendError(f"{source.footage} does not exist. Choose the footage again.")
        if source.options.body and not self._connection.is_local:
            raise BackendError(
                "The backend runs on another machine and cannot read a body file of this one. Clear Body in Options."
            )
        limit = client.health().upload_bytes
        self._footage = self._hand_over(client, source.footage, limit)
        self._pause(0)
        try:
            return client.start_capture(self._footage, source.options)
        except BackendError:
            with suppress(BackendError):  # what is refused shall not fill the backend's disk
                client.delete_footage(self._footage)
            raise

    def _hand_over(self, client: Client, footage: Path, upload_bytes: int) -> str:
        if self._connection.is_local:
            try:
                return client.add_footage_path(footage)
            except BackendError as error:
                if error.code not in _MUST_UPLOAD or not footage.is_file():
                    raise
        if not footage.is_file():
            raise BackendError(
                f"{footage.name} is not one file, and the backend runs on another machine. Choose a video file."
            )
        if footage.stat().st_size > upload_bytes:
            raise BackendError(
                f"{footage.name} has {footage.stat().st_size / 1e9:.1f} GB and the backend takes up to "
                f"{upload_bytes / 1e9:.1f} GB. Cut or compress it."
            )
        told = -1

        def progress(fraction: float) -> None:
            nonlocal told
            self._pause(0)
            if int(fraction * 100) > told:
                told = int(fraction * 100)
                self.events.put(Progressed("upload", fraction))

        return client.upload_footage(footage, progress)

    def _wait_for_end(self, client: Client) -> CaptureState:
        last_answer_s = time.monotonic()
        while True:
            try:
                state = client.capture(self._capture)
                last_answer_s = time.monotonic()
            except UnreachableError as error:
                if time.monotonic() - last_answer_s > _PATIENCE_S:
                    raise BackendError(
                        f"{error} It keeps what it captured: once it runs, choose the capture among Earlier Captures."
                    ) from error
            else:
                if state.state not in ("queued", "running"):
                    return state
                self.events.put(Progressed(state.stage or state.state, state.fraction, state.eta_s, state.people_found))
            self._pause(_ASK_EVERY_S)

    def _fetch(self, client: Client, state: CaptureState, body: Body | None) -> None:
        from .smpl_rig.motion import Motion  # brings numpy

        with tempfile.TemporaryDirectory(prefix="limber-") as folder:
            for number, person in enumerate(state.people):
                self._pause(0)
                self.events.put(Progressed("fetch", number / len(state.people), None, len(state.people)))
                path = Path(folder) / f"person_{person}.npz"
                client.save_motion(state.capture, person, path)
                self.events.put(PersonCaptured(Motion.load(path), state.footage, body))

    def _pause(self, seconds: float) -> None:
        """Waits, and ends the thread's work if that was asked for."""
        if self._stop.wait(seconds):
            raise _Stopped

    def _remove(self, client: Client) -> None:
        try:
            if self._capture:
                client.delete_capture(self._capture)
            elif self._footage:
                client.delete_footage(self._footage)
        except UnreachableError as error:
            raise BackendError(f"{error} The capture may go on there.") from error


def _body_of(state: CaptureState) -> tuple[Body | None, tuple[str, ...]]:
    """The body that a capture was asked with, if it was and can be read here, and what the user should know."""
    if not state.body:
        return None, ()
    from .smpl_rig.body import BodyError, load_body  # brings numpy

    try:
        return load_body(state.body), ()
    except BodyError as error:
        return None, (f"The body of the capture cannot be read here: {error}",)
