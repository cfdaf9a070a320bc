import threading
import time
from typing import Any


def test_first_event_is_the_state_now_and_the_last_one_the_end(server: Any) -> None:
    capture = server.capture({"steps": 3, "seconds": 0.05})
    states = [event["state"] for event in server.events(capture)]
    assert states[0] in ("queued", "running")
    assert states[-1] == "done"
    assert states.count("done") == 1
    assert [event["state"] for event in server.events(capture)] == ["done"]


def test_deletion_is_the_last_event(server: Any) -> None:
    capture = server.capture({"do": "sleep"})
    server.wait_for_stage(capture)
    threading.Timer(0.3, server.client.delete, [f"/v1/captures/{capture}"]).start()
    assert [event["state"] for event in server.events(capture)][-1] == "cancelled"


def test_heartbeats_while_nothing_happens(server: Any) -> None:
    capture = server.capture({"do": "sleep"})
    server.wait_for_stage(capture)
    heartbeats = 0
    with server.client.stream("GET", f"/v1/captures/{capture}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            heartbeats += line.startswith(":")
            if heartbeats == 3:
                break
    server.client.delete(f"/v1/captures/{capture}")


def test_many_listeners_of_whom_some_go_away(server: Any) -> None:
    capture = server.capture({"steps": 20, "seconds": 0.05})
    last: list[str] = []

    def listen_to_the_end() -> None:
        last.append(list(server.events(capture))[-1]["state"])

    def listen_once() -> None:
        for _ in server.events(capture):
            return

    listeners = [threading.Thread(target=target) for target in [listen_to_the_end] * 6 + [listen_once] * 6]
    for listener in listeners:
        listener.start()
    for listener in listeners:
        listener.join(timeout=20)
    assert last == ["done"] * 6
    assert server.client.get("/v1/health").status_code == 200


def test_server_stops_promptly_although_somebody_listens(start_server: Any) -> None:
    server = start_server()
    capture = server.capture({"do": "sleep"})
    server.wait_for_stage(capture)
    states: list[str] = []
    listener = threading.Thread(target=lambda: states.extend(event["state"] for event in server.events(capture)))
    listener.start()
    time.sleep(0.3)
    started = time.monotonic()
    server.process.terminate()
    server.process.wait(timeout=10)
    assert time.monotonic() - started < 2
    listener.join(timeout=5)
    assert states[-1] == "interrupted"
