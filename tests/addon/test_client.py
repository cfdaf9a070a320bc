"""The API's client against a real server."""

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bpy")


@pytest.fixture
def client_module(limber: Any) -> Any:
    return limber.module("client")


@pytest.fixture
def client(client_module: Any, server: Any) -> Iterator[Any]:
    client = client_module.Client(client_module.Connection(server.address, server.token))
    yield client
    client.close()


def test_health_says_what_there_is(client: Any) -> None:
    health = client.health()
    assert health.worker in ("starting", "ready")
    assert "per-frame" in [network.name for network in health.networks if network.ready]
    assert health.upload_bytes > 1e9


def test_an_upload_arrives_whole_and_tells_how_far_it_is(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "größer ätsch.mp4"
    path.write_bytes(bytes(5_000_000))
    told: list[float] = []
    footage = client.upload_footage(path, told.append)
    assert told == sorted(told)
    assert told[0] == 0
    assert told[-1] == 1
    client.delete_footage(footage)


def test_a_refusal_is_told_in_the_backends_words(client: Any, client_module: Any, tmp_path: Path) -> None:
    with pytest.raises(client_module.BackendError, match="nowhere") as refused:
        client.add_footage_path(tmp_path / "nowhere.mp4")
    assert refused.value.code == "footage_not_found"


def test_a_wrong_token_is_told_with_what_to_do(client_module: Any, server: Any) -> None:
    client = client_module.Client(client_module.Connection(server.address, "wrong"))
    with pytest.raises(client_module.BackendError, match="token") as refused:
        client.health()
    assert refused.value.code == "unauthorized"


def test_no_backend_is_told_with_what_to_do(client_module: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = client_module.Client(client_module.Connection(f"http://127.0.0.1:{port}", "token"))
    with pytest.raises(client_module.UnreachableError, match="limber serve"):
        client.health()


@pytest.fixture
def stranger() -> Iterator[str]:
    """A web server that is no backend."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = (302, b"") if "captures" in self.path else (200, b"[]")
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_machine_where_no_backend_ever_ran_is_told_what_to_do(
    limber: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path))
    with pytest.raises(Exception, match=r"^No backend has run on this machine yet\. Run 'limber serve' .* press Start"):
        limber.module("backend_address").connection()


def test_something_else_at_the_address_is_told_apart(client_module: Any, stranger: str) -> None:
    client = client_module.Client(client_module.Connection(stranger, "token"))
    with pytest.raises(client_module.BackendError, match="not a Limber backend"):
        client.health()
    with pytest.raises(client_module.BackendError, match="not a Limber backend"):  # and the redirection is not followed
        client.captures()
    client.close()


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:8765", "ftp://localhost", "http://", "http://a:99999"])
def test_what_is_no_address_is_refused(client_module: Any, address: str) -> None:
    with pytest.raises(client_module.BackendError, match="is not an address"):
        client_module.Connection(address, "token")


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:8765", True),
        ("http://localhost:8765/", True),
        ("http://[::1]:8765", True),
        ("http://127.3.2.1", True),
        ("http://192.168.1.2:8765", False),
        ("https://localhost.example.org", False),
    ],
)
def test_which_addresses_are_this_machine(client_module: Any, address: str, local: bool) -> None:
    assert client_module.is_local(address) is local


@pytest.mark.parametrize(
    ("address", "port"), [("http://127.0.0.1:8765", 8765), ("http://localhost", 80), ("https://[::1]", 443)]
)
def test_the_port_of_an_address(client_module: Any, address: str, port: int) -> None:
    assert client_module.port_of(address) == port
