"""The direction of the design: smpl_rig needs numpy only; add-on and backend never meet."""

import ast
import sys
from graphlib import TopologicalSorter
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
    """Of a folder, without those that another rule is about."""
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


def modules() -> dict[str, Path]:
    """Ours, by the names under which they import each other."""
    named = {}
    for folder in ("backend", "blender_addon", "smpl_rig"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imported_modules(name: str, known: dict[str, Path]) -> set[str]:
    """Those of ours that a module imports, wherever in it that stands."""
    package = name if known[name].name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            source = source.removeprefix("blender_addon.") if "smpl_rig" in source else source
            names = {f"{source}.{alias.name}" for alias in node.names}
            found |= {each for each in names if each in known} or {source}
    return (found & known.keys()) - {name}


def test_no_module_imports_itself_through_others() -> None:
    known = modules()
    graph = {name: imported_modules(name, known) for name in known}
    assert "smpl_rig.errors" in graph["blender_addon.session"]
    assert "backend.footage" in graph["backend.capture"]
    TopologicalSorter(graph).prepare()
