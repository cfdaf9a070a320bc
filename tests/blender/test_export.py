import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.axes import WORLD_FROM_BODY  # noqa: E402
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.refine import refine  # noqa: E402
from smpl_rig.skeleton import JOINT_NAMES  # noqa: E402

from .readers import read_bvh, read_glb  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(bool(bpy.app.binary_path), reason="this is a Blender executable, not the bpy module")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "smpl_rig.blender.export", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def test_a_motion_file_becomes_every_format(make_take: Callable[..., Motion], body: Body, tmp_path: Path) -> None:
    motion = make_take(noise_rad=0.05)
    motion.save(tmp_path / "person_0.npz")
    body.save(tmp_path / "body.npz")
    outputs = [tmp_path / f"take.{ending}" for ending in ("fbx", "bvh", "glb")]
    exports = [word for output in outputs for word in ("--export", output)]
    finished = run(tmp_path / "person_0.npz", "--body", tmp_path / "body.npz", *exports, "--smoothness", 1)
    assert finished.returncode == 0, finished.stderr
    assert all(output.stat().st_size for output in outputs)
    for take in (read_bvh(outputs[1]), read_glb(outputs[2])):
        places = np.stack([take.places[name] for name in JOINT_NAMES], axis=1) @ WORLD_FROM_BODY.T
        np.testing.assert_allclose(places, refine(motion, 1).joints_world, atol=1e-3)


def test_a_users_error_is_one_line(tmp_path: Path) -> None:
    finished = run(tmp_path / "gone.npz", "--export", tmp_path / "take.fbx")
    assert finished.returncode == 1
    assert (
        finished.stderr.strip().splitlines()[-1]
        == f"{tmp_path / 'gone.npz'} does not exist. Choose a Motion file (.npz)."
    )
    assert list(tmp_path.iterdir()) == []
