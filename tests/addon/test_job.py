"""A capture in its thread, against a real server."""

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bpy")


@pytest.fixture
def job_module(limber: Any) -> Any:
    return limber.module("job")


@pytest.fixture
def connection(limber: Any, server: Any) -> Any:
    return limber.module("client").Connection(server.address, server.token)


@pytest.fixture
def options(limber: Any) -> Any:
    return limber.module("client").CaptureOptions


def events_of(job: Any) -> list[Any]:
    """All events to the last one."""
    assert job.join(30)
    found = []
    while not job.events.empty():
        found.append(job.events.get())
    return found


def captures_of(limber: Any, connection: Any) -> list[Any]:
    return list(limber.module("client").Client(connection).captures())


def start(job_module: Any, connection: Any, source: Any) -> Any:
    job = job_module.CaptureJob(connection, source)
    job.start()
    return job


def test_footage_becomes_motions(job_module: Any, connection: Any, options: Any, server: Any) -> None:
    source = job_module.NewCapture(server.script(people=2, echo=True), options(person="all", start_s=0.5, fov_deg=50.0))
    *before, ending = events_of(start(job_module, connection, source))
    assert [event.motion.person for event in before if isinstance(event, job_module.PersonCaptured)] == [0, 1]
    assert isinstance(ending, job_module.Finished)
    (asked,) = ending.warnings
    assert '"person":"all","start_s":0.5,"end_s":null,"fov_deg":50.0' in asked
    fractions = [event.fraction for event in before if isinstance(event, job_module.Progressed)]
    assert fractions
    assert all(0 <= fraction <= 1 for fraction in fractions)


def test_footage_that_the_backend_cannot_see_is_sent(
    job_module: Any, connection: Any, options: Any, server: Any, limber: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a tunnel: the address is this machine's, and the path means nothing at its other end."""
    client = limber.module("client").Client
    there = client.add_footage_path
    monkeypatch.setattr(client, "add_footage_path", lambda self, path: there(self, Path("/elsewhere") / path.name))
    *before, ending = events_of(
        start(job_module, connection, job_module.NewCapture(server.script(people=1), options()))
    )
    assert isinstance(ending, job_module.Finished)
    assert "upload" in [event.stage for event in before if isinstance(event, job_module.Progressed)]


def test_cancelling_ends_the_capture_on_the_backend_within_a_second(
    job_module: Any, connection: Any, options: Any, server: Any, limber: Any
) -> None:
    kept = len(captures_of(limber, connection))
    job = start(job_module, connection, job_module.NewCapture(server.script(steps=1000, seconds=0.05), options()))
    while job.events.get(timeout=10).stage != "people":
        pass
    assert len(captures_of(limber, connection)) == kept + 1
    began = time.monotonic()
    job.cancel()
    assert isinstance(events_of(job)[-1], job_module.Cancelled)
    assert time.monotonic() - began < 1.0
    assert len(captures_of(limber, connection)) == kept


def test_an_abandoned_capture_stays_with_the_backend_and_can_be_had_later(
    job_module: Any, connection: Any, options: Any, server: Any, limber: Any
) -> None:
    job = start(job_module, connection, job_module.NewCapture(server.script(steps=10, seconds=0.05), options()))
    while job.events.get(timeout=10).stage != "people":
        pass
    job.abandon()
    events_of(job)
    newest = captures_of(limber, connection)[0]
    assert newest.state == "running"
    *before, ending = events_of(start(job_module, connection, job_module.KeptCapture(newest.capture)))
    assert isinstance(ending, job_module.Finished)
    assert any(isinstance(event, job_module.PersonCaptured) for event in before)


@pytest.mark.parametrize(
    ("script", "words"),
    [({"error": "clip.mp4 has no picture. Choose another."}, "has no picture"), ({"people": 0}, "Nobody was found")],
)
def test_why_a_capture_failed(
    job_module: Any, connection: Any, options: Any, server: Any, script: dict[str, Any], words: str
) -> None:
    source = job_module.NewCapture(server.script(**script), options())
    ending = events_of(start(job_module, connection, source))[-1]
    assert isinstance(ending, job_module.Failed)
    assert words in ending.message


def test_footage_that_does_not_exist(job_module: Any, connection: Any, options: Any, tmp_path: Path) -> None:
    source = job_module.NewCapture(tmp_path / "gone.mp4", options())
    (ending,) = events_of(start(job_module, connection, source))
    assert str(tmp_path / "gone.mp4") in ending.message


def test_a_body_file_cannot_be_sent_to_another_machine(job_module: Any, options: Any, limber: Any, server: Any) -> None:
    elsewhere = limber.module("client").Connection("http://192.0.2.1:8765", "token")
    source = job_module.NewCapture(server.script(), options(body="/home/me/SMPL_NEUTRAL.npz"))
    (ending,) = events_of(start(job_module, elsewhere, source))
    assert "another machine" in ending.message


def test_footage_of_a_capture_that_is_refused_does_not_stay(
    job_module: Any, connection: Any, options: Any, server: Any, limber: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = limber.module("client").Client
    there, sent = client.add_footage_path, []
    monkeypatch.setattr(client, "add_footage_path", lambda self, path: sent.append(there(self, path)) or sent[0])
    source = job_module.NewCapture(server.script(), options(body="/nowhere/SMPL_NEUTRAL.npz"))
    ending = events_of(start(job_module, connection, source))[-1]
    assert "no body file /nowhere/SMPL_NEUTRAL.npz" in ending.message
    with pytest.raises(limber.module("client").BackendError) as gone:
        client(connection).delete_footage(sent[0])
    assert gone.value.code == "footage_not_found"


def test_a_backend_that_dies_is_told_and_the_capture_done_again(
    job_module: Any, options: Any, limber: Any, start_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "_PATIENCE_S", 0.5)
    server = start_server()
    connection = limber.module("client").Connection(server.address, server.token)
    job = start(job_module, connection, job_module.NewCapture(server.script(steps=20, seconds=0.1), options()))
    while job.events.get(timeout=10).stage != "people":
        pass
    server.end()
    ending = events_of(job)[-1]
    assert isinstance(ending, job_module.Failed)
    assert "Earlier Captures" in ending.message

    start_server(port=int(server.address.rpartition(":")[2]))
    (cut_off,) = captures_of(limber, connection)
    assert cut_off.state == "interrupted"
    ending = events_of(start(job_module, connection, job_module.KeptCapture(cut_off.capture)))[-1]
    assert isinstance(ending, job_module.Finished)
