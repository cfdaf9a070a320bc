"""The real pipeline, as the worker runs it: ``backend.capture``, and its results as files."""

from __future__ import annotations

import gc
from pathlib import Path

import torch

from backend.capture import CaptureSettings, capture, choose_device
from backend.preview import write_preview
from backend.server.capture_files import preview_path, write_motions
from backend.server.models import CaptureRequest
from backend.server.thumbnails import write_thumbnails
from backend.server.worker import Outcome, Progress
from smpl_rig.errors import LimberError
from smpl_rig.refine import refine


class DeviceMemoryError(LimberError):
    """The capture does not fit into the device's memory."""


def describe() -> str:
    """What the device ``auto`` stands for."""
    return str(choose_device("auto"))


def run(footage: Path, request: CaptureRequest, folder: Path, progress: Progress) -> Outcome:
    """See :class:`backend.server.worker.Pipeline`."""
    settings = CaptureSettings(
        network=request.network,
        detector=request.detector,
        person=request.person,
        start_s=request.start_s,
        end_s=request.end_s,
        fov_deg=request.fov_deg,
        focal_px=request.focal_px,
        height_m=request.height_m,
        still_camera=request.still_camera,
        body=None if request.body is None else Path(request.body),
        device=request.device,
    )
    try:
        captured = capture(footage, settings, progress)
        if request.preview and captured.motions:
            refined = [refine(motion) for motion in captured.motions]
            write_preview(footage, refined, captured.body, preview_path(folder), lambda done: progress("preview", done))
        progress("files", 0.0)
        write_thumbnails(footage, captured.motions, folder)
        people = write_motions(folder, captured.motions, captured.report)
        progress("files", 1.0)
    except torch.OutOfMemoryError as error:
        message = "The graphics card's memory ran out. Choose the device cpu, or capture a shorter range."
        raise DeviceMemoryError(message) from error
    finally:
        _free_device_memory()
    return Outcome(people, captured.report["warnings"])


def _free_device_memory() -> None:
    """Gives back what torch keeps for its next use: the worker may wait for hours."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
