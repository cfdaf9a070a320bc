"""What the server keeps its word about after a crash, of its own or of others."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


def wait_until_gone(pid: int, timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while Path(f"/proc/{pid}").exists():
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[0]
        if state == "Z":  # nobody reaps orphans in some containers
            return
        assert time.monotonic() < deadline, f"process {pid} still lives"
        time.sleep(0.02)


def test_capture_cut_off_by_kill_9_says_so_and_can_be_started_again(start_server: Any, tmp_path: Path) -> None:
    first = start_server()
    script = tmp_path / "clip.mp4"
    script.write_text('{"do": "sleep"}')
    footage = first.client.post("/v1/footage", json={"path": str(script)}).json()["id"]
    done = first.capture({})
    first.wait_for(done, "done")
    running = first.client.post("/v1/captures", json={"footage": footage}).json()["id"]
    waiting = first.capture({})
    first.wait_for_stage(running)
    worker = first.worker_pid()
    first.kill()
    wait_until_gone(worker)

    second = start_server()
    interrupted = second.state(running)
    assert interrupted["state"] == "interrupted"
    assert "Start it again" in interrupted["error"]["message"]
    assert not (second.data / "captures" / running).exists()
    assert second.state(done)["state"] == "done"
    assert second.client.get(f"/v1/captures/{done}/motion/0").status_code == 200
    second.wait_for(waiting, "done")

    script.write_text("{}")
    assert second.client.post(f"/v1/captures/{running}/restart").status_code == 202
    assert second.wait_for(running, "done")["error"] is None


def test_stop_in_good_order_interrupts_too(start_server: Any) -> None:
    first = start_server()
    running = first.capture({"do": "sleep"})
    first.wait_for_stage(running)
    worker = first.worker_pid()
    first.process.send_signal(signal.SIGINT)
    first.process.wait(timeout=10)
    wait_until_gone(worker)
    assert start_server().state(running)["state"] == "interrupted"


def test_upload_cut_off_by_kill_9_is_cleaned_up(start_server: Any) -> None:
    first = start_server()
    kept = first.upload({})
    capture = first.client.post("/v1/captures", json={"footage": kept}).json()["id"]
    first.wait_for(capture, "done")
    first.upload({}, name="never captured.mp4")
    for orphan in ("footage", "captures"):
        (first.data / orphan / ("f" * 32)).mkdir()
        (first.data / orphan / ("f" * 32) / "half.mp4").write_bytes(b"half")
    first.kill()
    second = start_server()
    assert [folder.name for folder in (second.data / "footage").iterdir()] == [kept]
    assert [folder.name for folder in (second.data / "captures").iterdir()] == [capture]


def test_worker_that_dies_while_idle_is_replaced(start_server: Any) -> None:
    server = start_server()
    server.wait_for(server.capture({}), "done")
    os.kill(server.worker_pid(), signal.SIGKILL)
    time.sleep(0.3)
    server.wait_for(server.capture({}), "done")


def test_second_server_on_the_same_folder_is_refused(start_server: Any) -> None:
    server = start_server()
    code = (
        "import sys; from pathlib import Path; from backend.server import run; run('127.0.0.1', 0, Path(sys.argv[1]))"
    )
    environment = os.environ | {
        "LIMBER_HOME": str(server.data.parent / "home"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
    }
    second = subprocess.run(
        [sys.executable, "-c", code, str(server.data)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode != 0
    assert "Another Limber server uses" in second.stderr


@pytest.mark.parametrize("kind", ["busy in Python", "asleep"])
def test_worker_ends_with_its_server_whatever_it_does(kind: str, tmp_path: Path) -> None:
    """The worker alone, with this test in the place of the server."""
    (tmp_path / "loops.py").write_text(
        "import time\ndef describe(): return 'cpu'\ndef run(*_):\n"
        + ("    while True: pass\n" if kind == "busy in Python" else "    time.sleep(600)\n")
    )
    repository = Path(__file__).resolve().parents[3]
    worker = subprocess.Popen(
        [sys.executable, "-m", "backend.server.worker", "loops"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(repository), str(tmp_path)))},
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert b"ready" in worker.stdout.readline()
    worker.stdin.write(
        b'{"do": "capture", "id": "1", "footage": "x", "folder": "y", "request": {"footage": "%s"}}\n' % (b"0" * 32)
    )
    worker.stdin.flush()
    time.sleep(0.3)
    assert worker.poll() is None
    worker.stdin.close()
    worker.wait(timeout=5)
    worker.stdout.close()
