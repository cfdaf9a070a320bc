"""A backend started from Blender."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bpy")


@pytest.fixture
def address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def module(limber: Any) -> Any:
    return limber.module("backend_process")


def environment(folder: Path, script: str) -> Path:
    """An environment whose ``limber`` is a script."""
    if sys.platform == "win32":
        pytest.skip("scripts are no programs on Windows")
    (folder / "bin").mkdir()
    program = folder / "bin" / "limber"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return folder


def test_it_starts_answers_and_ends(
    limber: Any, module: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: Any
) -> None:
    installed = Path(sys.executable).parent.parent
    if not (installed / "bin" / "limber").is_file():
        pytest.skip("limber is not installed in this environment")
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path / "home"))
    limber.preferences.address = address
    process = module.BackendProcess(tmp_path / "logs" / "backend.log")
    process.start(installed, address)
    assert process.is_running
    with pytest.raises(module.BackendProcessError, match="still runs"):
        process.start(installed, address)
    client = limber.module("client")

    def answers() -> bool:
        try:
            client.Client(limber.module("backend_address").connection()).health()
        except Exception:
            assert process.failure == ""
            return False
        return True

    wait_until(answers)
    process.end()
    assert not process.is_running
    assert not answers()
    assert "Limber listens on" in process.log.read_text()


def test_stopping_is_no_failure(module: Any, address: str, tmp_path: Path, wait_until: Any) -> None:
    process = module.BackendProcess(tmp_path / "backend.log")
    process.start(environment(tmp_path, "exec sleep 60"), address)
    process.stop()
    wait_until(lambda: not process.is_running)
    assert process.failure == ""
    process.end()


def test_a_backend_that_ends_by_itself_is_told_with_its_last_words(
    module: Any, address: str, tmp_path: Path, wait_until: Any
) -> None:
    process = module.BackendProcess(tmp_path / "backend.log")
    process.start(environment(tmp_path, 'echo "limber: port taken" >&2; exit 3'), address)
    wait_until(lambda: not process.is_running)
    assert "status 3" in process.failure
    assert "port taken" in process.failure
    assert str(tmp_path / "backend.log") in process.failure
    process.end()


def test_last_words_that_end_a_sentence_do_so_once(module: Any, address: str, tmp_path: Path, wait_until: Any) -> None:
    process = module.BackendProcess(tmp_path / "backend.log")
    process.start(environment(tmp_path, 'echo "limber: No room is left." >&2; exit 3'), address)
    wait_until(lambda: not process.is_running)
    assert "No room is left. Its log" in process.failure
    process.end()


def test_a_port_that_another_program_uses_is_told_before_anything_is_started(module: Any, tmp_path: Path) -> None:
    process = module.BackendProcess(tmp_path / "backend.log")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(module.BackendProcessError, match=f"uses port {port} .* Backend another port"):
            process.start(environment(tmp_path, "exec sleep 60"), f"http://127.0.0.1:{port}")
    assert not process.is_running


def test_one_that_does_not_listen_is_killed(module: Any, address: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_GOODBYE_S", 0.2)
    process = module.BackendProcess(tmp_path / "backend.log")
    process.start(environment(tmp_path, "trap '' TERM; echo up; while :; do sleep 0.1; done"), address)
    while "up" not in process.log.read_text():
        pass
    process.end()
    assert not process.is_running


def test_a_folder_without_limber_is_named(module: Any, address: str, tmp_path: Path) -> None:
    with pytest.raises(module.BackendProcessError, match=str(tmp_path)):
        module.BackendProcess(tmp_path / "backend.log").start(tmp_path, address)


def test_only_this_machine_can_be_started(module: Any, tmp_path: Path) -> None:
    with pytest.raises(module.BackendProcessError, match="another machine"):
        module.BackendProcess(tmp_path / "backend.log").start(tmp_path, "http://192.0.2.1:8765")


def test_without_an_environment_the_button_says_what_to_do(limber: Any) -> None:
    import bpy

    with pytest.raises(RuntimeError, match="limber serve"):
        bpy.ops.limber.start_backend()
