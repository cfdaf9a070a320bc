"""Who may talk to the server: the holder of the token, by an address that names this very server."""

from __future__ import annotations

import hmac
import ipaddress
import os
import re
import secrets
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.server.errors import ServerError, answer

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]+)(?::(?P<port>[0-9]{1,5}))?")
_SHORTEST_TOKEN = 32


def ensure_token(path: Path) -> str:
    """The token in a file, which is made where it is missing or worthless; only its user may read it.

    Raises:
        ServerError: if the file can be neither read nor made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            path.chmod(0o600)
            token = path.read_text(encoding="ascii", errors="replace").strip()
            if re.fullmatch(rf"[A-Za-z0-9_-]{{{_SHORTEST_TOKEN},}}", token):
                return token
        token = secrets.token_urlsafe(32)
        # Put in place whole, so that the add-on never reads half a token. mkstemp's files have mode 0600.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".token.")
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(token + "\n")
        Path(temporary).replace(path)
    except OSError as error:
        raise ServerError(f"The token file {path} cannot be used: {error.strerror}. Set LIMBER_HOME.") from error
    return token


def is_loopback(address: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if address == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


@dataclass(frozen=True)
class HostRule:
    """Which Host headers are answered.

    A web page can make its own name lead to this machine (DNS rebinding) and then talk to the server as if it were
    the page's own. Its name still stands in the Host header, so only names that cannot be such a page's are answered.

    Attributes:
        port: the port on which the server listens.
        remote: whether other machines may connect; any bare IP address and this machine's name are then answered too,
            because rebinding needs a name that the page's owner controls.
    """

    port: int
    remote: bool = False

    def allows(self, header: str) -> bool:
        match = _HOST.fullmatch(header)
        if match is None or int(match["port"] or 80) != self.port:
            return False
        name = match["name"].strip("[]").lower()
        if name in ("127.0.0.1", "localhost", "::1"):
            return True
        return self.remote and (_is_address(name) or name == socket.gethostname().lower())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Gate:
    """ASGI middleware: refuses, before a byte of the body is read, whoever has no right to ask."""

    def __init__(self, app: ASGIApp, hosts: HostRule, token: str) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hosts.allows(hosts[0]):
            message = f"This server does not answer to '{', '.join(hosts)}'. Use http://127.0.0.1:{self._hosts.port}."
            await answer(421, "wrong_host", message)(scope, receive, send)
        elif not self._holds_token(headers.get("authorization", "")):
            message = "The token is missing or wrong. Send 'Authorization: Bearer TOKEN' with the backend's token file."
            await answer(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _holds_token(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        matches = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._token)
        return matches and scheme.lower() == "bearer"
