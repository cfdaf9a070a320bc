"""The HTTP API, version 1. What it looks like from outside is described in docs/api.md and by /v1/openapi.json."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response, Security
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.security import HTTPBearer
from pydantic import ValidationError

from backend.models import NETWORKS
from backend.server.body_limit import UPLOAD_TYPE, BodyLimit, media_type
from backend.server.capture_files import motion_path, preview_path, thumbnail_path
from backend.server.capture_queue import CaptureQueue, describe_footage
from backend.server.errors import ApiError, answer_errors
from backend.server.events import server_sent_events
from backend.server.footage_intake import DEFAULT_NAME, footage_at, receive_upload
from backend.server.models import (
    ID_PATTERN,
    Capture,
    CaptureRequest,
    Captures,
    CaptureState,
    ErrorAnswer,
    Footage,
    FootagePath,
    Health,
    Limits,
    Network,
)
from backend.server.security import Gate, HostRule, is_loopback
from backend.server.storage import FootageRecord, Storage
from smpl_rig.service import API_VERSION


@dataclass(frozen=True)
class ServerSettings:
    """How a server is to behave.

    Attributes:
        data_folder: where footage and captures are kept.
        token: what a client must present.
        hosts: which Host headers are answered.
        limits: what is refused because it is too much.
        pipeline: the module that captures, see :class:`backend.server.worker.Pipeline`.
        stop_grace_s: how long a cancelled capture may take to stop before its process is killed.
        heartbeat_s: how long a stream of events may be silent.
    """

    data_folder: Path
    token: str
    hosts: HostRule
    limits: Limits = Limits()  # noqa: RUF009  (frozen)
    pipeline: str = "backend.server.pipeline"
    stop_grace_s: float = 0.5
    heartbeat_s: float = 10.0


@dataclass(frozen=True)
class _Service:
    """What the routes work with."""

    limits: Limits
    heartbeat_s: float
    storage: Storage
    queue: CaptureQueue


def create_app(settings: ServerSettings) -> FastAPI:
    """The application, with its data folder open; its lifespan starts and ends the worker, and closes the folder.

    Raises:
        ServerError: if the data folder cannot be used.
    """
    storage = Storage(settings.data_folder)
    queue = CaptureQueue(storage, settings.pipeline, settings.limits, settings.stop_grace_s)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await queue.start()
            yield
        finally:
            await queue.stop()
            storage.close()

    app = FastAPI(
        title="Limber",
        summary="One ordinary video in, an animated character out.",
        version=version("limber"),
        openapi_url=f"/v{API_VERSION}/openapi.json",
        docs_url=None,  # FastAPI's pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.service = _Service(settings.limits, settings.heartbeat_s, storage, queue)
    app.include_router(_router)
    answer_errors(app, _router)
    app.add_middleware(BodyLimit, limits=settings.limits)
    app.add_middleware(Gate, hosts=settings.hosts, token=settings.token)  # the last one added is the first one asked
    return app


def _service(request: Request) -> _Service:
    service: _Service = request.app.state.service
    return service


def _refusals(**reasons: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI of refusals: ``_404="There is no such capture."`` and so on."""
    return {
        int(status.removeprefix("_")): {"model": ErrorAnswer, "description": reason}
        for status, reason in reasons.items()
    }


def _files(media: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media: {"schema": {"type": "string", "format": "binary"}}}, "description": "The file."}}


_Served = Annotated[_Service, Depends(_service)]
_FootageId = Annotated[str, InPath(pattern=ID_PATTERN)]
_CaptureId = Annotated[str, InPath(pattern=ID_PATTERN)]
_PersonNumber = Annotated[int, InPath(ge=0, le=9999, description="a person's number, as the capture lists it")]

_NO_FOOTAGE = "There is no such footage."
_NO_CAPTURE = "There is no such capture."
_NO_FILE = "There is no such capture, or it has no such file."
_NOT_DONE = "The capture is not done."
_INVALID = "The request is not as described; the message says where."

#: The OpenAPI of one server-sent event.
_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"const": "capture"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/Capture"},
        },
    },
}

