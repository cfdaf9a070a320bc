"""The built extension, installed by Blender itself, and a real server in a process of its own."""

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
#: Where the server runs; Blender's own Python need not have what the backend needs.
SERVER_PYTHON = os.environ.get("LIMBER_SERVER_PYTHON", sys.executable)
_SERVE = """
import json, sys
from pathlib import Path
from backend.server.app import ServerSettings
from backend.server.security import HostRule, ensure_token
from backend.server.serving import listen, serve
from smpl_rig.service import token_path
options = json.loads(sys.argv[1])
settings = ServerSettings(Path(options["data"]), ensure_token(token_path()), HostRule(0), pipeline="addon_pipeline")
serve(listen("127.0.0.1", options["port"]), settings)
"""


@pytest.fixture(scope="session")
def body_file() -> Path:
    """The embedded body, as the server's environment has it."""
    script = "from backend.body import body_path; print(body_path())"
    said = subprocess.run(
        [SERVER_PYTHON, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    return Path(said.strip().splitlines()[-1])


@pytest.fixture(scope="session")
def archive(body_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip."""
    return _build_addon().build(tmp_path_factory.mktemp("dist"), body_file)


@pytest.fixture(scope="session")
def build_addon() -> Any:
    return _build_addon()


def _build_addon() -> Any:
    sys.path.insert(0, str(REPOSITORY))
    try:
        return importlib.import_module("build_addon")
    finally:
        sys.path.remove(str(REPOSITORY))


@dataclass
class Extension:
    """The installed extension."""

    name: str

    def enable(self) -> None:
        import addon_utils

        assert addon_utils.enable(self.name, default_set=True) is not None

    def disable(self) -> None:
        import addon_utils

        addon_utils.disable(self.name, default_set=True)

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self.name}.{name}")

    @property
    def session(self) -> Any:
        return self.module("session").current()

    @property
    def preferences(self) -> Any:
        return self.module("backend_address").preferences()


@pytest.fixture(scope="module")  # other modules' tests load factory preferences, which forget the repository
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Extension]:
    """Installed from its zip into a repository of its own, and not enabled."""
    bpy = pytest.importorskip("bpy")
    repositories = bpy.context.preferences.extensions.repos
    folder = tmp_path_factory.mktemp("extensions")
    repository = repositories.new(name="Limber tests", module="limber_tests", custom_directory=str(folder))
    installed = bpy.ops.extensions.package_install_files(
        repo=repository.module, filepath=str(archive), enable_on_install=False
    )
    assert installed == {"FINISHED"}
    yield Extension("bl_ext.limber_tests.limber")
    repositories.remove(repository)


@pytest.fixture
def limber(installed: Extension) -> Iterator[Extension]:
    """The extension enabled in an empty scene, with its preferences as they come."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    installed.enable()
    yield installed
    installed.disable()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    address: str
    token: str
    footage: Path

    def script(self, **script: Any) -> Path:
        """Footage for the pipeline of these tests."""
        self.footage.mkdir(exist_ok=True)
        path = self.footage / f"clip{len(list(self.footage.iterdir()))}.mp4"
        path.write_text(json.dumps(script))
        return path

    def end(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)
        assert self.process.stdout is not None
        self.process.stdout.close()


StartServer = Callable[..., Server]


def _start(folder: Path, port: int = 0) -> Server:
    environment = os.environ | {
        "LIMBER_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(Path(__file__).parent))),
    }
    process = subprocess.Popen(
        [SERVER_PYTHON, "-c", _SERVE, json.dumps({"data": str(folder / "data"), "port": port})],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("Limber listens on "), said
    token = (folder / "home" / "token").read_text().strip()
    return Server(process, said.split()[-1], token, folder / "footage")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it as they found it."""
    server = _start(tmp_path_factory.mktemp("server"))
    yield server
    server.end()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts servers on one data folder; ends them after the test."""
    servers: list[Server] = []

    def start(port: int = 0) -> Server:
        servers.append(_start(tmp_path, port))
        return servers[-1]

    yield start
    for each in servers:
        if each.process.poll() is None:
            each.end()


@pytest.fixture
def connected(limber: Extension, server: Server) -> Extension:
    """The extension with the server's address and token in its preferences."""
    limber.preferences.address = server.address
    limber.preferences.token = server.token
    return limber


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return _wait_until


def _wait_until(holds: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {timeout_s} s"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """What the add-on starts, it ends."""
    yield
    _wait_until(lambda: not any(thread.name.startswith("Limber") for thread in threading.enumerate()), 5)
