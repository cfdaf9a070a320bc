"""glTF files written here byte by byte, with motion known by construction."""

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smpl_rig import rotations
from smpl_rig.gltf_reader import GltfError, read_gltf

HALF = np.sqrt(0.5)
#: About Z by 90 degrees; glTF's order is x, y, z, w.
QUARTER = (0, 0, HALF, HALF)


class Content:
    """A glTF document and the bytes that it points to."""

    def __init__(self) -> None:
        self.bytes = b""
        self.json: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": [3]}],
            # the child comes first; a mesh that hangs beside the bones is none of the skeleton
            "nodes": [
                {"name": "hand", "translation": [0, 2, 0]},
                {"name": "arm", "translation": [0, 1, 0], "rotation": list(QUARTER), "children": [0]},
                {"name": "skin of it"},
                {"name": "rig", "children": [1, 2]},
            ],
            "skins": [{"joints": [1, 0]}],
            "animations": [{"name": "wave", "channels": [], "samplers": []}],
            "accessors": [],
            "bufferViews": [],
        }

    def accessor(self, values: Any, kind: str, dtype: str = "<f4", stride: int = 0, **more: Any) -> int:
        array = np.ascontiguousarray(values, dtype=dtype)
        raw = array.tobytes()
        if stride:
            item = raw[: len(raw) // len(array)]
            raw = b"".join(row.tobytes().ljust(stride, b"\xff") for row in array)
            assert stride > len(item)
        code = {"<f4": 5126, "<i2": 5122}[dtype]
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.bytes), "byteLength": len(raw)}
        self.json["bufferViews"].append(view | ({"byteStride": stride} if stride else {}))
        self.json["accessors"].append(
            {"bufferView": len(self.json["bufferViews"]) - 1, "componentType": code, "count": len(array), "type": kind}
            | more
        )
        self.bytes += raw.ljust(-(-len(raw) // 4) * 4, b"\0")
        return len(self.json["accessors"]) - 1

    def animate(self, node: int, path: str, times: Any, values: int, way: str = "LINEAR") -> None:
        animation = self.json["animations"][0]
        animation["channels"].append({"sampler": len(animation["samplers"]), "target": {"node": node, "path": path}})
        animation["samplers"].append({"input": self.accessor(times, "SCALAR"), "output": values, "interpolation": way})

    def glb(self, path: Path) -> Path:
        text = json.dumps(self.json | {"buffers": [{"byteLength": len(self.bytes)}]}).encode()
        text = text.ljust(-(-len(text) // 4) * 4)
        chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(self.bytes), 0x004E4942)
        path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(chunks) + len(self.bytes)) + chunks + self.bytes)
        return path

    def gltf(self, path: Path, uri: str) -> Path:
        path.write_text(json.dumps(self.json | {"buffers": [{"byteLength": len(self.bytes), "uri": uri}]}))
        return path


def waving() -> Content:
    """The arm turns from its rest (90 degrees about Z) to 180, keys at 0, 0.5 and 1 second."""
    content = Content()
    values = content.accessor([QUARTER, QUARTER, (0, 0, 1, 0)], "VEC4")
    content.animate(1, "rotation", [0, 0.5, 1.0], values)
    return content


def test_places_of_the_golden_file(tmp_path: Path) -> None:
    # two keys a second are too few to be a frame rate
    motions = read_gltf(waving().glb(tmp_path / "golden.glb"))
    assert list(motions) == ["wave"]
    motion = motions["wave"]
    assert motion.names == ("rig", "arm", "hand")
    assert motion.frame_rate == 30
    assert len(motion) == 31
    turned, positions = motion.forward_kinematics()
    # at rest the arm's own axes are turned by 90 degrees, so the hand lies at -2 in x
    np.testing.assert_allclose(motion.rest_positions(), [[0, 0, 0], [0, 1, 0], [-2, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(positions[0], [[0, 0, 0], [0, 1, 0], [-2, 1, 0]], atol=1e-6)
    np.testing.assert_allclose(positions[-1], [[0, 0, 0], [0, 1, 0], [0, -1, 0]], atol=1e-6)
    # counted from rest, the arm has turned by 45 degrees between the last two keys
    np.testing.assert_allclose(rotations.log(turned[[0, 15, 30], 1])[:, 2], [0, 0, np.pi / 2], atol=1e-6)
    np.testing.assert_allclose(rotations.log(turned[22, 1])[2], np.pi / 2 * (22 / 30 - 0.5) / 0.5, atol=1e-6)


def test_the_bytes_may_lie_in_the_file_or_beside_it(tmp_path: Path) -> None:
    content = waving()
    inside = base64.b64encode(content.bytes).decode()
    (tmp_path / "its bytes.bin").write_bytes(content.bytes)
    expected = read_gltf(content.glb(tmp_path / "a.glb"))["wave"].local_rotations
    for name, uri in (("b", f"data:application/octet-stream;base64,{inside}"), ("c", "its%20bytes.bin")):
        motion = read_gltf(content.gltf(tmp_path / f"{name}.gltf", uri))["wave"]
        np.testing.assert_array_equal(motion.local_rotations, expected)


def test_the_frame_rate_is_the_keys(tmp_path: Path) -> None:
    content = Content()
    times = np.arange(25) / 24
    content.animate(0, "translation", times, content.accessor(np.outer(times, [0, 0, 1]), "VEC3"))
    motion = read_gltf(content.glb(tmp_path / "a.glb"))["wave"]
    assert motion.frame_rate == pytest.approx(24, abs=0.01)
    assert len(motion) == 25


def test_steps_hold_until_the_next_key(tmp_path: Path) -> None:
    content = Content()
    values = content.accessor([(0, 2, 0), (0, 3, 0), (0, 4, 0)], "VEC3")
    content.animate(0, "translation", [0, 0.5, 1.0], values, "STEP")
    motion = read_gltf(content.glb(tmp_path / "a.glb"))["wave"]
    lengths = np.linalg.norm(motion.local_positions[:, 2], axis=-1)
    np.testing.assert_allclose(lengths[[0, 14, 15, 29, 30]], [2, 2, 3, 3, 4], atol=1e-6)


def test_a_cubic_spline_through_a_cubic_is_that_cubic(tmp_path: Path) -> None:
    content = Content()
    keys = np.array([0, 0.4, 1.0])
    rows = [np.outer(column, [0, 0, 1]) for column in (3 * keys**2, keys**3, 3 * keys**2)]
    values = content.accessor(np.stack(rows, axis=1).reshape(-1, 3), "VEC3")
    content.animate(0, "translation", keys, values, "CUBICSPLINE")
    motion = read_gltf(content.glb(tmp_path / "a.glb"))["wave"]
    times = np.arange(31) / 30
    _, positions = motion.forward_kinematics()
    np.testing.assert_allclose(positions[:, 2], np.stack((0 * times, 1 + 0 * times, times**3), axis=-1), atol=1e-6)


def test_whole_numbers_stand_for_parts_and_may_lie_apart(tmp_path: Path) -> None:
    content = Content()
    raw = np.round(np.array([(0, 0, 0, 1), QUARTER, (0, 0, 1, 0)]) * 32767)
    content.animate(1, "rotation", [0, 0.5, 1], content.accessor(raw, "VEC4", "<i2", stride=12, normalized=True))
    turned, _ = read_gltf(content.glb(tmp_path / "a.glb"))["wave"].forward_kinematics()
    np.testing.assert_allclose(rotations.log(turned[[0, 15, 30], 1])[:, 2], [-np.pi / 2, 0, np.pi / 2], atol=1e-3)


def test_a_scaled_root_scales_lengths_below_it(tmp_path: Path) -> None:
    content = waving()
    content.json["nodes"][3] |= {"scale": [0.01, 0.01, 0.01], "translation": [0, 5, 0]}
    motion = read_gltf(content.glb(tmp_path / "a.glb"))["wave"]
    _, positions = motion.forward_kinematics()
    np.testing.assert_allclose(positions[0], [[0, 5, 0], [0, 5.01, 0], [-0.02, 5.01, 0]], atol=1e-6)
    # the same said by a matrix, by columns
    content.json["nodes"][3] = {
        "name": "rig",
        "children": [1, 2],
        "matrix": [0.01, 0, 0, 0, 0, 0.01, 0, 0, 0, 0, 0.01, 0, 0, 5, 0, 1],
    }
    _, again = read_gltf(content.glb(tmp_path / "b.glb"))["wave"].forward_kinematics()
    np.testing.assert_allclose(again, positions, atol=1e-6)


def test_without_a_skin_what_is_animated_is_the_skeleton(tmp_path: Path) -> None:
    content = waving()
    del content.json["skins"]
    assert read_gltf(content.glb(tmp_path / "a.glb"))["wave"].names == ("rig", "arm")


def test_animations_of_one_name_are_told_apart(tmp_path: Path) -> None:
    content = waving()
    content.json["animations"] *= 2
    assert list(read_gltf(content.glb(tmp_path / "a.glb"))) == ["wave 0", "wave 1"]


def _drop_animations(content: Content) -> None:
    content.json["animations"] = []


def _two_roots(content: Content) -> None:
    content.json["nodes"][3]["children"] = [2]
    content.json["skins"][0]["joints"] = [1, 0, 2]


def _squash(content: Content) -> None:
    content.json["nodes"][1]["scale"] = [1, 2, 1]


def _cut_off(content: Content) -> None:
    content.bytes = content.bytes[:20]


def _falling_times(content: Content) -> None:
    content.json["animations"][0]["samplers"][0]["input"] = content.accessor([0, 1, 0.5], "SCALAR")


def _too_few_values(content: Content) -> None:
    content.json["animations"][0]["samplers"][0]["output"] = content.accessor([QUARTER], "VEC4")


def _unknown_way(content: Content) -> None:
    content.json["animations"][0]["samplers"][0]["interpolation"] = "BEZIER"


def _sparse(content: Content) -> None:
    content.json["accessors"][0]["sparse"] = {}


def _missing_accessor(content: Content) -> None:
    content.json["animations"][0]["samplers"][0]["output"] = 99


def _old(content: Content) -> None:
    content.json["asset"]["version"] = "1.0"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_drop_animations, "There are no animations"),
        (_two_roots, "hang on 2 roots"),
        (_squash, "Node 'arm' is scaled by"),
        (_cut_off, "reaches beyond its buffer of 20 bytes"),
        (_falling_times, "key times do not rise"),
        (_too_few_values, "3 key times and 1 values"),
        (_unknown_way, "Interpolation 'BEZIER' is unknown"),
        (_sparse, "Sparse accessors"),
        (_missing_accessor, "is damaged, or no glTF 2.0 file"),
        (_old, "no glTF 2 file"),
    ],
)
def test_what_is_wrong_is_named(spoil: Any, said: str, tmp_path: Path) -> None:
    content = waving()
    spoil(content)
    with pytest.raises(GltfError, match=f"wrong.glb.*{said}"):
        read_gltf(content.glb(tmp_path / "wrong.glb"))


def test_bytes_outside_of_the_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(waving().bytes)
    (tmp_path / "inner").mkdir()
    with pytest.raises(GltfError, match="outside of the file's folder"):
        read_gltf(waving().gltf(tmp_path / "inner" / "a.gltf", "../secret.bin"))


def test_what_is_no_gltf_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.glb"
    path.write_bytes(b"\x00\xffnoise")
    with pytest.raises(GltfError, match=r"noise\.glb: This is no glTF file"):
        read_gltf(path)
    with pytest.raises(GltfError, match=r"nowhere\.glb cannot be read"):
        read_gltf(tmp_path / "nowhere.glb")
