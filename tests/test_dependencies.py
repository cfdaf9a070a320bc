"""The direction of the design: smpl_rig needs numpy only; add-on and backend never meet."""

import ast
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
STANDARD = set(sys.stdlib_module_names)
ALLOWED = {
    "smpl_rig": {"numpy"},
    "smpl_rig/blender": {"numpy", "bpy", "bpy_extras", "mathutils", "addon_utils"},
    "blender_addon": {"numpy", "bpy", "requests"},
}


def imported(path: Path) -> set[str]:
    """Top-level names of the absolute imports of a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names - STANDARD


def files(folder: str) -> list[Path]:
    found = sorted((REPOSITORY / folder).rglob("*.py"))
    inner = [REPOSITORY / other for other in ALLOWED if other.startswith(f"{folder}/")]
    return [path for path in found if not any(path.is_relative_to(other) for other in inner)]


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_only_what_is_allowed(folder: str) -> None:
    assert files(folder)
    for path in files(folder):
        assert imported(path) <= ALLOWED[folder], path


def test_the_backend_never_imports_the_add_on() -> None:
    for path in files("backend"):
        assert not imported(path) & {"blender_addon", "bpy"}, path
