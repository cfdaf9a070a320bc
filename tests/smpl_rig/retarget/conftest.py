"""For all that find bones."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have maps of their own."""
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path / "limber"))