_router = APIRouter(
    prefix=f"/v{API_VERSION}",
    # Says in the OpenAPI what Gate enforces.
    dependencies=[Security(HTTPBearer(auto_error=False, description="the token of the backend's token file"))],
    responses=_refusals(
        _401="The token is missing or wrong.",
        _413="The body is larger than the server accepts.",
        _421="The Host header names another server.",
    ),
)


@_router.get("/health")
async def health(service: _Served) -> Health:
    """What this backend is and can do."""
    return Health(
        version=version("limber"),
        api_version=API_VERSION,
        worker=service.queue.worker_state,
        device=service.queue.device,
        networks=[Network(name=network.name, title=network.title, ready=network.ready) for network in NETWORKS],
        bodies=["limber"],
        limits=service.limits,
    )


@_router.post(
    "/footage",
    status_code=201,
    responses=_refusals(
        _400="The upload is empty, or was cut off.",
        _403="A path was given from another machine.",
        _404="There is nothing to read at the path.",
        _415="The body is neither of the two.",
        _422=_INVALID,
        _507="The backend's disk is full.",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                UPLOAD_TYPE: {"schema": {"type": "string", "format": "binary", "minLength": 1}},
                "application/json": {"schema": FootagePath.model_json_schema()},
            },
        }
    },
)
async def add_footage(
    request: Request,
    service: _Served,
    name: Annotated[
        str, Query(max_length=255, description="the upload's file name; ignored for a path")
    ] = DEFAULT_NAME,
) -> Footage:
    """Takes footage: the bytes of a file, streamed, or a path on the backend's own machine."""
    kind = media_type(request.headers.get("content-type", ""))
    if kind == UPLOAD_TYPE:
        return describe_footage(await receive_upload(service.storage, request.stream(), name))
    if kind != "application/json":
        message = f"Content-Type is '{kind}'. Send a file as {UPLOAD_TYPE}, or a path as application/json."
        raise ApiError(415, "unsupported_media_type", message)
    path = _path_in(await request.body())
    message = "A path can only be given on the backend's own machine. Upload the footage instead."
    _require_same_machine(request, message)
    footage = footage_at(path)
    service.storage.add_footage(footage)
    return describe_footage(footage)


@_router.delete(
    "/footage/{footage}",
    status_code=204,
    responses=_refusals(_404=_NO_FOOTAGE, _409="A capture uses the footage.", _422=_INVALID),
)
async def delete_footage(service: _Served, footage: _FootageId) -> None:
    """Forgets footage that no capture uses, and removes it if it was uploaded. A path's file is left alone."""
    record = _footage(service, footage)
    if service.storage.is_used(footage):
        message = "A capture uses this footage. Delete the capture; its footage goes with it."
        raise ApiError(409, "footage_in_use", message)
    await service.queue.remove_footage(record)


@_router.post(
    "/captures",
    status_code=201,
    responses=_refusals(
        _400="The body is not text.",
        _403="A body was given from another machine.",
        _404="There is no such footage, or no body file to read at the path.",
        _422=_INVALID,
        _429="Too many captures wait already.",
    ),
)
async def create_capture(request: Request, response: Response, service: _Served, asked: CaptureRequest) -> Capture:
    """Queues a capture; captures run one at a time, in the order in which they were queued."""
    footage = _footage(service, asked.footage)
    if asked.body is not None:
        message = "A body's path can only be given on the backend's own machine. Leave it out."
        _require_same_machine(request, message)
        _require_body(asked.body)
    capture = service.queue.submit(footage, asked)
    response.headers["Location"] = f"/v{API_VERSION}/captures/{capture.id}"
    return capture


@_router.get("/captures")
async def list_captures(service: _Served) -> Captures:
    """All captures, newest first."""
    return Captures(captures=service.queue.captures())


@_router.get("/captures/{capture}", responses=_refusals(_404=_NO_CAPTURE, _422=_INVALID))
async def get_capture(service: _Served, capture: _CaptureId) -> Capture:
    """A capture as it stands now."""
    return service.queue.capture(capture)


