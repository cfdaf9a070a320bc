"""A backend started from Blender: ``ENVIRONMENT/bin/limber serve`` as a child process."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from pathlib import Path

from .client import is_local, port_of
from .smpl_rig.errors import LimberError

#: The backend ends its captures and connections within two seconds.
_GOODBYE_S = 4.0
_TAIL_BYTES = 2000
#: A program on this machine takes a connection within milliseconds.
_CONNECT_S = 0.5


class BackendProcessError(LimberError):
    """The backend cannot be started from here."""


def limber_command(environment: Path) -> Path:
    """The ``limber`` program of a Python environment.

    Raises:
        BackendProcessError: if there is none.
    """
    command = environment / ("Scripts/limber.exe" if sys.platform == "win32" else "bin/limber")
    if not command.is_file():
        raise BackendProcessError(
            f"{command} does not exist. Choose, in the add-on's preferences, the folder of the Python environment that "
            "Limber is installed in (for example .venv)."
        )
    return command


def _is_in_use(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as visitor:
        visitor.settimeout(_CONNECT_S)
        return visitor.connect_ex(("127.0.0.1", port)) == 0


class BackendProcess:
    """At most one backend, with its output in a log file; it is ended with Blender.

    Attributes:
        log: the file that holds the output of the latest start.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = False

    @property
    def is_running(self) -> bool:
        """Whether the backend was started here and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def failure(self) -> str:
        """Why the backend ended by itself, for the user; empty if it did not."""
        status = self._process.poll() if self._process is not None and self._is_wanted else None
        if status is None:
            return ""
        said = self._last_line()
        return (
            f"The backend ended with status {status}{': ' + said.rstrip('.') if said else ''}. Its log is {self.log}."
        )

    def start(self, environment: Path, address: str) -> None:
        """Starts ``limber serve`` at the address; returns at once, and the backend answers some seconds later.

        Raises:
            BackendProcessError: if one runs already, the address is another machine's or in use, or it cannot be
                started.
        """
        if self.is_running:
            raise BackendProcessError("The backend that was started from here still runs.")
        if not is_local(address):
            raise BackendProcessError(
                f"{address} is another machine; a backend can be started only on this one. Start it there."
            )
        port = port_of(address)
        command = [str(limber_command(environment)), "serve", "--port", str(port)]
        if _is_in_use(port):
            raise BackendProcessError(
                f"Another program uses port {port} of this machine. End it, or give Backend another port in the "
                "add-on's preferences."
            )
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"},
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except OSError as error:
            raise BackendProcessError(f"{command[0]} cannot be started: {error}.") from error
        self._is_wanted = True
        atexit.register(self.end)

    def stop(self) -> None:
        """Asks the backend to end; returns at once."""
        self._is_wanted = False
        if self._process is not None:
            self._process.terminate()

    def end(self) -> None:
        """Ends the backend and waits until it has, for a few seconds at most."""
        atexit.unregister(self.end)
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _last_line(self) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(self.log.stat().st_size - _TAIL_BYTES, 0))
                lines = log.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")
