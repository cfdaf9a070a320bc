from typing import Any

import pytest

from backend.cli import main


def test_nothing_to_export_and_the_list(capsys: Any) -> None:
    assert main(["export"]) == 1
    assert "Nothing to export" in capsys.readouterr().err
    assert main(["export", "--presets"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == ["godot", "limber", "maya", "mixamo", "unity", "unreal"]


def test_an_unknown_format_is_named(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["export", "a.npz", "-o", "out", "--format", "fbx,obj"])
    assert "'obj' is not one of fbx" in capsys.readouterr().err
