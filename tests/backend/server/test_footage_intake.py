import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from backend.server.footage_intake import safe_name

UPLOAD = {"Content-Type": "application/octet-stream"}
MEGABYTE = 1 << 20


def uploads(server: Any) -> set[str]:
    return {folder.name for folder in (server.data / "footage").iterdir()}


def wait_for_uploads(server: Any, expected: set[str]) -> None:
    deadline = time.monotonic() + 5
    while uploads(server) != expected:
        assert time.monotonic() < deadline, uploads(server) - expected
        time.sleep(0.02)


def test_upload_is_kept_bit_for_bit(server: Any) -> None:
    content = os.urandom(3 * MEGABYTE + 17)
    footage = server.upload(content, name="Müller läuft.mov")
    (file,) = (server.data / "footage" / footage).iterdir()
    assert file.name == "Müller läuft.mov"
    assert file.read_bytes() == content
    assert server.client.delete(f"/v1/footage/{footage}").status_code == 204
    assert footage not in uploads(server)


def test_upload_of_unknown_length(server: Any) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    answer = server.client.post("/v1/footage?name=long.mp4", content=parts(), headers=UPLOAD)
    assert answer.status_code == 201
    assert answer.json()["size_bytes"] == 4_000_000
    assert answer.json()["uploaded"] is True


def test_too_large_upload_is_refused_by_its_announced_length(start_server: Any) -> None:
    server = start_server(upload_bytes=MEGABYTE)
    answer = server.client.post("/v1/footage", content=b"x" * (MEGABYTE + 1), headers=UPLOAD)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert uploads(server) == set()


def test_too_large_upload_is_refused_while_it_comes_and_leaves_nothing(start_server: Any) -> None:
    server = start_server(upload_bytes=MEGABYTE)

    def endless() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 50_000

    answer = server.client.post("/v1/footage", content=endless(), headers=UPLOAD)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert uploads(server) == set()
    assert server.client.post("/v1/footage", content=b"x" * MEGABYTE, headers=UPLOAD).status_code == 201


def test_requests_reads_the_refusal_of_a_large_upload(start_server: Any, tmp_path: Path) -> None:
    """The add-on uploads with requests, which may still be sending when it is refused."""
    server = start_server(upload_bytes=MEGABYTE)
    large = tmp_path / "large.mp4"
    large.write_bytes(b"x" * 20 * MEGABYTE)
    headers = UPLOAD | {"Authorization": f"Bearer {server.token}"}
    with large.open("rb") as file:
        answer = requests.post(f"{server.address}/v1/footage", data=file, headers=headers, timeout=20)
    assert answer.status_code == 413


def test_large_json_is_refused(server: Any) -> None:
    answer = server.client.post("/v1/captures", json={"footage": "0" * 100_000})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_client_that_goes_away_leaves_nothing(server: Any) -> None:
    before = uploads(server)
    host, port = server.address.removeprefix("http://").split(":")
    with contextlib.closing(socket.create_connection((host, int(port)))) as connection:
        head = (
            f"POST /v1/footage?name=half.mp4 HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {server.token}\r\n"
            f"Content-Type: application/octet-stream\r\nContent-Length: {50 * MEGABYTE}\r\n\r\n"
        )
        connection.sendall(head.encode() + b"x" * 5 * MEGABYTE)
        deadline = time.monotonic() + 5
        while uploads(server) == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    wait_for_uploads(server, before)


def test_empty_upload_is_refused(server: Any) -> None:
    before = uploads(server)
    answer = server.client.post("/v1/footage", content=b"", headers=UPLOAD)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "empty_footage")
    assert uploads(server) == before


def test_other_content_types_are_refused(server: Any) -> None:
    answer = server.client.post("/v1/footage", files={"file": b"x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


def test_file_and_folder_on_this_machine(server: Any, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"12345")
    answer = server.client.post("/v1/footage", json={"path": str(clip)})
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["size_bytes"], answer.json()["uploaded"]) == ("clip.mp4", 5, False)
    assert server.client.post("/v1/footage", json={"path": str(tmp_path)}).status_code == 404
    (tmp_path / "shot_0007.png").write_bytes(b"12345")
    answer = server.client.post("/v1/footage", json={"path": str(tmp_path)})
    assert (answer.status_code, answer.json()["size_bytes"]) == (201, None)


def test_pattern_of_images_on_this_machine(server: Any, tmp_path: Path) -> None:
    shot = tmp_path / "shot"
    shot.mkdir()
    (shot / "a_0007.png").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(shot)
    answer = server.client.post("/v1/footage", json={"path": str(tmp_path / "link" / "a_%04d.png")})
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["size_bytes"], answer.json()["uploaded"]) == (
        "a_%04d.png",
        None,
        False,
    )
    for nothing in (shot / "b_%04d.png", shot / "a_%05d.png", tmp_path / "nowhere" / "a_%04d.png"):
        answer = server.client.post("/v1/footage", json={"path": str(nothing)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "footage_not_found"), nothing
        assert str(nothing) in answer.json()["error"]["message"]


def test_paths_that_are_no_footage(server: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    for path, said in (
        ("/dev/zero", "is no file"),
        (tmp_path / "pipe", "is no file"),
        (tmp_path / "empty", "holds no images"),
        (tmp_path / "a_%04d.png", "stands for no images"),
        (tmp_path / "missing.mp4", "No such file"),
        ("/" + "a" * 4000, "name too long"),
    ):
        answer = server.client.post("/v1/footage", json={"path": str(path)})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "footage_not_found"), path
        assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["clip.mp4", "../clip.mp4", "~/clip.mp4", "", "file:///clip.mp4", "/a\0b", 5, None])
def test_paths_that_are_not_absolute(server: Any, path: object) -> None:
    answer = server.client.post("/v1/footage", json={"path": path})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'{"path": "/x", "also": 1}', b""])
def test_json_that_is_none(server: Any, body: bytes) -> None:
    answer = server.client.post("/v1/footage", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("clip.mp4", "clip.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\clip.mp4", "clip.mp4"),
        ("..", "footage"),
        ("", "footage"),
        ("CON.mp4", "_CON.mp4"),
        ("frame_%04d.png", "frame__04d.png"),
        ("a\0b\n.mp4", "a_b_.mp4"),
        (".hidden", "hidden"),
        ("trailing. ", "trailing"),
    ],
)
def test_safe_names(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


@given(st.text())
def test_any_name_becomes_one_that_stays_in_its_folder(name: str) -> None:
    safe = safe_name(name)
    assert Path(safe).name == safe
    assert safe not in ("", ".", "..")
    assert 0 < len(safe.encode()) <= 200
    assert safe_name(safe) == safe


def test_upload_with_a_hostile_name_stays_in_its_folder(server: Any) -> None:
    footage = server.upload(b"{}", name="../../../evil.mp4")
    (file,) = (server.data / "footage" / footage).iterdir()
    assert file.name == "evil.mp4"


def test_ids_lead_nowhere_else(server: Any) -> None:
    for hostile in ("..%2f..%2fcaptures.sqlite", "%2e%2e", "a" * 31, "A" * 32, "0" * 32 + "%0a"):
        answer = httpx.get(
            f"{server.address}/v1/captures/{hostile}/motion/0",
            headers={"Authorization": f"Bearer {server.token}"},
            trust_env=False,
        )
        assert answer.status_code in (404, 422), hostile
        assert answer.json()["error"]["message"]
