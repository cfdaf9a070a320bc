"""What crosses the wire, as pydantic models: they check requests and write the OpenAPI description."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smpl_rig.known_height import SHORTEST_M, TALLEST_M

ID_PATTERN = "^[0-9a-f]{32}$"
#: Absolute on POSIX, or with a drive or a share on Windows; no control characters.
PATH_PATTERN = r"^(/|[A-Za-z]:[\\/]|\\\\)[^\x00-\x1f]*$"

Identifier = Annotated[str, Field(pattern=ID_PATTERN, description="32 hexadecimal digits")]
AbsolutePath = Annotated[str, Field(pattern=PATH_PATTERN, max_length=4096)]
Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ErrorDetail(_Answer):
    code: str = Field(description="for programs; never changes its meaning")
    message: str = Field(description="for people: what is wrong and what to do")


class ErrorAnswer(_Answer):
    error: ErrorDetail


class FootagePath(_Request):
    """Footage that lies on the backend's own machine and is read where it is."""

    path: AbsolutePath = Field(description="a video file, a folder of images, or a pattern such as /shot/%04d.png")


class Footage(_Answer):
    id: Identifier
    name: str
    uploaded: bool = Field(description="whether the backend holds a copy; a path's file is never changed or deleted")
    size_bytes: int | None = Field(description="null for images")


class CaptureRequest(_Request):
    """What to capture, and how. Everything but the footage has a default."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "required": ["fov_deg", "focal_px"],
                "properties": {"fov_deg": {"type": "number"}, "focal_px": {"type": "number"}},
            }
        }
    )

    footage: Identifier
    network: str = Field(default="auto", pattern="^[a-z0-9-]{1,40}$", description="a network of /v1/health, or auto")
    detector: Literal["auto", "heavy", "full"] = Field(
        default="auto",
        description="which of BlazePose's landmark models; heavy errs less and takes more time, auto is the best here",
    )
    person: str = Field(default="largest", pattern="^(all|largest|[0-9]{1,4})$", description="all, largest or a number")
    start_s: Seconds | None = Field(default=None, description="first second of the footage; null is its beginning")
    end_s: Seconds | None = Field(default=None, description="last second of the footage; null is its end")
    fov_deg: float | None = Field(
        default=None, gt=1, lt=179, allow_inf_nan=False, description="horizontal field of view; null estimates it"
    )
    focal_px: float | None = Field(
        default=None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="focal length in pixels; give this or fov_deg, not both",
    )
    height_m: float | None = Field(
        default=None,
        ge=SHORTEST_M,
        le=TALLEST_M,
        allow_inf_nan=False,
        description="how tall everybody who is captured stands, metres; null leaves it to the shape that is seen",
    )
    body: AbsolutePath | None = Field(
        default=None, description="a body file on the backend's machine; null is the embedded one"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    still_camera: bool = Field(default=False, description="the camera is known to stand still; else it is watched")
    preview: bool = Field(default=False, description="also write a video with the body over the footage")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.start_s is not None and self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"end_s ({self.end_s:g}) must come after start_s ({self.start_s:g})")
        if self.fov_deg is not None and self.focal_px is not None:
            raise ValueError("give fov_deg or focal_px, not both")
        return self


class CaptureState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        return self not in (CaptureState.QUEUED, CaptureState.RUNNING)

    @property
    def is_kept(self) -> bool:
        """Whether it has ended and waits to be fetched or restarted."""
        return self.is_final and self is not CaptureState.CANCELLED

    @property
    def may_restart(self) -> bool:
        return self in (CaptureState.FAILED, CaptureState.INTERRUPTED)


class Person(_Answer):
    """One captured person; ``person`` is the n of ``motion/{n}`` and ``thumbnail/{n}``."""

    person: int = Field(ge=0)
    frames: int = Field(ge=0, description="length of the motion")
    frames_observed: int = Field(ge=0, description="frames in which the person was seen; the others were filled")
    first_s: float
    last_s: float


class Capture(_Answer):
    """A capture as it stands now."""

    id: Identifier
    state: CaptureState
    footage: Footage
    request: CaptureRequest
    stage: str | None = Field(description="what is being done; null unless running")
    stage_fraction: Fraction = Field(description="how far the stage has come")
    fraction: Fraction = Field(description="how far the whole capture has come; never falls")
    eta_s: float | None = Field(description="seconds that are left, by estimate; null while nobody can tell")
    people_found: int | None = Field(description="people seen so far; null while nobody can tell")
    people: list[Person] = Field(description="the people captured, once the capture is done")
    has_preview: bool
    warnings: list[str]
    error: ErrorDetail | None = Field(description="why the capture failed or was interrupted")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Captures(_Answer):
    captures: list[Capture] = Field(description="newest first")


class Network(_Answer):
    name: str
    title: str
    ready: bool = Field(description="whether it can be used now")


class Limits(_Answer):
    """What the server does not exceed."""

    upload_bytes: int = Field(default=8 * 1024**3, gt=0, description="largest footage that may be uploaded")
    json_bytes: int = Field(default=64 * 1024, gt=0, description="largest JSON body")
    queued_captures: int = Field(default=32, gt=0, description="most captures that may wait")
    kept_captures: int = Field(default=100, gt=0, description="most captures kept that have ended; the oldest go first")
    kept_bytes: int = Field(
        default=16 * 1024**3,
        gt=0,
        description="most that these and their uploads may take up; the newest stays in any case",
    )


class WorkerState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    STOPPED = "stopped"


class Health(_Answer):
    version: str = Field(description="of Limber")
    api_version: int
    worker: WorkerState = Field(description="the process that captures; a capture may be asked for in any state")
    device: str | None = Field(description="what auto stands for, such as cpu or cuda; null until the worker has told")
    networks: list[Network] = Field(description="best first, as auto chooses among those that are ready")
    bodies: list[str] = Field(description="bodies that come with Limber")
    limits: Limits
