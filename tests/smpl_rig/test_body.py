"""Bodies: reading their files, refusing what is none, shaping and skinning."""

import os
import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.body import KEYS, Body, BodyError, load_body, skin
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX, PARENTS


@pytest.fixture(scope="module")
def body(rest_joints: np.ndarray) -> Body:
    """A tetrahedron round each joint, moved by that joint alone, with random pose corrections."""
    random = np.random.default_rng(3)
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * 0.02
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])
    return Body(
        name="tetrahedra",
        gender="female",
        v_template=(rest_joints[:, None] + corners).reshape(-1, 3),
        shapedirs=random.normal(0, 0.01, (96, 3, 10)),
        posedirs=random.normal(0, 0.01, (96, 3, 207)),
        J_regressor=np.repeat(np.eye(24) / 4, 4, axis=1),
        weights=np.repeat(np.eye(24), 4, axis=0),
        kintree_table=np.array([PARENTS, range(24)]),
        f=np.concatenate([faces + 4 * joint for joint in range(24)]),
    )


def official(body: Body, shapes: int = 300) -> dict[str, Any]:
    """The dictionary of an official file: double precision, 300 shape directions, unsigned parents, and more keys."""
    more = np.random.default_rng(0).normal(size=(len(body.v_template), 3, shapes - 10))
    return {
        "v_template": body.v_template.astype(np.float64),
        "shapedirs": np.concatenate((body.shapedirs, more), axis=-1),
        "posedirs": body.posedirs.astype(np.float64),
        "J_regressor": body.J_regressor.astype(np.float64),
        "weights": body.weights.astype(np.float64),
        "kintree_table": body.kintree_table.astype(np.uint32),  # the pelvis's parent becomes 2^32 - 1
        "f": body.f.astype(np.uint32),
        "bs_style": "lbs",
        "J": np.zeros((24, 3)),
    }


def assert_same(read: Body, body: Body) -> None:
    for key in KEYS:
        np.testing.assert_array_equal(getattr(read, key), getattr(body, key), err_msg=key)


def test_own_file_comes_back_and_is_the_same_bytes_every_time(body: Body, tmp_path: Path) -> None:
    body.save(tmp_path / "a.npz")
    read = load_body(tmp_path / "a.npz")
    assert (read.name, read.gender) == ("tetrahedra", "female")
    assert_same(read, body)
    os.utime(tmp_path / "a.npz", (0, 0))
    read.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_failed_save_leaves_the_old_file_and_no_other(
    body: Body, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "body.npz").write_bytes(b"old")

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(BodyError, match="cannot be written: No space left"):
        body.save(tmp_path / "body.npz")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_official_npz(body: Body, tmp_path: Path) -> None:
    # the official ones carry pickled arrays that nobody needs
    np.savez(tmp_path / "SMPL_FEMALE.npz", **official(body), extra=np.array([None], dtype=object))
    read = load_body(tmp_path / "SMPL_FEMALE.npz")
    assert read.gender == "female"
    assert_same(read, body)


