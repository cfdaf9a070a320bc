import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.server.errors import ServerError
from backend.server.security import HostRule, ensure_token, is_loopback
from backend.server.serving import listen, run
from smpl_rig import service

PATHS = ("/v1/health", "/v1/captures", "/v1/openapi.json", "/v1/footage", "/nothing")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x"]
)
def test_nothing_without_the_token(server: Any, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.format(token=server.token)}
    answer = httpx.get(server.address + path, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "unauthorized"


def test_token_that_is_not_ascii_is_refused(server: Any) -> None:
    answer = httpx.get(server.address + "/v1/health", headers={b"Authorization": b"Bearer \xff\xfe"}, trust_env=False)
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1", "localhost:1", "[::1]", "a b"])
def test_other_hosts_are_refused_even_with_the_token(server: Any, name: str) -> None:
    answer = server.client.get("/v1/health", headers={"Host": name})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "wrong_host")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_own_names_are_answered(server: Any, name: str) -> None:
    port = server.address.rsplit(":", 1)[-1]
    assert server.client.get("/v1/health", headers={"Host": f"{name}:{port}"}).status_code == 200


def test_no_page_of_another_origin_may_ask(server: Any) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in (
        server.client.options("/v1/health", headers=headers),
        server.client.get("/v1/health", headers=headers),
    ):
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_what_is_kept_is_for_its_user_alone(server: Any) -> None:
    server.wait_for(server.capture({}), "done")
    assert stat.S_IMODE((server.data / "captures.sqlite").stat().st_mode) == 0o600
    folders = [server.data, *(server.data / "captures").iterdir(), *(server.data / "footage").iterdir()]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_host_rule_for_other_machines() -> None:
    rule = HostRule(8765, remote=True)
    assert rule.allows("192.168.1.20:8765")
    assert rule.allows("[fe80::1]:8765")
    assert not rule.allows("evil.example:8765")
    assert not rule.allows("192.168.1.20:80")
    assert not HostRule(8765).allows("192.168.1.20:8765")
    assert HostRule(80).allows("localhost")


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.20", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_other_machines_only_when_asked_explicitly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path))
    with pytest.raises(ServerError, match=r"0\.0\.0\.0 can be reached by other machines"):
        run("0.0.0.0", 0, tmp_path)
    assert not (tmp_path / "token").exists()


def test_port_in_use_is_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} .*another --port"):
            listen("127.0.0.1", port)


def test_token_is_made_once_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "token"
    token = ensure_token(path)
    assert len(token) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    assert ensure_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("content", ["", "short", "x" * 40 + "\nsecond line", "ü" * 50])
def test_worthless_token_is_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    assert ensure_token(path) != content
    assert ensure_token(path) == path.read_text().strip()


def test_token_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="LIMBER_HOME"):
        ensure_token(tmp_path / "file" / "token")


def test_add_on_finds_the_token_that_the_server_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path))
    token = ensure_token(service.token_path())
    code = "from smpl_rig import service; import sys; print(service.read_token()); assert 'numpy' not in sys.modules"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == token
