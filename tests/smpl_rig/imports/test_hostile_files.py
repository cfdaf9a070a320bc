"""Files made, or broken, to hang a reader or to fill the memory: each is refused by what is wrong, at once."""

import base64
import io
import json
import pickle
import re
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smpl_rig.errors import LimberError
from smpl_rig.imports.placing import Wearer
from smpl_rig.imports.reading import read_motions

from ...foreign_figure import Build, foreign_figure
from ..test_asf_amc_reader import AMC, ASF
from .test_reading import bvh_text

#: Long past what any takes, on a slow machine with other tests beside it too; a hang takes forever.
SECONDS = 20.0
BYTES = 600 << 20


def refusal(path: Path, wearer: Wearer) -> str:
    """What the user is told, within limits of time and memory."""
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(LimberError) as refused:
            read_motions(path, wearer)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < SECONDS
    assert most < BYTES
    told = str(refused.value)
    assert len(told) < 600
    assert path.stem in told
    return told


def npy(shape: object, kind: str = "<f8", data: bytes = b"") -> bytes:
    """An array's header, whatever it claims, and bytes."""
    header = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def array(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


AMASS = {"poses": array(np.zeros((4, 72))), "trans": array(np.zeros((4, 3))), "mocap_framerate": array(np.float64(30))}


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for key, content in members.items():
            file.writestr(f"{key}.npy", content)
    return path


@pytest.mark.parametrize(
    ("key", "content", "said"),
    [
        ("poses", npy((10**12, 72)), "'poses' is damaged"),
        ("poses", npy((-4, 72)), "'poses' is damaged"),
        ("poses", npy((2**62, 72)), "'poses' is damaged"),
        ("poses", npy((4, 72), "|O"), "'poses' is damaged: Object arrays"),
        ("poses", npy((4, 72), data=b"cut off"), "'poses' is damaged"),
        ("poses", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31), "'poses' is damaged"),
        ("poses", npy("__import__('os').abort()"), "'poses' is damaged"),
        ("poses", array(np.zeros((500_001, 72), np.float16)), "'poses' has 500001 frames, expected 500000 at most"),
        ("poses", array(np.full((4, 72), 1e300)), "'poses' holds values larger than"),
        ("trans", array(np.full((4, 3), np.inf)), "'trans' holds values that are not finite"),
        ("trans", array(np.zeros((4, 3), complex)), "'trans' holds complex128"),
        ("gender", npy((10**9,), "<U100"), "'gender' is damaged"),
        ("mocap_framerate", array(np.float64(1e300)), "'mocap_framerate' is 1e+300, expected 0.1 to 10000"),
        ("mocap_framerate", array(np.float64(1e-300)), "'mocap_framerate' is 1e-300, expected 0.1 to 10000"),
        ("mocap_framerate", array(np.float64(np.nan)), "'mocap_framerate' is nan"),
    ],
)
def test_archives(smpl: Wearer, tmp_path: Path, key: str, content: bytes, said: str) -> None:
    assert said in refusal(archive(tmp_path / "walk.npz", AMASS | {key: content}), smpl)


def test_an_archive_that_unpacks_to_gigabytes(smpl: Wearer, tmp_path: Path) -> None:
    """Its directory says so before anything is unpacked; one that lies is cut off where it said."""
    path = archive(tmp_path / "bomb.npz", AMASS | {"poses": npy((1000, 72))})
    raw = bytearray(path.read_bytes())
    place = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"poses.npy"))
    struct.pack_into("<I", raw, place + 24, 0xF0000000)  # its size when it is unpacked
    path.write_bytes(raw)
    assert "key 'poses' alone has 3840 MB" in refusal(path, smpl)


def test_an_encrypted_archive(smpl: Wearer, tmp_path: Path) -> None:
    path = archive(tmp_path / "secret.npz", AMASS)
    raw = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(signature), bytes(raw)):
            raw[found.start() + flags] |= 1
    path.write_bytes(raw)
    assert "password" in refusal(path, smpl)


