from pathlib import Path

import pytest

from smpl_rig import service


def test_own_folder_goes_before_the_platforms() -> None:
    for platform in ("linux", "darwin", "win32"):
        environment = {"LIMBER_HOME": "/somewhere", "XDG_DATA_HOME": "/xdg", "LOCALAPPDATA": "/local"}
        assert service.data_folder(platform, environment) == Path("/somewhere")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, Path.home() / ".local/share/limber"),
        ("linux", {"XDG_DATA_HOME": "/xdg"}, Path("/xdg/limber")),
        ("linux", {"XDG_DATA_HOME": "relative"}, Path.home() / ".local/share/limber"),
        ("darwin", {"XDG_DATA_HOME": "/xdg"}, Path.home() / "Library/Application Support/Limber"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/Limber")),
        ("win32", {}, Path.home() / "AppData/Local/Limber"),
    ],
)
def test_platforms_own_folder(platform: str, environment: dict[str, str], expected: Path) -> None:
    assert service.data_folder(platform, environment) == expected


def test_token_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path))
    with pytest.raises(service.ServiceError, match="limber serve"):
        service.read_token()


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe"])
def test_token_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path))
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(service.ServiceError, match="start the backend again"):
        service.read_token()
