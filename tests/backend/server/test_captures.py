import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from backend.people.model_files import AUTO, DETECTORS
from backend.server.models import CaptureRequest
from smpl_rig.motion import Motion


def test_from_footage_to_files(server: Any, tmp_path: Path) -> None:
    capture = server.capture({"people": 2, "steps": 4}, person="all", preview=True)
    done = server.wait_for(capture, "done")
    assert [person["person"] for person in done["people"]] == [0, 1]
    assert done["people"][0]["frames"] == 4
    assert done["people"][0]["frames_observed"] == 3
    assert (done["fraction"], done["people_found"], done["has_preview"]) == (1.0, 2, True)
    assert done["warnings"] == ["synthetic"]
    assert done["footage"]["name"] == "clip.mp4"
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]

    motion = server.client.get(f"/v1/captures/{capture}/motion/1")
    assert motion.status_code == 200
    path = tmp_path / "person_1.npz"
    path.write_bytes(motion.content)
    assert Motion.load(path).person == 1
    thumbnail = server.client.get(f"/v1/captures/{capture}/thumbnail/0")
    assert (thumbnail.headers["content-type"], thumbnail.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert server.client.get(f"/v1/captures/{capture}/preview").headers["content-type"] == "video/mp4"
    for missing in ("motion/2", "thumbnail/7"):
        answer = server.client.get(f"/v1/captures/{capture}/{missing}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "file_not_found")


def test_two_captures_wait_for_one_another(server: Any) -> None:
    first = server.capture({"steps": 10, "seconds": 0.05})
    second = server.capture({})
    server.wait_for_stage(first)
    assert server.state(second)["state"] == "queued"
    done = server.wait_for(second, "done")
    assert server.state(first)["finished_at"] <= done["started_at"]
    listed = [capture["id"] for capture in server.client.get("/v1/captures").json()["captures"]]
    assert listed.index(second) < listed.index(first)


def test_worker_stays_warm_between_captures(server: Any) -> None:
    server.wait_for(server.capture({}), "done")
    before = server.worker_pid()
    server.wait_for(server.capture({}), "done")
    assert server.worker_pid() == before


def test_progress_rises_and_says_how_long(server: Any) -> None:
    capture = server.capture({"steps": 8, "seconds": 0.15, "people": 3})
    news = list(server.events(capture))
    assert [event["state"] for event in news[-1:]] == ["done"]
    running = [event for event in news if event["state"] == "running" and event["stage"]]
    assert len(running) > 4
    fractions = [event["fraction"] for event in running]
    assert fractions == sorted(fractions)
    assert running[-1]["people_found"] == 3
    assert any(event["eta_s"] is not None and 0 < event["eta_s"] < 10 for event in running)


def test_file_before_the_end_is_refused(server: Any) -> None:
    capture = server.capture({"do": "sleep"})
    server.wait_for_stage(capture)
    for file in ("motion/0", "thumbnail/0", "preview"):
        answer = server.client.get(f"/v1/captures/{capture}/{file}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_done")
    server.client.delete(f"/v1/captures/{capture}")


@pytest.mark.parametrize("doing", ["busy", "sleep"])
def test_cancel_within_a_second_whatever_it_does(server: Any, doing: str) -> None:
    capture = server.capture({"do": doing})
    server.wait_for_stage(capture)
    worker = server.worker_pid()
    started = time.monotonic()
    answer = server.client.delete(f"/v1/captures/{capture}")
    assert time.monotonic() - started < 1
    assert answer.status_code == 204
    assert not Path(f"/proc/{worker}").exists()
    assert server.client.get(f"/v1/captures/{capture}").status_code == 404
    assert server.client.delete(f"/v1/captures/{capture}").status_code == 404
    assert not (server.data / "captures" / capture).exists()
    server.wait_for(server.capture({}), "done")


def test_cancel_that_is_heeded_keeps_the_worker(server: Any) -> None:
    capture = server.capture({"steps": 1000, "seconds": 0.02})
    server.wait_for_stage(capture)
    worker = server.worker_pid()
    started = time.monotonic()
    server.client.delete(f"/v1/captures/{capture}")
    assert time.monotonic() - started < 1
    assert server.worker_pid() == worker
    server.wait_for(server.capture({}), "done")


def test_cancel_of_one_that_waits(server: Any) -> None:
    running, waiting = server.capture({"do": "sleep"}), server.capture({})
    server.wait_for_stage(running)
    assert server.client.delete(f"/v1/captures/{waiting}").status_code == 204
    assert server.state(running)["state"] == "running"
    assert server.client.delete(f"/v1/captures/{running}").status_code == 204


@pytest.mark.parametrize(
    ("doing", "code", "says"),
    [
        ("segfault", "worker_crashed", "SIGSEGV"),
        ("out-of-memory-kill", "worker_killed", "memory"),
        ("exit", "worker_crashed", "exit status 7"),
        ("memory-error", "out_of_memory", "shorter range"),
        ("user-error", "capture_failed", "Choose footage with a picture"),
        ("mistake", "internal_error", "ZeroDivisionError"),
    ],
)
def test_failure_is_told_and_the_next_capture_works(server: Any, doing: str, code: str, says: str) -> None:
    capture = server.capture({"do": doing})
    failed = server.wait_for(capture, "failed")
    assert failed["error"]["code"] == code
    assert says in failed["error"]["message"]
    assert failed["people"] == []
    assert not (server.data / "captures" / capture).exists()
    server.wait_for(server.capture({}), "done")


def test_failed_capture_can_be_started_again_and_a_done_one_cannot(server: Any, tmp_path: Path) -> None:
    script = tmp_path / "clip.mp4"
    script.write_text('{"do": "user-error"}')
    footage = server.client.post("/v1/footage", json={"path": str(script)}).json()["id"]
    capture = server.client.post("/v1/captures", json={"footage": footage}).json()["id"]
    server.wait_for(capture, "failed")
    script.write_text("{}")
    again = server.client.post(f"/v1/captures/{capture}/restart")
    assert (again.status_code, again.json()["state"], again.json()["error"]) == (202, "queued", None)
    server.wait_for(capture, "done")
    refused = server.client.post(f"/v1/captures/{capture}/restart")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_restartable")


def test_delete_removes_the_files_and_the_upload_that_only_it_used(server: Any) -> None:
    footage = server.upload({})
    captures = [server.client.post("/v1/captures", json={"footage": footage}).json()["id"] for _ in range(2)]
    for capture in captures:
        server.wait_for(capture, "done")
    assert server.client.delete(f"/v1/footage/{footage}").json()["error"]["code"] == "footage_in_use"
    server.client.delete(f"/v1/captures/{captures[0]}")
    assert not (server.data / "captures" / captures[0]).exists()
    assert (server.data / "footage" / footage).exists()
    server.client.delete(f"/v1/captures/{captures[1]}")
    assert not (server.data / "footage" / footage).exists()
    assert server.client.delete(f"/v1/footage/{footage}").status_code == 404


def kept(server: Any) -> list[str]:
    return [capture["id"] for capture in server.client.get("/v1/captures").json()["captures"]]


def test_oldest_captures_make_room_for_new_ones(start_server: Any, tmp_path: Path) -> None:
    server = start_server(kept_captures=2)
    clip = tmp_path / "clip.mp4"
    clip.write_text('{"do": "user-error"}')
    footage = server.client.post("/v1/footage", json={"path": str(clip)}).json()["id"]
    failed = server.client.post("/v1/captures", json={"footage": footage}).json()["id"]
    server.wait_for(failed, "failed")
    captures = [server.capture({"steps": 2, "seconds": 0.05}) for _ in range(3)]
    server.wait_for(captures[-1], "done")
    wait_until(lambda: kept(server) == captures[:0:-1])
    wait_until(lambda: {folder.name for folder in (server.data / "captures").iterdir()} == set(captures[1:]))
    wait_until(lambda: len(list((server.data / "footage").iterdir())) == 2)
    assert clip.exists()
    assert server.client.get(f"/v1/captures/{captures[0]}").json()["error"]["code"] == "capture_not_found"
    assert server.client.get(f"/v1/captures/{captures[1]}/motion/0").status_code == 200


def test_captures_and_uploads_stay_below_the_limit_but_the_newest_stays(start_server: Any) -> None:
    server = start_server(kept_bytes=2_500_000)
    megabyte = {"note": "x" * 1_000_000}
    small = [server.capture(megabyte) for _ in range(3)]  # beside each upload lie some kilobytes of its capture
    server.wait_for(small[-1], "done")
    wait_until(lambda: kept(server) == small[:0:-1])
    footage = server.upload({"note": "x" * 3_000_000})
    large = [server.client.post("/v1/captures", json={"footage": footage}).json()["id"] for _ in range(2)]
    server.wait_for(large[-1], "done")
    wait_until(lambda: kept(server) == large[1:])
    assert server.client.get(f"/v1/captures/{large[1]}/motion/0").status_code == 200
    wait_until(lambda: [folder.name for folder in (server.data / "footage").iterdir()] == [footage])


def test_lower_limits_hold_from_the_next_start(start_server: Any) -> None:
    first = start_server()
    captures = [first.capture({}) for _ in range(3)]
    first.wait_for(captures[-1], "done")
    first.kill()
    assert kept(start_server(kept_captures=1)) == captures[-1:]


def test_an_upload_that_a_waiting_capture_needs_stays(start_server: Any) -> None:
    server = start_server(kept_captures=1)
    footage = server.upload({})
    captures = [server.client.post("/v1/captures", json={"footage": footage}).json()["id"]]
    server.wait_for(captures[0], "done")
    server.capture({"steps": 20, "seconds": 0.05})  # when it ends, the first one goes, and the next ones wait
    captures += [server.client.post("/v1/captures", json={"footage": footage}).json()["id"] for _ in range(2)]
    server.wait_for(captures[-1], "done")
    wait_until(lambda: kept(server) == captures[-1:])


def wait_until(holds: Callable[[], bool], timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_delete_leaves_footage_on_a_path_alone(server: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("{}")
    footage = server.client.post("/v1/footage", json={"path": str(clip)}).json()["id"]
    capture = server.client.post("/v1/captures", json={"footage": footage}).json()["id"]
    server.wait_for(capture, "done")
    server.client.delete(f"/v1/captures/{capture}")
    assert clip.exists()


@pytest.mark.parametrize(
    "asked",
    [
        {"start_s": 3, "end_s": 3},
        {"fov_deg": 50, "focal_px": 1000},
        {"fov_deg": float("inf")},
        {"height_m": 0.49},
        {"height_m": float("nan")},
        {"person": "everyone"},
        {"network": "../../weights"},
        {"device": "tpu"},
        {"detector": "../heavy"},
        {"detector": ["heavy"]},
        {"start_s": "1"},
        {"colour": "blue"},
        {"body": "relative.npz"},
    ],
)
def test_request_that_cannot_be_meant_is_refused(server: Any, asked: dict[str, Any]) -> None:
    import json

    content = json.dumps({"footage": "0" * 32, **asked})
    answer = server.client.post("/v1/captures", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")
    assert any(name in answer.json()["error"]["message"] for name in asked)


@pytest.mark.parametrize(("height_m", "said"), [(178, "less than or equal to 2.5, not 178"), (0.2, "0.5, not 0.2")])
def test_a_height_that_nobody_has_is_refused_by_its_number(server: Any, height_m: float, said: str) -> None:
    answer = server.client.post("/v1/captures", json={"footage": "0" * 32, "height_m": height_m})
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert message.startswith("height_m: ")
    assert message.endswith(said)


@pytest.mark.parametrize(
    ("asked", "choices"), [({"detector": "tiny"}, "'auto', 'heavy' or 'full'"), ({"device": "tpu"}, "'cuda' or 'mps'")]
)
def test_a_choice_that_there_is_not_is_refused_with_what_there_is(
    server: Any, asked: dict[str, str], choices: str
) -> None:
    answer = server.client.post("/v1/captures", json={"footage": "0" * 32, **asked})
    assert answer.status_code == 422
    ((name, value),) = asked.items()
    message = answer.json()["error"]["message"]
    assert message.startswith(f"{name}: ")
    assert message.endswith(f"{choices}, not '{value}'")


def test_a_request_may_name_each_landmark_model() -> None:
    field = CaptureRequest.model_fields["detector"]
    assert get_args(field.annotation) == DETECTORS
    assert field.default == AUTO


def test_capture_of_unknown_footage(server: Any) -> None:
    answer = server.client.post("/v1/captures", json={"footage": "0" * 32})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "footage_not_found")


def test_body_that_is_not_there_is_refused_at_once(server: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "SMPL_NEUTRAL.pkl", tmp_path):
        answer = server.client.post("/v1/captures", json={"footage": server.upload({}), "body": str(path)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "body_not_found")
        assert str(path) in answer.json()["error"]["message"]


def test_too_many_captures(start_server: Any) -> None:
    server = start_server(queued_captures=2)
    running = server.capture({"do": "sleep"})
    server.wait_for_stage(running)
    for _ in range(2):
        server.capture({})
    answer = server.client.post("/v1/captures", json={"footage": server.upload({})})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_captures")


def test_pipeline_that_cannot_be_imported_is_told(start_server: Any) -> None:
    server = start_server(pipeline="no_such_pipeline")
    for _ in range(2):
        failed = server.wait_for(server.capture({}), "failed")
        assert failed["error"]["code"] == "worker_broken"
        assert "no_such_pipeline" in failed["error"]["message"]
    assert server.client.get("/v1/health").json()["worker"] == "stopped"


def test_library_chatter_does_not_reach_the_motion(server: Any) -> None:
    capture = server.capture({})
    server.wait_for(capture, "done")
    content = server.client.get(f"/v1/captures/{capture}/motion/0").content
    assert io.BytesIO(content).read(2) == b"PK"
