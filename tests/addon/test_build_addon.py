"""The extension's zip."""

import ast
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ADDON = REPOSITORY / "blender_addon"


def test_the_zip_is_the_same_whenever_its_contents_are(
    build_addon: Any, archive: Path, body_file: Path, tmp_path: Path
) -> None:
    for source in (ADDON / "__init__.py", body_file):
        source.touch()
    assert build_addon.build(tmp_path, body_file).read_bytes() == archive.read_bytes()


def test_the_zip_holds_the_addon_the_rig_and_the_body_and_nothing_else(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
        with opened.open("smpl_rig/bodies/limber.npz") as body, np.load(body, allow_pickle=False) as arrays:
            assert arrays["weights"].shape[1] == 24
    assert {"__init__.py", "blender_manifest.toml", "LICENSE", "smpl_rig/motion.py"} <= names
    assert {Path(name).suffix for name in names} <= {".py", ".toml", ".json", ".npz", ""}
    assert not any("__pycache__" in name for name in names)


def test_blender_finds_the_zip_valid(build_addon: Any, archive: Path) -> None:
    command = build_addon.validation_command()
    if command is None:
        pytest.skip("no Blender and no bpy")
    build_addon.validate(archive, command)


def test_what_blender_refuses_is_refused(build_addon: Any, archive: Path, tmp_path: Path) -> None:
    command = build_addon.validation_command()
    if command is None:
        pytest.skip("no Blender and no bpy")
    spoilt = tmp_path / "limber.zip"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(spoilt, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(
                name, data.replace(b'"limber"', b'"not an id"') if name == "blender_manifest.toml" else data
            )
    with pytest.raises(build_addon.AddonBuildError, match="Blender refuses"):
        build_addon.validate(spoilt, command)


def test_a_blender_that_does_not_exist_is_named(build_addon: Any) -> None:
    with pytest.raises(build_addon.AddonBuildError, match="/nowhere/blender"):
        build_addon.validation_command(Path("/nowhere/blender"))


def test_manifest_and_project_must_agree(
    build_addon: Any, body_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blender_addon").mkdir()
    shutil.copy(ADDON / "blender_manifest.toml", tmp_path / "blender_addon")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "99.0"\n')
    monkeypatch.setattr(build_addon, "REPOSITORY", tmp_path)
    with pytest.raises(build_addon.AddonBuildError, match=r"99\.0"):
        build_addon.build(tmp_path / "dist", body_file)


def test_the_addon_needs_only_what_blender_ships() -> None:
    allowed = sys.stdlib_module_names | {"bpy", "bpy_extras", "mathutils", "numpy", "requests"}
    for source in ADDON.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                named = [node.module or ""]
            else:
                continue
            assert {name.partition(".")[0] for name in named} <= allowed, source
