"""Files of other programs through the panel's button."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

BVH = """HIERARCHY
ROOT Hips
{{
OFFSET 0 0 0
CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
{joints}
}}
MOTION
Frames: 3
Frame Time: 0.04
{rows}
"""


def _limb(names: tuple[str, ...], offsets: tuple[tuple[float, ...], ...]) -> str:
    if not names:
        return "End Site\n{\nOFFSET 0 0 1\n}"
    return (
        f"JOINT {names[0]}\n{{\nOFFSET {' '.join(map(str, offsets[0]))}\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
        f"{_limb(names[1:], offsets[1:])}\n}}"
    )


def write_bvh(path: Path) -> None:
    """Three frames of a T-pose, the second 10 cm further on, in centimetres."""
    limbs = [_limb(("Neck", "Head"), ((0, 50, 0), (0, 12, 0)))]
    for side, sign in (("Left", 1), ("Right", -1)):
        arm = ((sign * 18, 42, 0), (sign * 27, 0, 0), (sign * 25, 0, 0))
        leg = ((sign * 9, -8, 0), (0, -40, 0), (0, -40, 0))
        limbs.append(_limb(tuple(f"{side}{bone}" for bone in ("Arm", "ForeArm", "Hand")), arm))
        limbs.append(_limb(tuple(f"{side}{bone}" for bone in ("UpLeg", "Leg", "Foot")), leg))
    joints = "\n".join(limbs)
    rows = "\n".join(f"{place} 95 0 " + "0 " * 45 for place in (0, 10, 10))
    path.write_text(BVH.format(joints=joints, rows=rows))


def test_a_bvh_becomes_a_person(limber: Any, tmp_path: Path) -> None:
    write_bvh(tmp_path / "step.bvh")
    assert bpy.ops.limber.import_motion(filepath=str(tmp_path / "step.bvh")) == {"FINISHED"}
    person = bpy.context.object
    assert person.name == "step"
    assert person.children[0].type == "MESH"
    scene = bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == pytest.approx(25)
    assert (scene.frame_start, scene.frame_end) == (1, 3)
    places = []
    for frame in (1, 2):
        scene.frame_set(frame)
        places.append(np.array(person.pose.bones["pelvis"].head))
    moved = places[1] - places[0]
    legs = 0.8  # metres of the figure's thigh and shin
    body = [np.array(person.data.bones[f"left_{joint}"].head_local) for joint in ("hip", "knee", "ankle")]
    own = np.linalg.norm(body[1] - body[0]) + np.linalg.norm(body[2] - body[1])
    np.testing.assert_allclose(moved, [0.1 * own / legs, 0, 0], atol=1e-4)


def test_several_people_of_a_file_become_several(limber: Any, tmp_path: Path) -> None:
    import pickle

    person = {
        "pose": np.zeros((4, 72)),
        "pose_world": np.zeros((4, 72)),
        "trans": np.zeros((4, 3)),
        "trans_world": np.zeros((4, 3)),
        "betas": np.zeros((4, 10)),
        "frame_ids": np.arange(4),
    }
    (tmp_path / "wham_output.pkl").write_bytes(pickle.dumps({0: person, 1: person}))
    assert bpy.ops.limber.import_motion(filepath=str(tmp_path / "wham_output.pkl"), frame_rate=50) == {"FINISHED"}
    assert {found.name for found in bpy.context.selected_objects} == {"wham_output 0", "wham_output 1"}
    assert bpy.context.scene.render.fps == 50


def test_what_is_wrong_is_told(limber: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.bvh").write_text("HIERARCHY")
    with pytest.raises(RuntimeError, match=r"broken\.bvh: There is no 'MOTION'"):
        bpy.ops.limber.import_motion(filepath=str(tmp_path / "broken.bvh"))
    assert "broken.bvh" in limber.session.message
    assert not [found for found in bpy.data.objects if found.type == "ARMATURE"]
    with pytest.raises(RuntimeError, match="No file is chosen"):
        bpy.ops.limber.import_motion(filepath="")