class _Call:
    """Pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def _laughs() -> list[Any]:
    nested: list[Any] = [0.0] * 10
    for _ in range(12):
        nested = [nested] * 10
    return nested


_EMPTY = np.empty(0).__reduce__()[0]
TRANS = np.zeros((3, 3))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"smpl_poses": _laughs(), "smpl_trans": TRANS}, "'smpl_poses' holds no array: lists in lists"),
        ({"smpl_poses": _Call(_EMPTY, np.ndarray, (10**14, 72), b"d"), "smpl_trans": TRANS}, "array of shape"),
        ({"smpl_poses": np.zeros((500_001, 72), np.float16), "smpl_trans": TRANS}, "has 500001 frames"),
        ({"smpl_poses": np.full((3, 72), 1e300), "smpl_trans": TRANS}, "'smpl_poses' holds values larger than"),
        ({"k" * 10**6: 1}, "which are not those of WHAM"),
        ([[[]]], "holds a list"),
    ],
)
def test_pickles(smpl: Wearer, tmp_path: Path, content: Any, said: str) -> None:
    path = tmp_path / "dance.pkl"
    path.write_bytes(pickle.dumps(content))
    assert said in refusal(path, smpl)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b".",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b".",
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",
        b"\x80\x02]r" + struct.pack("<I", 2**32 - 1) + b".",
        b"I" + b"9" * 100_000 + b"\n.",
        zlib.compress(bytes(300 << 20), 9),
        b"cos\nsystem\n(S'true'\ntR.",
    ],
    ids=["deep", "frame", "bytes", "long", "memo", "digits", "bomb", "call"],
)
def test_damaged_pickles(smpl: Wearer, tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "dance.pkl").write_bytes(raw)
    refusal(tmp_path / "dance.pkl", smpl)


@pytest.fixture(scope="module")
def bvh() -> str:
    return bvh_text(foreign_figure(Build(), frames=4).motion)


@pytest.mark.parametrize(
    ("pattern", "replacement", "said"),
    [
        (r"Frames: \S+", "Frames: 1e400", "'Frames:' is followed by 'inf', expected a whole number"),
        (r"Frames: \S+", "Frames: nan", "'Frames:' is followed by 'nan'"),
        (r"Frames: \S+", "Frames: -3", "'Frames:' is followed by '-3'"),
        (r"Frame Time: \S+", "Frame Time: nan", "'Frame Time:' is nan, expected 0.0001 to 10 seconds"),
        (r"Frame Time: \S+", "Frame Time: 1e-320", "'Frame Time:' is"),
        (r"Frame Time: \S+", "Frame Time: 1e300", "'Frame Time:' is"),
        (r"CHANNELS 3", "CHANNELS nan", "'CHANNELS' is followed by 'nan'"),
        (r"CHANNELS 3", "CHANNELS 1e18", "'CHANNELS' is followed by '1e+18'"),
        (r"OFFSET \S+", "OFFSET 1e300", "'offsets' holds values larger than"),
        (r"(Frame Time: \S+)\s+\S+", r"\1\n1e300", "'MOTION' holds values larger than 1e+09, first in row 0"),
        (r"(Frame Time: \S+)\s+\S+", r"\1\nnan", "'MOTION' holds values that are not finite numbers"),
        (r"CHANNELS \d( \S+ition)*( \S+ation)+", "", "No joint has 'CHANNELS'"),
    ],
)
def test_bvh(smpl: Wearer, tmp_path: Path, bvh: str, pattern: str, replacement: str, said: str) -> None:
    damaged = re.sub(pattern, replacement, bvh)
    assert damaged != bvh
    (tmp_path / "walk.bvh").write_text(damaged)
    assert said in refusal(tmp_path / "walk.bvh", smpl)


def test_a_hierarchy_without_end(smpl: Wearer, tmp_path: Path) -> None:
    count = 3000
    joints = "".join(
        f"{'JOINT' if number else 'ROOT'} j{number}\n{{\nOFFSET 0 1 0\nCHANNELS 1 Xrotation\n"
        for number in range(count)
    )
    closed, zeros = "}\n" * count, "0 " * count
    text = f"HIERARCHY\n{joints}{closed}MOTION\nFrames: 1\nFrame Time: 0.03\n{zeros}"
    (tmp_path / "deep.bvh").write_text(text)
    assert "no known family of names" in refusal(tmp_path / "deep.bvh", smpl)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("length", "length 1e300 #", "'length' of bone"),
        ("length", "length nan #", "'length' of bone"),
        ("direction", "direction 1e200 1e200 1e200 #", "'direction' of bone"),
        ("position", "position inf 0 0 #", "'position' of bone 'root'"),
        ("axis", "axis #", "expected"),
    ],
)
def test_asf(smpl: Wearer, tmp_path: Path, old: str, new: str, said: str) -> None:
    damaged = re.sub(rf"\b{old}\b", new, ASF)
    (tmp_path / "07.asf").write_text(damaged)
    (tmp_path / "07_01.amc").write_text(AMC)
    assert said in refusal(tmp_path / "07_01.amc", smpl)


@pytest.mark.parametrize("value", ["nan", "1e300"])
def test_amc(smpl: Wearer, tmp_path: Path, value: str) -> None:
    (tmp_path / "07.asf").write_text(ASF)
    (tmp_path / "07_01.amc").write_text(re.sub(r"root \S+", f"root {value}", AMC))
    assert "Bone 'root' holds values" in refusal(tmp_path / "07_01.amc", smpl)


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_word_in_any_place_of_a_skeleton(smpl: Wearer, tmp_path: Path, data: st.DataObject) -> None:
    words = re.split(r"( +|\n)", ASF)
    for _ in range(data.draw(st.integers(1, 3))):
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(ACCLAIM_WORDS)
    (tmp_path / "07.asf").write_text("".join(words))
    (tmp_path / "07_01.amc").write_text(AMC)
    try:
        (motion,) = read_motions(tmp_path / "07_01.amc", smpl)
    except LimberError as error:
        assert "07" in str(error)  # noqa: PT017  (some words do no harm)
    else:
        assert np.isfinite(motion.joints_world).all()


ACCLAIM_WORDS = st.sampled_from(
    [
        "",
        "\n",
        "nan",
        "1e300",
        "0",
        "-1",
        "root",
        "begin",
        "end",
        "axis",
        "dof",
        "rx",
        "XYZ",
        ":units",
        ":root",
        ":hierarchy",
    ]
)
KEYS = np.array([0, 1, 0, 0, 0, 1, 0, 0, 0, 1], "<f4")


def gltf(keys: np.ndarray = KEYS, **changed: Any) -> str:
    """Two nodes, the first turned by two keys."""
    uri = "data:application/octet-stream;base64," + base64.b64encode(keys.tobytes()).decode()
    channel = {"sampler": 0, "target": {"node": 0, "path": "rotation"}}
    sampler = {"samplers": [{"input": 0, "output": 1}], "channels": [channel]}
    kinds = [{"bufferView": 0, "componentType": 5126, "count": 2, "type": kind} for kind in ("SCALAR", "VEC4")]
    kinds[1]["byteOffset"] = 8
    content = {
        "asset": {"version": "2.0"},
        "nodes": [{"name": "Hips", "children": [1]}, {"name": "Spine", "translation": [0, 1, 0]}],
        "buffers": [{"byteLength": keys.nbytes, "uri": uri}],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": keys.nbytes}],
        "accessors": kinds,
        "animations": [sampler],
    }
    return json.dumps(content | changed)


def accessors(**changed: Any) -> list[dict[str, Any]]:
    return [{"bufferView": 0, "componentType": 5126, "count": 2, "type": kind} | changed for kind in ("SCALAR", "VEC4")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (gltf(nodes=[{"children": [1]}, {"children": [0]}]), "hang on 0 roots"),
        (gltf(nodes=[{"children": [0]}]), "hang on 0 roots"),
        (gltf(nodes=[{"children": [1, 1]}, {}], skins=[{"joints": [0, 1]}]), "Node 1 hangs on more than one node"),
        (gltf(nodes=None), "Key 'nodes' is 'None', expected a list of objects"),
        (gltf(nodes=[{"translation": "abc"}]), r"Key 'nodes\[0\]\.translation' is 'abc', expected 3 numbers"),
        (gltf(nodes=[{"children": [-1]}]), r"Key 'nodes\[0\]\.children' is"),
        (gltf(animations=[{"samplers": 3}]), r"Key 'animations\[0\]\.samplers' is '3', expected a list of objects"),
        (gltf(nodes=[{"name": "Hips", "scale": [1e-320] * 3}, {}]), "damaged|fit no known|Node"),
        (gltf(accessors=accessors(count=10**15)), "reaches beyond its buffer"),
        (gltf(accessors=accessors(count="x")), r"Key 'accessors\[0\]\.count' is 'x', expected a whole number"),
        (gltf(accessors=accessors(componentType=5)), r"Key 'accessors\[0\]\.componentType' is '5'"),
        (gltf(accessors=accessors(byteOffset=-8)), "begins at -8"),
        (gltf(bufferViews=[{"buffer": 0, "byteStride": 0}], accessors=accessors(count=10**10)), "stride of 0 bytes"),
        (gltf(KEYS * np.float32(1e30)), "holds values larger than"),
        (gltf(np.array([0, 1e8, 0, 0, 0, 1, 0, 0, 0, 1], "<f4")), "longer than any motion"),
        (gltf(buffers=[{"byteLength": 64, "uri": "../../../../../../dev/zero"}]), "outside of the file's folder"),
        ("[" * 100_000, "no glTF file"),
        ('{"a":' * 100_000, "no glTF file"),
    ],
)
def test_gltf(smpl: Wearer, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "walk.gltf").write_text(text)
    assert re.search(said, refusal(tmp_path / "walk.gltf", smpl))


def test_gltf_without_damage_gets_as_far_as_its_names(smpl: Wearer, tmp_path: Path) -> None:
    """So that the test above fails by the damage alone."""
    (tmp_path / "walk.gltf").write_text(gltf())
    assert "fit no known family of names" in refusal(tmp_path / "walk.gltf", smpl)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every place of a document that can be changed."""
    if not isinstance(content, dict | list):
        return []
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    return [(content, key) for key in keys] + [found for key in keys for found in places(content[key])]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(), st.text(max_size=3),
    st.lists(st.integers(-2, 3), max_size=4), st.just({}),
)  # fmt: skip


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_any_place_of_a_gltf(smpl: Wearer, tmp_path: Path, data: st.DataObject) -> None:
    content = json.loads(gltf())
    for _ in range(data.draw(st.integers(1, 2))):
        owner, key = data.draw(st.sampled_from(places(content)))
        owner[key] = data.draw(VALUES)
    (tmp_path / "walk.gltf").write_text(json.dumps(content))
    refusal(tmp_path / "walk.gltf", smpl)


