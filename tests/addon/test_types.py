"""The extension's types, checked as it is installed: with its copy of ``smpl_rig`` beside it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mypy")
REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_extension_is_well_typed(build_addon: Any, tmp_path: Path) -> None:
    build_addon.stage(tmp_path / "limber_extension", REPOSITORY / "LICENSE")  # any file does for the body
    command = [sys.executable, "-m", "mypy", "--config-file", str(REPOSITORY / "pyproject.toml")]
    cache = ["--cache-dir", str(REPOSITORY / ".mypy_cache" / "extension")]
    done = subprocess.run(
        [*command, *cache, "-p", "limber_extension"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
