import json
import struct
from pathlib import Path
from typing import Any

from smpl_rig.exports.glb import hang_skinned_meshes_on_scenes

BINARY = struct.pack("<II", 8, 0x004E4942) + b"12345678"


def write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + BINARY
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)


def test_skinned_meshes_hang_on_the_scene(tmp_path: Path) -> None:
    """An armature with a bone, a skinned mesh below the bone, a prop beside it; two scenes, one without them."""
    path = tmp_path / "a.glb"
    nodes = [
        {"name": "Armature", "children": [1, 3]},
        {"name": "Hüfte", "children": [2]},
        {"name": "mesh", "mesh": 0, "skin": 0},
        {"name": "prop", "mesh": 1},
        {"name": "camera"},
    ]
    scenes = [{"nodes": [0]}, {"nodes": [4]}]
    write(path, {"asset": {"version": "2.0"}, "scenes": scenes, "nodes": nodes})
    for _ in range(2):  # what is right already stays as it is
        hang_skinned_meshes_on_scenes(path)
        raw = path.read_bytes()
        assert struct.unpack_from("<4sII", raw) == (b"glTF", 2, len(raw))
        assert raw.endswith(BINARY)
        (length,) = struct.unpack_from("<I", raw, 12)
        assert length % 4 == 0
        content = json.loads(raw[20 : 20 + length])
        assert content["scenes"] == [{"nodes": [0, 2]}, {"nodes": [4]}]
        assert [node.get("children") for node in content["nodes"]] == [[1, 3], None, None, None, None]
        assert content["nodes"][1]["name"] == "Hüfte"
