from pathlib import Path

import pytest

from backend.blender_process import BlenderError, run_in_blender


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Modules that lie there are found first."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_warnings_are_told_apart(folder: Path) -> None:
    (folder / "work.py").write_text("import sys; print('Read', sys.argv[1]); print('warning: It is big.'); print('ok')")
    assert run_in_blender("work", ["rig.fbx"]) == (["It is big."], ["Read rig.fbx", "ok"])


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("import sys; print('out of it'); sys.exit('first\\nNo such rig.')", "No such rig."),
        ("print('Blender crashed'); raise SystemExit(3)", "Blender crashed"),
        ("raise SystemExit(3)", "Blender gave no reason."),
        ("import bpy", "No module named 'bpy'. Install it with: pip install 'limber[blender]'"),
    ],
)
def test_what_went_wrong_is_told(work: str, said: str, folder: Path) -> None:
    (folder / "bpy.py").write_text("raise ModuleNotFoundError(\"No module named 'bpy'\")")  # as where there is none
    (folder / "work.py").write_text(work)
    with pytest.raises(BlenderError) as refusal:
        run_in_blender("work", [])
    assert str(refusal.value).endswith(said)
