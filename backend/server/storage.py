"""What the server remembers, in SQLite, so that a crash forgets nothing that was promised."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from backend.server.errors import ServerError
from backend.server.models import CaptureRequest, CaptureState, ErrorDetail, Person

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE footage (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    uploaded INTEGER NOT NULL,
    size_bytes INTEGER
);
CREATE TABLE captures (
    id TEXT PRIMARY KEY,
    footage TEXT NOT NULL REFERENCES footage (id),
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    people TEXT NOT NULL,
    warnings TEXT NOT NULL,
    error TEXT,
    created_at TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT
);
CREATE INDEX captures_by_state ON captures (state, queued_at);
"""


@dataclass(frozen=True)
class FootageRecord:
    """Footage that captures can be made from.

    Attributes:
        path: the file, folder or pattern of images itself.
        uploaded: whether the file is the server's own copy, and is removed with the record.
        size_bytes: None for images.
    """

    id: str
    name: str
    path: Path
    uploaded: bool
    size_bytes: int | None


@dataclass(frozen=True)
class CaptureRecord:
    """A capture as it is remembered; its progress is not."""

    id: str
    footage: FootageRecord
    request: CaptureRequest
    state: CaptureState
    people: tuple[Person, ...]
    warnings: tuple[str, ...]
    error: ErrorDetail | None
    created_at: datetime
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    def queued(self) -> CaptureRecord:
        """The same capture, to be done from the beginning."""
        return replace(
            self,
            state=CaptureState.QUEUED,
            people=(),
            warnings=(),
            error=None,
            queued_at=now(),
            started_at=None,
            finished_at=None,
        )

    def started(self) -> CaptureRecord:
        return replace(self, state=CaptureState.RUNNING, started_at=now())

    def finished(
        self,
        state: CaptureState,
        error: ErrorDetail | None = None,
        people: Iterable[Person] = (),
        warnings: Iterable[str] = (),
    ) -> CaptureRecord:
        return replace(
            self, state=state, error=error, people=tuple(people), warnings=tuple(warnings), finished_at=now()
        )


def new_id() -> str:
    """Random, so that no id can be guessed from another."""
    return uuid.uuid4().hex


def now() -> datetime:
    return datetime.now(UTC)


def new_capture(footage: FootageRecord, request: CaptureRequest) -> CaptureRecord:
    moment = now()
    return CaptureRecord(
        new_id(), footage, request, CaptureState.QUEUED, (), (), None, moment, moment, started_at=None, finished_at=None
    )


