"""Under bpy: an empty scene for each test, and people small enough to be quick."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smpl_rig.body import Body
from smpl_rig.motion import Motion
from smpl_rig.skeleton import JOINT_NAMES, PARENTS

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402

#: 29.97 frames per second, where nothing comes out whole by luck.
NTSC = 30000 / 1001


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have maps of their own."""
    monkeypatch.setenv("LIMBER_HOME", str(tmp_path / "limber"))


@pytest.fixture
def scene() -> Iterator[Any]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield bpy.context.scene
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture(scope="session")
def body(rest_joints: np.ndarray) -> Body:
    """A tetrahedron round each joint; each beta moves every joint in a direction of its own."""
    random = np.random.default_rng(7)
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * 0.02
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    return Body(
        name="tetrahedra",
        gender="neutral",
        v_template=(rest_joints[:, None] + corners).reshape(-1, 3),
        shapedirs=np.repeat(random.normal(0, 0.004, (24, 3, 10)), 4, axis=0),
        posedirs=np.zeros((96, 3, 207)),
        J_regressor=np.repeat(np.eye(24) / 4, 4, axis=1),
        weights=np.repeat(np.eye(24) * 0.75 + np.roll(np.eye(24), 1, axis=1) * 0.25, 4, axis=0),
        kintree_table=np.array([[-1, *PARENTS[1:]], range(24)]),
        f=np.concatenate([faces + 4 * joint for joint in range(24)]),
    )


@pytest.fixture(scope="session")
def make_take(make_motion: Callable[..., Motion], body: Body) -> Callable[..., Motion]:
    """A motion of the tetrahedron body, with betas."""

    def make(**options: Any) -> Motion:
        motion = make_motion(**{"frames": 61, "frame_rate": NTSC} | options)
        betas = np.linspace(-1.5, 1.5, 10)
        shaped = replace(motion, betas=betas, rest_joints=body.rest_joints(betas), body=body.name)
        return shaped.with_pose(motion.local_rotations, motion.trans)

    return make


@pytest.fixture
def person(scene: Any, motion: Motion, body: Body) -> Any:
    """An armature and its mesh, as captured: of the module's ``motion``."""
    fit_scene(scene, motion)
    return build_character(scene, motion, body, smoothness=0)


def joints_in_blender(scene: Any, armature: Any, frames: Any) -> np.ndarray:
    """(T, 24, 3) metres, world: where Blender puts the heads of the joints' bones."""
    places = []
    for frame in frames:
        whole = int(np.floor(frame))
        scene.frame_set(whole, subframe=float(frame - whole))
        world = np.array(armature.matrix_world)
        heads = np.array([armature.pose.bones[name].head for name in JOINT_NAMES])
        places.append(heads @ world[:3, :3].T + world[:3, 3])
    return np.array(places)
