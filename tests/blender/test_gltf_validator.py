"""glTF files by the judgement of the Khronos Group's own validator.

It is a package of npm: ``npm install --global gltf-validator``, or in any folder that ``NODE_PATH`` names.
"""

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
from smpl_rig.blender.exporters import export_glb  # noqa: E402
from smpl_rig.blender.preset_export import export_with_preset  # noqa: E402
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.exports.preset import presets  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402

_PROGRAM = """
const fs = require('fs');
require('gltf-validator').validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then((report) => console.log(JSON.stringify(report)));
"""


def _environment() -> dict[str, str]:
    """Where globally installed packages lie is not where node looks by itself."""
    folders = [os.environ.get("NODE_PATH", "")]
    if shutil.which("npm"):
        found = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, check=False)
        folders.append(found.stdout.strip())
    return os.environ | {"NODE_PATH": os.pathsep.join(folder for folder in folders if folder)}


@pytest.fixture(scope="module")
def validate() -> Callable[[Path], dict[str, Any]]:
    """What the validator says of a file."""
    if not shutil.which("node"):
        pytest.skip("node is not installed (Debian: apt-get install nodejs npm)")
    environment = _environment()
    probe = subprocess.run(
        ["node", "-e", "require('gltf-validator')"], env=environment, capture_output=True, check=False
    )
    if probe.returncode:
        pytest.skip("the Khronos validator is not installed (npm install --global gltf-validator)")

    def run(path: Path) -> dict[str, Any]:
        command = ["node", "-e", _PROGRAM, str(path)]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        report: dict[str, Any] = json.loads(said)
        return report

    return run


@pytest.mark.parametrize("name", [None, *presets()])
def test_files_are_valid(
    scene: Any,
    make_take: Callable[..., Motion],
    body: Body,
    tmp_path: Path,
    validate: Callable[[Path], dict[str, Any]],
    name: str | None,
) -> None:
    motion = make_take(frames=31)
    fit_scene(scene, motion)
    person = build_character(scene, motion, body, smoothness=0)
    if name is None:
        export_glb(person, tmp_path / "take.glb")
    else:
        export_with_preset(person, tmp_path / "take.glb", presets()[name])
    report = validate(tmp_path / "take.glb")
    assert report["issues"]["numErrors"] == 0, report["issues"]["messages"]
    codes = {message["code"] for message in report["issues"]["messages"] if message["severity"] == 1}
    # Blender hangs the mesh on the armature's node, which moves nothing: it is the identity
    assert codes <= {"NODE_SKINNED_MESH_NON_ROOT"}, report["issues"]["messages"]
    assert report["info"]["animationCount"] == 1
    assert report["info"]["maxInfluences"] <= 4
    assert report["info"]["hasSkins"] is True


def test_the_validator_finds_what_is_wrong(tmp_path: Path, validate: Callable[[Path], dict[str, Any]]) -> None:
    (tmp_path / "wrong.gltf").write_text('{"asset": {"version": "2.0"}, "scene": 3}')
    assert validate(tmp_path / "wrong.gltf")["issues"]["numErrors"] > 0