class Storage:
    """The database and the folders beside it. One server at a time; used from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        """Opens the folder's database, which is made where it is missing.

        Raises:
            ServerError: if the folder cannot be used, another server uses it, or a newer Limber made it.
        """
        self.footage_folder = folder / "footage"
        self.captures_folder = folder / "captures"
        try:
            for part in (folder, self.footage_folder, self.captures_folder):
                part.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _lock(folder)
            self._database = sqlite3.connect(folder / "captures.sqlite", isolation_level=None, check_same_thread=False)
            self._database.row_factory = sqlite3.Row
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA foreign_keys = ON")
            self._prepare(folder)
        except (OSError, sqlite3.Error) as error:
            raise ServerError(
                f"The data folder {folder} cannot be used: {error}. Choose another with --data."
            ) from error

    def _prepare(self, folder: Path) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            raise ServerError(f"The data folder {folder} was made by a newer Limber. Update Limber, or choose another.")
        if version == 0:
            self._database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")

    def close(self) -> None:
        self._database.close()
        self._lock.close()

    def capture_folder(self, capture: str) -> Path:
        return self.captures_folder / capture

    def add_footage(self, footage: FootageRecord) -> None:
        self._database.execute(
            "INSERT INTO footage VALUES (?, ?, ?, ?, ?)",
            (footage.id, footage.name, str(footage.path), footage.uploaded, footage.size_bytes),
        )

    def footage(self, footage: str) -> FootageRecord | None:
        row = self._database.execute("SELECT * FROM footage WHERE id = ?", (footage,)).fetchone()
        return None if row is None else _footage(row)

    def unused_footage(self) -> list[FootageRecord]:
        """Footage that no capture was made from."""
        query = "SELECT * FROM footage WHERE id NOT IN (SELECT footage FROM captures)"
        return [_footage(row) for row in self._database.execute(query)]

    def is_used(self, footage: str) -> bool:
        query = "SELECT EXISTS (SELECT * FROM captures WHERE footage = ?)"
        return bool(self._database.execute(query, (footage,)).fetchone()[0])

    def remove_footage(self, footage: str) -> None:
        self._database.execute("DELETE FROM footage WHERE id = ?", (footage,))

    def save(self, capture: CaptureRecord) -> None:
        """Adds a capture, or replaces what is remembered of it."""
        values = _row(capture)
        columns, places = ", ".join(values), ", ".join(f":{column}" for column in values)
        changes = ", ".join(f"{column} = :{column}" for column in values)
        self._database.execute(
            f"INSERT INTO captures ({columns}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {changes}",  # noqa: S608
            values,
        )

    def capture(self, capture: str) -> CaptureRecord | None:
        row = self._database.execute("SELECT * FROM captures WHERE id = ?", (capture,)).fetchone()
        return None if row is None else self._capture(row)

    def captures(self) -> list[CaptureRecord]:
        """Newest first."""
        rows = self._database.execute("SELECT * FROM captures ORDER BY created_at DESC, rowid DESC")
        return [self._capture(row) for row in rows.fetchall()]

    def captures_in(self, state: CaptureState) -> list[CaptureRecord]:
        """In the order in which they were queued."""
        rows = self._database.execute("SELECT * FROM captures WHERE state = ? ORDER BY queued_at, rowid", (state,))
        return [self._capture(row) for row in rows.fetchall()]

    def remove_capture(self, capture: str) -> None:
        self._database.execute("DELETE FROM captures WHERE id = ?", (capture,))

    def _capture(self, row: sqlite3.Row) -> CaptureRecord:
        footage = self.footage(row["footage"])
        assert footage is not None, "the foreign key keeps the footage of every capture"
        return CaptureRecord(
            id=row["id"],
            footage=footage,
            request=CaptureRequest.model_validate_json(row["request"]),
            state=CaptureState(row["state"]),
            people=tuple(Person.model_validate(person) for person in json.loads(row["people"])),
            warnings=tuple(json.loads(row["warnings"])),
            error=None if row["error"] is None else ErrorDetail.model_validate_json(row["error"]),
            created_at=datetime.fromisoformat(row["created_at"]),
            queued_at=datetime.fromisoformat(row["queued_at"]),
            started_at=None if row["started_at"] is None else datetime.fromisoformat(row["started_at"]),
            finished_at=None if row["finished_at"] is None else datetime.fromisoformat(row["finished_at"]),
        )


def _lock(folder: Path) -> sqlite3.Connection:
    """Held until the connection closes or the process ends, however it ends."""
    lock = sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        message = f"Another Limber server uses {folder}. Stop it, or choose another folder with --data."
        raise ServerError(message) from error
    return lock


def _footage(row: sqlite3.Row) -> FootageRecord:
    return FootageRecord(row["id"], row["name"], Path(row["path"]), bool(row["uploaded"]), row["size_bytes"])


def _row(capture: CaptureRecord) -> dict[str, Any]:
    return {
        "id": capture.id,
        "footage": capture.footage.id,
        "request": capture.request.model_dump_json(),
        "state": capture.state.value,
        "people": json.dumps([person.model_dump() for person in capture.people]),
        "warnings": json.dumps(capture.warnings),
        "error": None if capture.error is None else capture.error.model_dump_json(),
        "created_at": capture.created_at.isoformat(timespec="microseconds"),
        "queued_at": capture.queued_at.isoformat(timespec="microseconds"),
        "started_at": None if capture.started_at is None else capture.started_at.isoformat(timespec="microseconds"),
        "finished_at": None if capture.finished_at is None else capture.finished_at.isoformat(timespec="microseconds"),
    }
