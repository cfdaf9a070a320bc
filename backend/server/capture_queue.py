"""Captures wait here, run one at a time in the worker, are cancelled, started again, kept for a time and removed."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from backend.server import footage_intake
from backend.server.capture_files import preview_path
from backend.server.errors import ApiError
from backend.server.estimate import Estimate
from backend.server.events import Topic
from backend.server.models import (
    Capture,
    CaptureRequest,
    CaptureState,
    ErrorDetail,
    Footage,
    Limits,
    Person,
    WorkerState,
)
from backend.server.storage import CaptureRecord, FootageRecord, Storage, new_capture
from backend.server.worker_process import WorkerDied, WorkerProcess

_INTERRUPTED = ErrorDetail(
    code="interrupted",
    message="The backend was stopped before this capture was done. Start it again to capture from the beginning.",
)

_log = logging.getLogger("limber.server")


@dataclass
class _Running:
    """The capture that the worker has now."""

    id: str
    estimate: Estimate
    worker: WorkerProcess | None = None
    people_found: int | None = None
    cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class CaptureQueue:
    """Owns the worker and every change of a capture's state. Used from one event loop."""

    def __init__(self, storage: Storage, pipeline: str, limits: Limits, stop_grace_s: float) -> None:
        """Args:
        pipeline: name of the module that captures, see :class:`backend.server.worker.Pipeline`.
        limits: how many captures may wait, and what is kept of those that have ended.
        stop_grace_s: how long a cancelled capture may take to stop by itself before its process is killed.
        """
        self._storage = storage
        self._pipeline = pipeline
        self._limits = limits
        self._stop_grace_s = stop_grace_s
        self._topics: dict[str, Topic] = {}
        self._running: _Running | None = None
        self._worker: WorkerProcess | None = None
        self._has_work = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes up what an earlier server left, starts the worker and begins."""
        self._tidy()
        await self._remove_oldest()
        for capture in self._storage.captures_in(CaptureState.QUEUED):
            self._publish(capture)
            self._has_work.set()
        self._worker = await WorkerProcess.start(self._pipeline)
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the worker at once; a capture that was running is left as interrupted. May be called twice."""
        if self._runner is None:
            return
        self._runner.cancel()
        await asyncio.wait([self._runner])
        self._runner = None
        if self._worker is not None:
            self._worker.kill()
            await self._worker.ended()
        if self._running is not None:
            running, self._running = self._running, None
            if not running.cancelled:
                self._interrupt(self._record(running.id))
            running.ended.set()
        for topic in self._topics.values():
            topic.close()

    @property
    def device(self) -> str | None:
        return None if self._worker is None else self._worker.device

    @property
    def worker_state(self) -> WorkerState:
        if self._running is not None:
            return WorkerState.BUSY
        if self._worker is None or not self._worker.is_alive:
            return WorkerState.STOPPED
        return WorkerState.READY if self._worker.is_ready else WorkerState.STARTING

    def submit(self, footage: FootageRecord, request: CaptureRequest) -> Capture:
        """Raises:
        ApiError: if too many captures wait already (429).
        """
        return self._enqueue(new_capture(footage, request))

    def restart(self, capture: str) -> Capture:
        """Queues a failed or interrupted capture again, with the same footage and request.

        Raises:
            ApiError: if there is none (404), its state forbids it (409) or too many wait (429).
        """
        record = self._record(capture)
        if not record.state.may_restart:
            message = f"This capture is {record.state.value}. Only one that failed or was interrupted can be restarted."
            raise ApiError(409, "not_restartable", message)
        return self._enqueue(record.queued())

    def capture(self, capture: str) -> Capture:
        """Raises:
        ApiError: if there is none (404).
        """
        return self._as_it_stands(self._record(capture))

    def captures(self) -> list[Capture]:
        """Newest first."""
        return [self._as_it_stands(record) for record in self._storage.captures()]

    def topic(self, capture: str) -> Topic:
        """Raises:
        ApiError: if there is none (404).
        """
        return self._topics.get(capture) or Topic(self.capture(capture))

    async def delete(self, capture: str) -> None:
        """Cancels a capture that waits or runs, and removes every trace of it.

        Raises:
            ApiError: if there is none, or it is being deleted already (404).
        """
        record = self._record(capture)
        if record.state is CaptureState.CANCELLED:
            raise _unknown_capture()
        if not record.state.is_final:
            record = record.finished(CaptureState.CANCELLED)
            self._storage.save(record)
        if self._running is not None and self._running.id == capture:
            await self._stop_running(self._running)
        self._publish(record)
        await asyncio.to_thread(shutil.rmtree, self._storage.capture_folder(capture), ignore_errors=True)
        self._storage.remove_capture(capture)
        if not self._storage.is_used(record.footage.id):
            await self.remove_footage(record.footage)

    async def remove_footage(self, footage: FootageRecord) -> None:
        """Forgets footage that no capture uses, and removes the copy that an upload left."""
        self._storage.remove_footage(footage.id)
        await asyncio.to_thread(footage_intake.remove_files, footage)

    async def _remove_oldest(self) -> None:
        """Removes the captures that ended longest ago, with the uploads that only they used, until the limits hold."""
        records = [record for record in self._storage.captures() if record.state.is_kept]
        uploads: set[FootageRecord] = set()
        removed, bytes_of_captures = [], 0
        for number, record in enumerate(sorted(records, key=_ended_at, reverse=True)):
            bytes_of_captures += _bytes_in(self._storage.capture_folder(record.id))
            if record.footage.uploaded:
                uploads.add(record.footage)
            kept_bytes = bytes_of_captures + sum(upload.size_bytes or 0 for upload in uploads)
            fits = number < self._limits.kept_captures and kept_bytes <= self._limits.kept_bytes
            if not fits and number > 0:  # the newest is waited for
                self._storage.remove_capture(record.id)
                removed.append(record)
        for record in removed:
            await asyncio.to_thread(shutil.rmtree, self._storage.capture_folder(record.id), ignore_errors=True)
            if not self._storage.is_used(record.footage.id):
                await self.remove_footage(record.footage)

    def _tidy(self) -> None:
        """Brings the folders and the database to agree after a crash, or a stop in the middle of something."""
        storage = self._storage
        for capture in storage.captures_in(CaptureState.RUNNING):
            self._interrupt(capture)
        for capture in storage.captures_in(CaptureState.CANCELLED):
            storage.remove_capture(capture.id)
        for footage in storage.unused_footage():
            storage.remove_footage(footage.id)
        captures = storage.captures()
        known = {capture.id for capture in captures} | {capture.footage.id for capture in captures}
        for folder in (*storage.captures_folder.iterdir(), *storage.footage_folder.iterdir()):
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    async def _run(self) -> None:
        while True:
            waiting = self._storage.captures_in(CaptureState.QUEUED)
            if not waiting:
                self._has_work.clear()
                await self._has_work.wait()
                continue
            await self._capture(waiting[0])

    async def _capture(self, waiting: CaptureRecord) -> None:
        record = waiting.started()
        running = _Running(record.id, Estimate(record.request.preview))
        self._running = running
        self._storage.save(record)
        self._publish(record)
        folder = self._storage.capture_folder(record.id)
        try:
            await asyncio.to_thread(_make_empty, folder)
            finished = await self._see_through(record, running)
        except (OSError, ValueError) as error:
            _log.exception("capture %s", record.id)
            message = f"The backend could not do this capture ({error}). Its terminal shows the details."
            finished = record.finished(CaptureState.FAILED, ErrorDetail(code="internal_error", message=message))
        if finished.state is not CaptureState.DONE:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        self._running = None
        running.ended.set()
        if not running.cancelled:  # else who cancelled it has the last word
            self._storage.save(finished)
            self._publish(finished)
            await self._remove_oldest()
        if running.worker is not None and not running.worker.is_alive and running.worker.is_ready:
            # Warm again before the next capture. One that died while it started would only do so again.
            self._worker = await WorkerProcess.start(self._pipeline)

    async def _see_through(self, record: CaptureRecord, running: _Running) -> CaptureRecord:
        """Follows the worker through a capture to its end."""
        worker = await self._living_worker()
        if running.cancelled:
            return record.finished(CaptureState.CANCELLED)
        running.worker = worker
        folder = self._storage.capture_folder(record.id)
        try:
            async for message in worker.capture(record.id, record.footage.path, record.request, folder):
                if message["say"] == "progress":
                    running.estimate.update(message["stage"], message["fraction"], time.monotonic())
                    running.people_found = message["people"]
                    self._publish(record)
                elif message["say"] == "done":
                    people = [Person.model_validate(person) for person in message["people"]]
                    return record.finished(CaptureState.DONE, None, people, message["warnings"])
                elif message["say"] == "failed":
                    error = ErrorDetail(code=message["code"], message=message["message"])
                    return record.finished(CaptureState.FAILED, error)
        except WorkerDied as death:
            if not running.cancelled:
                _log.warning("capture %s: %s", record.id, death.error.message)
            return record.finished(CaptureState.FAILED, death.error)
        return record.finished(CaptureState.CANCELLED)

    async def _living_worker(self) -> WorkerProcess:
        if self._worker is None or not self._worker.is_alive:
            self._worker = await WorkerProcess.start(self._pipeline)
        return self._worker

    async def _stop_running(self, running: _Running) -> None:
        """Asks the capture to stop, and kills its process if it does not."""
        running.cancelled = True
        if running.worker is not None:
            running.worker.ask_to_stop(running.id)
        try:
            await asyncio.wait_for(running.ended.wait(), self._stop_grace_s)
        except TimeoutError:
            if running.worker is not None:
                running.worker.kill()
            await running.ended.wait()

    def _interrupt(self, record: CaptureRecord) -> None:
        interrupted = record.finished(CaptureState.INTERRUPTED, _INTERRUPTED)
        shutil.rmtree(self._storage.capture_folder(record.id), ignore_errors=True)
        self._storage.save(interrupted)
        self._publish(interrupted)

    def _enqueue(self, record: CaptureRecord) -> Capture:
        if len(self._storage.captures_in(CaptureState.QUEUED)) >= self._limits.queued_captures:
            message = (
                f"{self._limits.queued_captures} captures are waiting already. Wait for one to finish, or delete one."
            )
            raise ApiError(429, "too_many_captures", message)
        self._storage.save(record)
        self._has_work.set()
        return self._publish(record)

    def _publish(self, record: CaptureRecord) -> Capture:
        """Tells those who listen; a capture that has ended is listened to no more."""
        capture = self._as_it_stands(record)
        topic = self._topics.setdefault(record.id, Topic(capture))
        topic.publish(capture)
        if capture.state.is_final:
            del self._topics[record.id]
        return capture

    def _record(self, capture: str) -> CaptureRecord:
        record = self._storage.capture(capture)
        if record is None:
            raise _unknown_capture()
        return record

    def _as_it_stands(self, record: CaptureRecord) -> Capture:
        running = self._running if self._running is not None and self._running.id == record.id else None
        estimate = running.estimate if running and not record.state.is_final else None
        is_done = record.state is CaptureState.DONE
        return Capture(
            id=record.id,
            state=record.state,
            footage=describe_footage(record.footage),
            request=record.request,
            stage=estimate.stage if estimate else None,
            stage_fraction=estimate.stage_fraction if estimate else float(is_done),
            fraction=estimate.fraction if estimate else float(is_done),
            eta_s=estimate.eta_s(time.monotonic()) if estimate else None,
            people_found=len(record.people) if is_done else running.people_found if running else None,
            people=list(record.people),
            has_preview=is_done and preview_path(self._storage.capture_folder(record.id)).is_file(),
            warnings=list(record.warnings),
            error=record.error,
            created_at=record.created_at,
            started_at=record.started_at,
            finished_at=record.finished_at,
        )


def describe_footage(record: FootageRecord) -> Footage:
    return Footage(id=record.id, name=record.name, uploaded=record.uploaded, size_bytes=record.size_bytes)


def _unknown_capture() -> ApiError:
    return ApiError(404, "capture_not_found", "There is no such capture. GET /v1/captures lists them.")


def _ended_at(record: CaptureRecord) -> datetime:
    assert record.finished_at is not None, "it has ended"
    return record.finished_at


def _bytes_in(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except OSError:  # it is being deleted
        return 0


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
