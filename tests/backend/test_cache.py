import sys
from pathlib import Path

import pytest

from backend.cache import cache_folder, weights_folder


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIMBER_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert weights_folder() == tmp_path / "mine" / "weights"
    monkeypatch.delenv("LIMBER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    for platform, expected in (
        ("linux", tmp_path / "limber"),
        ("win32", tmp_path / "Limber" / "Cache"),
        ("darwin", Path.home() / "Library" / "Caches" / "Limber"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == expected
