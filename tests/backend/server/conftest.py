"""A real server in a process of its own, on a free port of the loopback interface."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
_SERVE = """
import json, sys
from pathlib import Path
from backend.server.app import ServerSettings
from backend.server.models import Limits
from backend.server.security import HostRule, ensure_token
from backend.server.serving import listen, serve
from smpl_rig.service import token_path
options = json.loads(sys.argv[1])
listener = listen("127.0.0.1", options["port"])
limits = Limits(**options["limits"])
serve(listener, ServerSettings(Path(options["data"]), ensure_token(token_path()), HostRule(0), limits,
      pipeline=options["pipeline"], heartbeat_s=0.2))
"""


@dataclass
class Server:
    """A running server and what a client needs to talk to it."""

    process: subprocess.Popen[str]
    address: str
    token: str
    data: Path
    client: httpx.Client

    def upload(self, script: dict[str, Any] | bytes, name: str = "clip.mp4") -> str:
        content = script if isinstance(script, bytes) else json.dumps(script).encode()
        headers = {"Content-Type": "application/octet-stream"}
        response = self.client.post("/v1/footage", params={"name": name}, content=content, headers=headers)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def capture(self, script: dict[str, Any], **request: Any) -> str:
        """Uploads a script for the synthetic pipeline and queues its capture."""
        response = self.client.post("/v1/captures", json={"footage": self.upload(script), **request})
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    def state(self, capture: str) -> dict[str, Any]:
        response = self.client.get(f"/v1/captures/{capture}")
        assert response.status_code == 200, response.text
        return dict(response.json())

    def wait_for(self, capture: str, *states: str, timeout_s: float = 20) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = self.state(capture)
            if found["state"] in states:
                return found
            time.sleep(0.02)
        raise AssertionError(f"still {found['state']} after {timeout_s} s, not {states}: {found}")

    def wait_for_stage(self, capture: str) -> None:
        """Until the worker is in the midst of the capture."""
        deadline = time.monotonic() + 20
        while self.state(capture)["stage"] is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def worker_pid(self) -> int:
        listing = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        (pid,) = (int(child) for child in listing.split())
        return pid

    def kill(self) -> None:
        """kill -9: it has no chance to say goodbye."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)

    def events(self, capture: str, timeout_s: float = 20) -> Iterator[dict[str, Any]]:
        """The events of a capture to the last one; heartbeats are left out."""
        with self.client.stream("GET", f"/v1/captures/{capture}/events", timeout=timeout_s) as response:
            assert response.status_code == 200
            for line in response.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


StartServer = Callable[..., Server]


def _start(data: Path, home: Path, pipeline: str = "synthetic_pipeline", port: int = 0, **limits: int) -> Server:
    options = {"data": str(data), "port": port, "pipeline": pipeline, "limits": limits}
    environment = os.environ | {
        "LIMBER_HOME": str(home),
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(Path(__file__).parent))),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, json.dumps(options)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("Limber listens on "), said
    address = said.split()[-1]
    token = (home / "token").read_text().strip()
    client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=20, trust_env=False)
    return Server(process, address, token, data, client)


def _end(server: Server) -> None:
    server.client.close()
    if server.process.poll() is None:
        server.process.terminate()
        server.process.wait(timeout=10)
    assert server.process.stdout is not None
    server.process.stdout.close()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers on one data folder; ends them after the test."""
    servers: list[Server] = []

    def start(**options: Any) -> Server:
        server = _start(tmp_path / "data", tmp_path / "home", **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        _end(server)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a file that leave it as they found it."""
    folder = tmp_path_factory.mktemp("server")
    server = _start(folder / "data", folder / "home")
    yield server
    _end(server)
