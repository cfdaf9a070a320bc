import sqlite3
from pathlib import Path

import pytest

from backend.server.errors import ServerError
from backend.server.models import CaptureRequest, CaptureState, ErrorDetail, Person
from backend.server.storage import FootageRecord, Storage, new_capture, new_id

FOOTAGE = FootageRecord(new_id(), "clip.mp4", Path("/clip.mp4"), uploaded=False, size_bytes=5)


def test_what_was_saved_is_read_back_after_a_restart(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.add_footage(FOOTAGE)
    queued = new_capture(
        FOOTAGE, CaptureRequest(footage=FOOTAGE.id, detector="heavy", person="all", fov_deg=50.5, height_m=1.7)
    )
    person = Person(person=1, frames=9, frames_observed=8, first_s=0.5, last_s=1.5)
    done = queued.started().finished(CaptureState.DONE, None, [person], ["dark"])
    failed = new_capture(FOOTAGE, CaptureRequest(footage=FOOTAGE.id)).finished(
        CaptureState.FAILED, ErrorDetail(code="capture_failed", message="why")
    )
    for capture in (queued, done, failed):
        storage.save(capture)
    storage.close()
    storage = Storage(tmp_path)
    assert storage.capture(done.id) == done
    assert storage.captures() == [failed, done]
    assert storage.captures_in(CaptureState.QUEUED) == []
    assert storage.is_used(FOOTAGE.id)
    assert storage.unused_footage() == []
    storage.close()


def test_queue_keeps_its_order_and_a_restart_goes_to_its_end(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.add_footage(FOOTAGE)
    captures = [new_capture(FOOTAGE, CaptureRequest(footage=FOOTAGE.id)) for _ in range(3)]
    for capture in captures:
        storage.save(capture)
    storage.save(captures[0].queued())
    waiting = [capture.id for capture in storage.captures_in(CaptureState.QUEUED)]
    assert waiting == [captures[1].id, captures[2].id, captures[0].id]
    storage.close()


def test_one_server_at_a_time(tmp_path: Path) -> None:
    first = Storage(tmp_path)
    with pytest.raises(ServerError, match="Another Limber server"):
        Storage(tmp_path)
    first.close()
    Storage(tmp_path).close()


def test_folder_of_a_newer_limber_is_refused(tmp_path: Path) -> None:
    Storage(tmp_path).close()
    database = sqlite3.connect(tmp_path / "captures.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ServerError, match="newer Limber"):
        Storage(tmp_path)


def test_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "captures.sqlite").write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(ServerError, match="cannot be used"):
        Storage(tmp_path)


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="cannot be used"):
        Storage(tmp_path / "file" / "data")
