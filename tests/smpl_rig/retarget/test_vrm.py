"""VRM characters, which say themselves what their bones are."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from smpl_rig.retarget.rig import RigError
from smpl_rig.retarget.vrm import find_in_vrm

#: VRM's names (specification/VRMC_vrm-1.0/humanoid.md), required ones first, and some that may be left out.
REQUIRED = ("hips", "spine", "head", *(
    side + part
    for side in ("left", "right")
    for part in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
))  # fmt: skip
OPTIONAL = ("chest", "upperChest", "neck", "leftEye", "jaw", *(
    side + part
    for side in ("left", "right")
    for part in ("Toes", "Shoulder", "ThumbProximal", "ThumbDistal", "LittleIntermediate")
))  # fmt: skip


def document(version: str, humans: tuple[str, ...] = REQUIRED + OPTIONAL) -> dict[str, Any]:
    nodes = [{"name": "Armature"}, *({"name": f"骨 {number}"} for number in range(len(humans)))]
    numbers = {human: number + 1 for number, human in enumerate(humans)}
    if version == "0.x":
        bones: Any = [{"bone": human, "node": node, "useDefaultValues": True} for human, node in numbers.items()]
        extensions = {"VRM": {"humanoid": {"humanBones": [*bones, {"bone": "rightEye", "node": -1}]}}}
    else:
        bones = {human: {"node": node} for human, node in numbers.items()}
        extensions = {"VRMC_vrm": {"specVersion": "1.0", "humanoid": {"humanBones": bones}}}
    return {"asset": {"version": "2.0"}, "nodes": nodes, "extensions": extensions}


def as_glb(content: dict[str, Any]) -> bytes:
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sII", b"glTF", 2, 20 + len(text)) + struct.pack("<II", len(text), 0x4E4F534A) + text


def write(folder: Path, content: dict[str, Any], ending: str = ".vrm") -> Path:
    path = folder / f"figure{ending}"
    path.write_bytes(as_glb(content) if ending != ".gltf" else json.dumps(content).encode())
    return path


@pytest.mark.parametrize("ending", [".vrm", ".glb", ".gltf"])
@pytest.mark.parametrize("version", ["0.x", "1.0"])
def test_what_the_file_says_is_believed(version: str, ending: str, tmp_path: Path) -> None:
    found = find_in_vrm(write(tmp_path, document(version), ending))
    assert found is not None
    humans = REQUIRED + OPTIONAL

    def bone(human: str) -> str:
        return f"骨 {humans.index(human)}"

    assert found.bones.lacking() == []
    assert found.bones.joints["pelvis"] == bone("hips")
    assert found.bones.joints["left_knee"] == bone("leftLowerLeg")
    assert found.bones.joints["right_wrist"] == bone("rightHand")
    assert found.bones.joints["right_foot"] == bone("rightToes")
    assert found.bones.chains["spine"] == (bone("spine"), bone("chest"), bone("upperChest"))
    assert found.bones.chains["left_collar"] == (bone("leftShoulder"),)
    assert found.bones.chains["left_thumb"] == (bone("leftThumbProximal"), bone("leftThumbDistal"))
    assert set(found.confidence.values()) == {1.0}


def test_a_gltf_file_without_humanoid_is_no_vrm(tmp_path: Path) -> None:
    assert find_in_vrm(write(tmp_path, {"asset": {"version": "2.0"}, "nodes": []})) is None


@pytest.mark.parametrize("version", ["0.x", "1.0"])
def test_a_humanoid_without_a_leg(version: str, tmp_path: Path) -> None:
    humans = tuple(human for human in REQUIRED if not human.startswith("leftLower"))
    with pytest.raises(RigError, match=r"figure\.vrm: its humanoid lacks left_knee, left_elbow"):
        find_in_vrm(write(tmp_path, document(version, humans)))


def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    content = document("1.0")
    content["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]["head"]["node"] = 999
    with pytest.raises(RigError, match="its humanoid is damaged"):
        find_in_vrm(write(tmp_path, content))


@pytest.mark.parametrize("content", [b"", b"glTF\x02", b"no glTF", b"\xff\xfe"])
def test_no_gltf(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "figure.vrm"
    path.write_bytes(content)
    with pytest.raises(RigError, match=r"figure\.vrm"):
        find_in_vrm(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="cannot be read"):
        find_in_vrm(tmp_path / "none.vrm")
