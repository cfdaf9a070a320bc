"""No request may send more than its kind allows, whatever it announces."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.server.errors import TooLarge, answer
from backend.server.models import Limits

UPLOAD_TYPE = "application/octet-stream"


class BodyLimit:
    """ASGI middleware: 413 at once where the announced length is too much, else as soon as too much has come."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_upload = media_type(headers.get("content-type", "")) == UPLOAD_TYPE
        limit = self._limits.upload_bytes if is_upload else self._limits.json_bytes
        message = f"The request is larger than the {limit:,} bytes that this server accepts."
        announced = headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > limit:
            await answer(413, TooLarge.code, message, {"Connection": "close"})(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            part = await receive()
            received += len(part.get("body", b""))
            if received > limit:
                raise TooLarge(message)
            return part

        await self._app(scope, counted, send)


def media_type(content_type: str) -> str:
    """``text/plain`` of ``Text/Plain; charset=utf-8``."""
    return content_type.partition(";")[0].strip().lower()