@_router.get(
    "/captures/{capture}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": _EVENT}},
            "description": "An event 'capture' with the capture as JSON, now and at each change, to the final state.",
        },
        **_refusals(_404=_NO_CAPTURE, _422=_INVALID),
    },
)
async def follow_capture(service: _Served, capture: _CaptureId) -> StreamingResponse:
    """The capture as server-sent events, until it has ended."""
    events = server_sent_events(service.queue.topic(capture), service.heartbeat_s)
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@_router.post(
    "/captures/{capture}/restart",
    status_code=202,
    responses=_refusals(
        _404=_NO_CAPTURE,
        _409="The capture neither failed nor was interrupted.",
        _422=_INVALID,
        _429="Too many captures wait already.",
    ),
)
async def restart_capture(service: _Served, capture: _CaptureId) -> Capture:
    """Queues a capture again that failed, or that was cut off when the backend stopped."""
    return service.queue.restart(capture)


@_router.delete("/captures/{capture}", status_code=204, responses=_refusals(_404=_NO_CAPTURE, _422=_INVALID))
async def delete_capture(service: _Served, capture: _CaptureId) -> None:
    """Cancels the capture if it waits or runs, and removes it, its files and the upload that only it used."""
    await service.queue.delete(capture)


@_router.get(
    "/captures/{capture}/motion/{person}",
    response_class=FileResponse,
    responses=_files("application/octet-stream") | _refusals(_404=_NO_FILE, _409=_NOT_DONE, _422=_INVALID),
)
async def get_motion(service: _Served, capture: _CaptureId, person: _PersonNumber) -> FileResponse:
    """A person's Motion file (.npz)."""
    return _file(service, capture, motion_path(_folder(service, capture), person), "application/octet-stream")


@_router.get(
    "/captures/{capture}/thumbnail/{person}",
    response_class=FileResponse,
    responses=_files("image/jpeg") | _refusals(_404=_NO_FILE, _409=_NOT_DONE, _422=_INVALID),
)
async def get_thumbnail(service: _Served, capture: _CaptureId, person: _PersonNumber) -> FileResponse:
    """A small picture of a person, cut from the footage."""
    return _file(service, capture, thumbnail_path(_folder(service, capture), person), "image/jpeg")


@_router.get(
    "/captures/{capture}/preview",
    response_class=FileResponse,
    responses=_files("video/mp4") | _refusals(_404=_NO_FILE, _409=_NOT_DONE, _422=_INVALID),
)
async def get_preview(service: _Served, capture: _CaptureId) -> FileResponse:
    """The footage with the body over it, if the capture was asked for a preview."""
    return _file(service, capture, preview_path(_folder(service, capture)), "video/mp4")


def _footage(service: _Service, footage: str) -> FootageRecord:
    record = service.storage.footage(footage)
    if record is None:
        raise ApiError(404, "footage_not_found", "There is no such footage. Send it again.")
    return record


def _folder(service: _Service, capture: str) -> Path:
    return service.storage.capture_folder(capture)


def _file(service: _Service, capture: str, path: Path, media: str) -> FileResponse:
    state = service.queue.capture(capture).state
    if state is not CaptureState.DONE:
        raise ApiError(409, "not_done", f"The capture is {state.value}. Its files are there once it is done.")
    if not path.is_file():
        raise ApiError(404, "file_not_found", f"The capture has no {path.name}.")
    return FileResponse(path, media_type=media, filename=path.name)


def _path_in(body: bytes) -> str:
    """The path in a JSON body, checked as FastAPI would check it had the body one type only."""
    try:
        return FootagePath.model_validate(json.loads(body)).path
    except ValidationError as error:
        faults = [fault | {"loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error
    except ValueError as error:  # of JSON and of its encoding
        raise ApiError(422, "invalid_request", f"The body is not JSON: {error}.") from error


def _require_same_machine(request: Request, message: str) -> None:
    if request.client is None or not is_loopback(request.client.host):
        raise ApiError(403, "not_same_machine", message)


def _require_body(path: str) -> None:
    """Refuses at once what would fail when its turn comes; whether it is a body, the capture sees when it reads it."""
    if not (Path(path).is_file() and os.access(path, os.R_OK)):
        message = (
            f"There is no body file {path} on the backend's machine that it may read. Choose an SMPL file (.npz or "
            ".pkl), or none: Limber then uses its own."
        )
        raise ApiError(404, "body_not_found", message)