WORDS = st.sampled_from(
    ["nan", "inf", "1e300", "-1", "{", "}", "ROOT", "JOINT", "End", "OFFSET", "CHANNELS", "x", "0", "9" * 40]
)


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_word_in_any_place_of_a_bvh(smpl: Wearer, tmp_path: Path, bvh: str, data: st.DataObject) -> None:
    words = bvh.split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(WORDS)
    (tmp_path / "walk.bvh").write_text(" ".join(words))
    try:
        (motion,) = read_motions(tmp_path / "walk.bvh", smpl)
    except LimberError as error:
        assert str(error).startswith("walk.bvh")  # noqa: PT017  (some words do no harm)
    else:
        assert np.isfinite(motion.joints_world).all()


@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_array_under_any_key_of_an_archive(smpl: Wearer, tmp_path: Path, data: st.DataObject) -> None:
    members = dict(AMASS)
    key = data.draw(st.sampled_from([*AMASS, "betas", "gender"]))
    shape = tuple(data.draw(st.lists(st.integers(0, 6), max_size=3)))
    kind = data.draw(st.sampled_from(["f2", "f4", "f8", "i1", "u8", "?", "U3", "S3", "c8", "M8[s]"]))
    content = np.zeros(shape, kind)
    if kind[0] == "f" and content.size and data.draw(st.booleans()):
        content.reshape(-1)[0] = data.draw(st.sampled_from([np.nan, np.inf, 6e4]))
    match data.draw(st.sampled_from(["replace", "drop", "rename", "cut"])):
        case "replace":
            members[key] = array(content)
        case "drop":
            members.pop(key, None)
        case "rename":
            members[f"{key}_"] = members.pop(key, b"")
        case _:
            members[key] = members.get(key, array(np.zeros(10)))[: data.draw(st.integers(0, 200))]
    path = archive(tmp_path / "walk.npz", members)
    if data.draw(st.booleans()):
        path.write_bytes(path.read_bytes()[: data.draw(st.integers(0, path.stat().st_size))])
    try:
        (motion,) = read_motions(path, smpl)
    except LimberError as error:
        assert "walk.npz" in str(error)  # noqa: PT017
    else:
        assert np.isfinite(motion.joints_world).all()
