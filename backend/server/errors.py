"""Errors that a client reads, and how they become answers."""

from __future__ import annotations

import http

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

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


def answer_errors(app: FastAPI) -> None:
    """Makes every error of the application, foreseen or not, an :class:`ErrorAnswer`."""

    async def refused(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return answer(error.status, error.code, str(error))

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        faults = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        return answer(422, "invalid_request", "; ".join(faults))

    async def too_large(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TooLarge)
        return answer(413, TooLarge.code, error.detail, dict(error.headers or {}))

    async def failed_in_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        phrase = http.HTTPStatus(error.status_code).phrase
        message = f"{request.method} {request.url.path}: {error.detail}"
        return answer(error.status_code, phrase.lower().replace(" ", "_"), message, dict(error.headers or {}))

    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        message = f"The backend made a mistake ({type(error).__name__}). Its terminal shows the details."
        return answer(500, "internal_error", message)

    app.add_exception_handler(ApiError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(TooLarge, too_large)
    app.add_exception_handler(HTTPException, failed_in_http)
    app.add_exception_handler(Exception, unforeseen)


def _place(location: tuple[str | int, ...]) -> str:
    """``("body", "start_s")`` as a person reads it."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])
