"""``limber serve``: a server on a port, until it is told to stop."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from backend.server.app import ServerSettings, create_app
from backend.server.errors import ServerError
from backend.server.models import Limits
from backend.server.security import HostRule, ensure_token, is_loopback
from smpl_rig import service

#: How long open connections may take to end when the server stops.
_GOODBYE_S = 2


def run(
    host: str = service.DEFAULT_HOST,
    port: int = service.DEFAULT_PORT,
    data_folder: Path | None = None,
    *,
    allow_remote: bool = False,
    limits: Limits | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM. Says on the standard output where it listens once it does.

    Args:
        host: the address to listen on.
        port: 0 takes a free one.
        data_folder: where footage and captures are kept; None is the user's data folder. The token is always in the
            user's data folder, where the add-on looks for it.
        allow_remote: whether ``host`` may be an address that other machines can reach.
        limits: what is refused because it is too much; None takes the defaults.

    Raises:
        ServerError: if the address, the token file or the data folder cannot be used.
    """
    if not is_loopback(host) and not allow_remote:
        message = f"{host} can be reached by other machines. Use 127.0.0.1, or allow it explicitly with --allow-remote."
        raise ServerError(message)
    settings = ServerSettings(
        data_folder=data_folder or service.data_folder(),
        token=ensure_token(service.token_path()),
        hosts=HostRule(port, remote=not is_loopback(host)),
        limits=limits or Limits(),
    )
    serve(listen(host, port), settings)


def serve(listener: socket.socket, settings: ServerSettings) -> None:
    """Serves on a listening socket, whose port is the one that Host headers must name.

    Raises:
        ServerError: if the data folder cannot be used.
    """
    os.umask(0o077)  # footage of people and its captures are their user's alone
    host, port = listener.getsockname()[:2]
    app = create_app(replace(settings, hosts=replace(settings.hosts, port=port)))
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a forwarded address would let another machine pass for this one
        timeout_graceful_shutdown=_GOODBYE_S,
    )
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    with contextlib.suppress(KeyboardInterrupt):  # the usual way to stop a server in a terminal
        _Server(config, app, address).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ServerError: if the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        message = (
            f"Port {port} of {host} cannot be used: {reason}. Is Limber running already? Else choose another --port."
        )
        raise ServerError(message) from error


class _Server(uvicorn.Server):
    """Says when it is ready, and ends the captures' event streams before it waits for its connections to end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, address: str) -> None:
        super().__init__(config)
        self._app = app
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(f"Limber listens on {self._address}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._app.state.service.queue.stop()
        await super().shutdown(sockets)
