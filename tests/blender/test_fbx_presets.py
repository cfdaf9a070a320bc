"""What the programs that FBX presets are for need of a file, by the eyes of assimp.

Unreal Engine takes an object called Armature for no bone, and needs one root. Unity's avatars and HumanIK need a figure
that stands in a T-pose, arms along X, facing +Z (the former in the nodes, the latter on a frame). All of them trip over
nodes that are turned or scaled, and over frames beside the frames.
"""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from smpl_rig.blender.animation import fit_scene  # noqa: E402
from smpl_rig.blender.character import build_character  # noqa: E402
from smpl_rig.blender.preset_export import export_with_preset  # noqa: E402
from smpl_rig.body import Body  # noqa: E402
from smpl_rig.exports.preset import Preset, preset, presets  # noqa: E402
from smpl_rig.motion import Motion  # noqa: E402
from smpl_rig.skeleton import INDEX, JOINT_NAMES  # noqa: E402

from .readers import read_assimp  # noqa: E402

MILLIMETRE = 1e-3
FRAMES = 31

pytestmark = pytest.mark.skipif(
    shutil.which("assimp") is None, reason="assimp is not installed (Debian: apt-get install assimp-utils)"
)
every_preset = pytest.mark.parametrize("chosen", presets().values(), ids=lambda each: each.name)


@pytest.fixture
def export(
    scene: Any, make_take: Callable[..., Motion], body: Body, tmp_path: Path
) -> Callable[[Preset, float], tuple[Motion, Path]]:
    def run(chosen: Preset, rate: float = 30.0) -> tuple[Motion, Path]:
        motion = make_take(frames=FRAMES, frame_rate=rate)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        fit_scene(bpy.context.scene, motion)
        bpy.context.scene.name = "Take one"  # the take is called so all the same
        person = build_character(bpy.context.scene, motion, body, "Take one", smoothness=0)
        assert export_with_preset(person, tmp_path / "take.fbx", chosen) == []
        assert [each.name for each in bpy.data.scenes] == ["Take one"]
        return motion, tmp_path / "take.fbx"

    return run


def settings_of(path: Path) -> dict[str, float]:
    """Numbers of GlobalSettings and of the one take: each is a record, ``P: name, type, label, flags, value``."""
    raw = path.read_bytes()
    found = {}
    for name, code in (
        ("UnitScaleFactor", "d"), ("CustomFrameRate", "d"), ("TimeMode", "i"), ("UpAxis", "i"), ("UpAxisSign", "i"),
        ("FrontAxis", "i"), ("FrontAxisSign", "i"), ("LocalStart", "q"), ("LocalStop", "q"),
    ):  # fmt: skip
        # templates of what objects are like unless they say so come before the objects
        place = raw.rindex(b"S" + struct.pack("<I", len(name)) + name.encode()) + 5 + len(name)
        for _ in range(3):  # type, label, flags
            assert raw[place : place + 1] == b"S"
            place += 5 + struct.unpack_from("<I", raw, place + 1)[0]
        kind = raw[place : place + 1].decode()
        assert kind == {"d": "D", "i": "I", "q": "L"}[code]
        (found[name],) = struct.unpack_from(f"<{code}", raw, place + 1)
    return found


@every_preset
def test_unit_axes_and_nodes(export: Callable[..., tuple[Motion, Path]], chosen: Preset) -> None:
    _, path = export(chosen)
    settings = settings_of(path)
    assert settings["UnitScaleFactor"] == pytest.approx(100 * chosen.unit_m)  # in centimetres
    axes = {"X": 0, "Y": 1, "Z": 2}
    assert (settings["UpAxis"], settings["UpAxisSign"]) == (axes[chosen.up[-1]], -1 if chosen.up[0] == "-" else 1)
    # FBX calls front the axis that comes towards the viewer, where a figure looks
    front = 1 if chosen.faces[0] != "-" else -1
    assert (settings["FrontAxis"], settings["FrontAxisSign"]) == (axes[chosen.faces[-1]], front)
    take = read_assimp(path)
    armature = chosen.armature or "Take one"
    for node in (armature, "Take one mesh"):
        np.testing.assert_allclose(take.standing[node], np.eye(4), atol=1e-5)
    sizes = [np.linalg.norm(matrix[:3, :3], axis=0) for matrix in take.standing.values()]
    np.testing.assert_allclose(sizes, 1, atol=1e-5)
    roots = {bone for bone in take.bones if take.parents[bone] not in take.bones}
    assert roots == {chosen.root_bone or chosen.names["pelvis"]}
    assert {take.parents[root] for root in roots} == {armature}


@every_preset
def test_it_stands_in_a_t_pose(export: Callable[..., tuple[Motion, Path]], chosen: Preset) -> None:
    """The nodes do, and where the preset says so the first frame: the body's own rest pose, on the floor."""
    motion, path = export(chosen)
    take = read_assimp(path)
    standing = np.array([take.standing[chosen.names[joint]][:3, 3] for joint in JOINT_NAMES]) * chosen.unit_m
    rest = motion.rest_joints - motion.rest_joints[0]  # Y up, faces +Z
    if chosen.up == "Z":
        rest = rest[:, [0, 2, 1]] * [1, -1, 1]
    np.testing.assert_allclose(standing - standing[0], rest, atol=MILLIMETRE)
    up = "XYZ".index(chosen.up)
    assert 0 < standing[:, up].min() < 0.1
    left, right = standing[INDEX["left_wrist"]], standing[INDEX["right_wrist"]]
    assert left[0] > 0.5
    assert right[0] < -0.5
    first = np.array([take.places[chosen.names[joint]][0] for joint in JOINT_NAMES]) * chosen.unit_m
    assert (np.abs(first - standing).max() < MILLIMETRE) == chosen.t_pose_first


@pytest.mark.parametrize(
    ("rate", "mode"),
    # FbxTime's enumeration; 14 is a rate of one's own
    [(24000 / 1001, 13), (24.0, 11), (25.0, 10), (30000 / 1001, 9), (30.0, 6), (50.0, 4), (60000 / 1001, 17), (60.0, 3),
     (27.3, 14), (120.0, 1)],
)  # fmt: skip
def test_rates_and_lengths_are_exact(export: Callable[..., tuple[Motion, Path]], rate: float, mode: int) -> None:
    for chosen in (preset("unreal"), preset("maya")):
        _, path = export(chosen, rate)
        settings, frames = settings_of(path), FRAMES + chosen.t_pose_first
        assert settings["TimeMode"] == mode
        if mode == 14:
            assert settings["CustomFrameRate"] == pytest.approx(rate)
        ticks = 46186158000  # of a second
        first, last = settings["LocalStart"] / ticks * rate, settings["LocalStop"] / ticks * rate
        assert first == pytest.approx(0 if chosen.t_pose_first else 1, abs=1e-3)
        assert last == pytest.approx(FRAMES, abs=1e-3)
        take = read_assimp(path)
        assert take.animations == ("Take one",)
        assert len(take.times_s) == frames
        # assimp's own rates have three digits
        assert (take.times_s[-1] - take.times_s[0]) * rate == pytest.approx(frames - 1, abs=0.01)
