"""Enabling and disabling, as Blender does it."""

import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")


def _ours() -> set[str]:
    return {name for name in dir(bpy.types) if name.startswith("LIMBER_")}


def _handlers() -> list[Any]:
    names = [name for name in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, name), list)]
    return [handler for name in names for handler in getattr(bpy.app.handlers, name)]


def test_enabling_and_disabling_leaves_nothing_behind(installed: Any) -> None:
    before, types = _handlers(), _ours()
    for _ in range(2):
        installed.enable()
        tick = installed.module("session")._tick
        assert _ours() > types
        assert hasattr(bpy.types.Scene, "limber")
        assert hasattr(bpy.types.Action, "limber_smoothness")
        assert bpy.app.timers.is_registered(tick)
        assert any(thread.name.startswith("Limber") for thread in threading.enumerate())

        installed.disable()
        assert _ours() == types
        assert _handlers() == before
        assert not hasattr(bpy.types.Scene, "limber")
        assert not hasattr(bpy.types.Action, "limber_smoothness")
        assert not hasattr(bpy.ops.limber, "capture") or "capture" not in dir(bpy.ops.limber)
        assert not bpy.app.timers.is_registered(tick)


def test_ids_are_what_blender_wants(limber: Any) -> None:
    kinds = {bpy.types.Operator: "OT", bpy.types.Panel: "PT", bpy.types.Menu: "MT"}
    modules = ("operators", "import_operator", "export_operator", "retarget_operators", "panels", "retarget_panel")
    for registered in (each for name in modules for each in limber.module(name).CLASSES):
        kind = next(kind for base, kind in kinds.items() if issubclass(registered, base))
        assert re.fullmatch(rf"LIMBER_{kind}_[a-z_]+", registered.__name__)
        assert registered.bl_label
        if kind == "OT":
            assert registered.bl_idname == "limber." + registered.__name__.removeprefix("LIMBER_OT_")
            assert registered.__doc__
            assert not registered.__doc__.endswith(".")  # Blender adds one
        else:
            assert registered.bl_idname == registered.__name__
        if kind == "PT":
            assert registered.bl_category == "Limber"


def test_every_property_is_described(limber: Any) -> None:
    settings = bpy.context.scene.limber
    for name in {*settings.bl_rna.properties.keys()} - {"rna_type", "name", "network_name"}:
        assert settings.bl_rna.properties[name].description, name


def test_importing_it_brings_no_numpy_and_no_requests(installed: Any) -> None:
    """They take longer to import than Blender's users should wait for an add-on that they may not use today."""
    folder = Path(sys.modules[f"{installed.name}.client"].__file__ or "").parent
    script = f"""
import sys, types
class Anything(types.ModuleType):
    __path__ = []
    def __getattr__(self, name): return type(name, (), {{"persistent": staticmethod(lambda f: f)}})
    def __call__(self, *a, **k): pass
bpy = Anything("bpy"); bpy.app = Anything("app"); bpy.app.handlers = Anything("handlers"); bpy.types = Anything("types")
bpy.app.handlers.persistent = lambda function: function
props = Anything("bpy.props"); props.__getattr__ = lambda name: (lambda **options: None)
for name in ("Bool", "Collection", "Enum", "Float", "Int", "Pointer", "String"):
    setattr(props, name + "Property", lambda **options: options)
sys.modules |= {{"bpy": bpy, "bpy.props": props}}
sys.path.insert(0, {str(folder.parent)!r})
import {folder.name}
print([name for name in ("numpy", "requests") if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert said.stdout.strip() == "[]", said.stderr