@pytest.mark.parametrize(
    ("name", "gender"),
    [
        ("SMPL_NEUTRAL", "neutral"),
        ("SMPL_MALE", "male"),
        ("SMPL_FEMALE", "female"),
        ("basicmodel_m_lbs_10_207_0_v1.1.0", "male"),
        ("basicModel_f_lbs_10_207_0_v1.0.0", "female"),
        ("basicModel_neutral_lbs_10_207_0_v1.0.0", "neutral"),
    ],
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_official_pickle_of_plain_arrays(body: Body, tmp_path: Path, name: str, gender: str, protocol: int) -> None:
    path = tmp_path / f"{name}.pkl"
    path.write_bytes(pickle.dumps(official(body, shapes=12), protocol=protocol))
    read = load_body(path)
    assert (read.gender, read.name) == (gender, name)
    assert_same(read, body)


class Python2Pickle:
    """Writes what Python 2's ``pickle`` writes (protocol 0), for arrays, scipy's matrices and chumpy's arrays."""

    def __init__(self) -> None:
        self.text = b""

    def array(self, array: np.ndarray) -> "Python2Pickle":
        array = np.ascontiguousarray(array)
        shape = b"".join(b"I%d\n" % size for size in array.shape)
        kind = array.dtype.str[1:].encode()
        raw = repr(array.tobytes())[1:].encode("ascii")  # 'bytes', as in Python 2
        self.text += b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(" + shape
        self.text += (
            b"tcnumpy\ndtype\n(S'" + kind + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS" + raw + b"\ntb"
        )
        return self

    def instance(self, module: bytes, name: bytes, **state: np.ndarray | tuple[int, ...]) -> "Python2Pickle":
        self.text += b"ccopy_reg\n_reconstructor\n(c" + module + b"\n" + name + b"\nc__builtin__\nobject\nNtR(d"
        for key, value in state.items():
            self.text += b"S'" + key.encode() + b"'\n"
            if isinstance(value, tuple):
                self.text += b"(" + b"".join(b"I%d\n" % number for number in value) + b"t"
            else:
                self.array(value)
            self.text += b"s"
        # chumpy keeps a set of what has changed
        self.text += b"S'_dirty_vars'\nc__builtin__\nset\n((ltRsb"
        return self


def compressed(matrix: np.ndarray) -> dict[str, np.ndarray | tuple[int, ...]]:
    """scipy's compressed sparse columns."""
    columns, rows = np.nonzero(matrix.T)
    starts = np.searchsorted(columns, np.arange(matrix.shape[1] + 1))
    data = {"data": matrix[rows, columns], "indices": rows.astype(np.int32), "indptr": starts.astype(np.int32)}
    return {"_shape": matrix.shape, **data}


def test_official_pickle_of_python_2_with_chumpy_and_scipy(body: Body, tmp_path: Path) -> None:
    raw = official(body, shapes=12)
    written = Python2Pickle()
    written.text += b"(dp0\n"
    for key in KEYS:
        written.text += b"S'" + key.encode() + b"'\n"
        if key == "J_regressor":
            written.instance(b"scipy.sparse.csc", b"csc_matrix", **compressed(raw[key]))
        elif key in {"shapedirs", "v_template"}:
            written.instance(b"chumpy.ch", b"Ch", x=raw[key])
        else:
            written.array(raw[key])
        written.text += b"s"
    path = tmp_path / "basicModel_m_lbs_10_207_0_v1.0.0.pkl"
    path.write_bytes(written.text + b".")
    read = load_body(path)
    assert read.gender == "male"
    assert_same(read, body)


def test_scipy_pickles_of_today(body: Body, tmp_path: Path) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csc_matrix, sparse.csr_matrix):
        path = tmp_path / "SMPL_NEUTRAL.pkl"
        path.write_bytes(pickle.dumps(official(body, 10) | {"J_regressor": kind(body.J_regressor)}, protocol=2))
        assert_same(load_body(path), body)


def test_a_pickle_that_asks_for_anything_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(pickle.dumps({"v_template": os.getcwd}))
    with pytest.raises(BodyError, match=r"SMPL_NEUTRAL\.pkl is not a readable body: The pickle asks for '.*getcwd'"):
        load_body(path)


@settings(deadline=None)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_body_errors(
    body: Body, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    suffix = data.draw(st.sampled_from([".npz", ".pkl"]))
    path = folder / f"body{suffix}"
    if suffix == ".npz":
        body.save(path)
    else:
        path.write_bytes(pickle.dumps({key: getattr(body, key) for key in KEYS}, protocol=2))
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(3):
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        load_body(path)
    except BodyError as error:
        assert path.name in str(error)  # noqa: PT017  (damage to a number may go unseen; anything else may not)


@pytest.mark.parametrize("suffix", [".npz", ".pkl"])
def test_files_that_are_no_body(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"body{suffix}"
    with pytest.raises(BodyError, match=rf"body{suffix} does not exist"):
        load_body(path)
    path.write_bytes(b"")
    with pytest.raises(BodyError, match="not a readable body"):
        load_body(path)
    path.write_bytes(b"This is a letter.")
    with pytest.raises(BodyError, match="not a readable body"):
        load_body(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(BodyError, match="does not exist"):
        load_body(path)


def test_pickles_and_arrays_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(BodyError, match=r"list\.pkl holds a list"):
        load_body(tmp_path / "list.pkl")
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    with pytest.raises(BodyError, match=r"array\.npz is a single array"):
        load_body(tmp_path / "array.npz")


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_asked_for_by_name(body: Body, tmp_path: Path, key: str) -> None:
    raw = official(body, shapes=10)
    path = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(path, **{other: value for other, value in raw.items() if other != key})
    with pytest.raises(BodyError, match=rf"SMPL_NEUTRAL\.npz lacks the key '{key}'"):
        load_body(path)
    np.savez(path, **raw | {key: raw[key][:, :2]})
    with pytest.raises(BodyError, match=r"SMPL_NEUTRAL\.npz: Body key "):
        load_body(path)
    np.savez(path, **raw | {key: np.array(["text"])})
    with pytest.raises(BodyError, match=rf"key '{key}' holds <U4"):
        load_body(path)


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "posedirs", "J_regressor", "weights"])
def test_values_that_are_not_finite_are_refused(body: Body, key: str) -> None:
    array = np.array(getattr(body, key))
    array.flat[5] = np.nan
    with pytest.raises(BodyError, match=f"'{key}' holds values that are not finite"):
        replace(body, **{key: array})


def test_what_else_a_body_cannot_be(body: Body) -> None:
    with pytest.raises(BodyError, match="'weights' does not sum to one"):
        replace(body, weights=body.weights * 0.5)
    with pytest.raises(BodyError, match="'f' has shape"):
        replace(body, f=body.f + 1)
    with pytest.raises(BodyError, match="'kintree_table' does not hold"):
        replace(body, kintree_table=np.array([[-1, *PARENTS[:-1]], range(24)]))
    with pytest.raises(BodyError, match="'gender' is 'robot'"):
        replace(body, gender="robot")
    with pytest.raises(BodyError, match="'v_template' holds no vertices"):
        replace(body, v_template=np.zeros((0, 3)))


def test_no_pose_corrections_take_no_memory(body: Body, tmp_path: Path) -> None:
    plain = replace(body, posedirs=np.zeros((96, 3, 207)))
    assert not plain.has_pose_corrections
    assert plain.posedirs.shape == (96, 3, 207)
    assert plain.posedirs.base is not None
    assert plain.posedirs.base.nbytes == 4
    plain.save(tmp_path / "plain.npz")
    assert not load_body(tmp_path / "plain.npz").has_pose_corrections
    assert body.has_pose_corrections


def test_shape_moves_vertices_and_joints_alike(body: Body) -> None:
    betas = np.random.default_rng(1).normal(size=10)
    moved = body.vertices_rest(betas) - body.v_template
    np.testing.assert_allclose(moved, np.einsum("vcb,b->vc", body.shapedirs, betas), atol=1e-6)
    np.testing.assert_allclose(
        body.rest_joints(betas), body.vertices_rest(betas).reshape(24, 4, 3).mean(axis=1), atol=1e-6
    )


def test_the_t_pose_is_the_template(body: Body) -> None:
    identity = np.tile(rotations.IDENTITY, (2, 24, 1))
    trans = np.array([[0.0, 0, 0], [1, 2, 3]])
    posed = skin(body, np.zeros(10), identity, trans)
    np.testing.assert_allclose(posed, body.v_template + trans[:, None], atol=1e-6)


def test_vertices_ride_on_their_joints(body: Body) -> None:
    """Each tetrahedron belongs to one joint, so its place follows from that joint's alone."""
    random = np.random.default_rng(5)
    rigid = replace(body, posedirs=np.zeros((96, 3, 207)))
    betas, local = random.normal(size=10), rotations.exp(random.normal(size=(3, 24, 3)))
    trans = random.normal(size=(3, 3))
    joints = rigid.rest_joints(betas)
    turned, positions = forward_kinematics(local, joints, trans)
    offsets = (rigid.vertices_rest(betas).reshape(24, 4, 3) - joints[:, None])[None]
    expected = positions[:, :, None] + rotations.rotate(turned[:, :, None], offsets)
    np.testing.assert_allclose(skin(rigid, betas, local, trans), expected.reshape(3, 96, 3), atol=2e-6)


def test_pose_corrections_see_every_joint_but_the_pelvis(body: Body) -> None:
    """A turn of the elbow by a known angle adds the columns of its nine matrix entries, turned with each vertex."""
    local = np.tile(rotations.IDENTITY, (1, 24, 1))
    local[0, 0] = rotations.exp(np.array([0.3, 0.2, -0.5]))
    assert np.ptp(skin(body, np.zeros(10), local, np.zeros((1, 3))), axis=1).shape == (1, 3)
    turned_only = skin(replace(body, posedirs=np.zeros((96, 3, 207))), np.zeros(10), local, np.zeros((1, 3)))
    np.testing.assert_allclose(skin(body, np.zeros(10), local, np.zeros((1, 3))), turned_only, atol=1e-6)

    angle, elbow = 0.7, INDEX["left_elbow"]
    local[0, 0], local[0, elbow] = rotations.IDENTITY, rotations.exp(np.array([0, 0, angle]))
    c, s = np.cos(angle), np.sin(angle)
    entries = np.array([c - 1, -s, 0, s, c - 1, 0, 0, 0, 0])  # row by row, less the identity
    columns = body.posedirs[..., 9 * (elbow - 1) : 9 * elbow].astype(np.float64)
    correction = (columns @ entries)[:4]  # of the pelvis's own vertices, which do not turn
    posed = skin(body, np.zeros(10), local, np.zeros((1, 3)))[0, :4]
    np.testing.assert_allclose(posed - body.v_template[:4], correction, atol=1e-6)


def test_every_field_is_documented() -> None:
    assert Body.__doc__ is not None
    assert all(f"{field.name}:" in Body.__doc__ for field in fields(Body))
