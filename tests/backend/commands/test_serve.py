import pytest

from backend import cli
from backend.server.models import Limits


def test_serve_bounds_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Limits] = []
    monkeypatch.setattr("backend.server.run", lambda *_, limits, **__: asked.append(limits))
    for arguments in ([], ["--keep", "3", "--keep-gb", "0.5"]):
        assert cli.main(["serve", *arguments]) == 0
    assert asked == [Limits(), Limits(kept_captures=3, kept_bytes=512 * 1024**2)]
    for wrong in (["--keep", "0"], ["--keep-gb", "-1"]):
        with pytest.raises(SystemExit):
            cli.main(["serve", *wrong])
