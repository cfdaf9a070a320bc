"""glTF files by the judgement of the Khronos Group's own validator, a package of npm: ``make validator``."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.preset_export import export_with_preset  # noqa: E402
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.exports.preset import presets  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402

_PROGRAM = """
const fs = require('fs');
require('gltf-validator').validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then((report) => console.log(JSON.stringify(report)));
"""


#: Where ``make validator`` puts it.
_PACKAGES = Path(__file__).resolve().parents[2] / ".venv" / "node_modules"


@pytest.fixture(scope="module")
def validate() -> Callable[[Path], dict[str, Any]]:
    """What the validator says of a file."""
    if not shutil.which("node"):
        pytest.skip("node is not installed (Debian: apt-get install nodejs npm)")
    if not (_PACKAGES / "gltf-validator").is_dir():
        pytest.skip("the Khronos validator is not installed (make validator)")
    environment = os.environ | {"NODE_PATH": str(_PACKAGES)}

    def run(path: Path) -> dict[str, Any]:
        command = ["node", "-e", _PROGRAM, str(path)]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        report: dict[str, Any] = json.loads(said)
        return report

    return run


@pytest.mark.parametrize("name", presets())
def test_files_are_valid(
    scene: Any,
    make_take: Callable[..., Motion],
    body: Body,
    tmp_path: Path,
    validate: Callable[[Path], dict[str, Any]],
    name: str,
) -> None:
    motion = make_take(frames=31)
    fit_scene(scene, motion)
    person = build_character(scene, motion, body, smoothness=0)
    assert export_with_preset(person, tmp_path / "take.glb", presets()[name]) == []
    report = validate(tmp_path / "take.glb")
    assert report["issues"]["numErrors"] == report["issues"]["numWarnings"] == 0, report["issues"]["messages"]
    assert report["info"]["animationCount"] == 1
    assert report["info"]["maxInfluences"] <= 4
    assert report["info"]["hasSkins"] is True


def test_the_validator_finds_what_is_wrong(tmp_path: Path, validate: Callable[[Path], dict[str, Any]]) -> None:
    (tmp_path / "wrong.gltf").write_text('{"asset": {"version": "2.0"}, "scene": 3}')
    assert validate(tmp_path / "wrong.gltf")["issues"]["numErrors"] > 0
