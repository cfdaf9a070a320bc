"""Errors that a client reads, and how they become answers."""

from __future__ import annotations

import http
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Route

from backend.server.models import ErrorAnswer, ErrorDetail
from smpl_rig.errors import LimberError


class ServerError(LimberError):
    """The server cannot be started as asked."""


class ApiError(LimberError):
    """A request that cannot be granted: an HTTP status, a code for programs and a message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class TooLarge(HTTPException):
    """More has come than may; an HTTPException, because FastAPI hides all else that is raised while it reads a body."""

    code = "too_large"

    def __init__(self, message: str) -> None:
        super().__init__(413, message, {"Connection": "close"})


def answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The one form of every refusal."""
    body = ErrorAnswer(error=ErrorDetail(code=code, message=message))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def answer_errors(app: FastAPI, router: APIRouter) -> None:
    """Makes every error of an application and of its router, foreseen or not, an :class:`ErrorAnswer`."""

    async def refused(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return answer(error.status, error.code, str(error))

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answer(422, "invalid_request", "; ".join(_describe(fault) for fault in error.errors()))

    async def too_large(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TooLarge)
        return answer(413, TooLarge.code, error.detail, dict(error.headers or {}))

    async def failed_in_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        phrase = http.HTTPStatus(error.status_code).phrase
        message = f"{request.method} {request.url.path}: {error.detail}"
        headers = (
            {"Allow": _allowed_methods(router, request)} if error.status_code == 405 else dict(error.headers or {})
        )
        return answer(error.status_code, phrase.lower().replace(" ", "_"), message, headers)

    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        message = f"The backend made a mistake ({type(error).__name__}). Its terminal shows the details."
        return answer(500, "internal_error", message)

    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(TooLarge, too_large)
    app.add_exception_handler(HTTPException, failed_in_http)
    app.add_exception_handler(Exception, unforeseen)


def _describe(fault: dict[str, Any]) -> str:
    """One of pydantic's faults as a person reads it: ``start_s: Input should be greater than 0, not -1``."""
    place = ".".join(str(part) for part in fault["loc"][1:])
    message = str(fault["msg"]).removeprefix("Value error, ")
    if isinstance(fault.get("input"), int | float) or fault["type"] == "literal_error":
        message += f", not {fault['input']!r:.40}"
    return f"{place}: {message}" if place else message


def _allowed_methods(router: APIRouter, request: Request) -> str:
    """All methods of a path; Starlette names only those of the first route that it finds."""
    routes = [route for route in router.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in matching for method in route.methods or ()}))
