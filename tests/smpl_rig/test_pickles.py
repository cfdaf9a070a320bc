"""Pickles of other programs: what they may build, and that nothing in them runs."""

import os
import pickle
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig.pickles import PickleError, read_pickle

GOLDEN = Path(__file__).parent / "golden"


class Attack:
    """Runs a command when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("function", [os.system, subprocess.check_output, eval, exec, __import__, getattr, np.load])
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("packed", [bytes, zlib.compress])
def test_a_pickle_that_asks_for_anything_else_is_refused(
    tmp_path: Path, function: Callable[..., Any], protocol: int, packed: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "attack.pkl"
    path.write_bytes(packed(pickle.dumps([Attack(function, f"touch {tmp_path}/owned")], protocol=protocol)))
    with pytest.raises(PickleError, match=r"The pickle asks for '.*', which no file of numbers needs"):
        read_pickle(path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"cnumpy.testing._private.utils\nrunstring\n(S'import os'\n(dtR.",
        b"cnumpy\nload\n(S'x.npy'\ntR.",
        b"cnumpy.core.multiarray._reconstruct\n__globals__\n.",
        b"cjoblib.numpy_pickle\nNumpyUnpickler\n.",
        b"cjoblib.numpy_pickle.NumpyArrayWrapper\n_file\n.",
    ],
)
def test_detours_through_allowed_names_are_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "detour.pkl"
    path.write_bytes(text)
    with pytest.raises(PickleError, match="which no file of numbers needs"):
        read_pickle(path)


@pytest.mark.parametrize("name", ["joblib_plain", "joblib_zlib"])
def test_files_of_joblib(name: str) -> None:
    """The golden files were written by joblib itself, see make_joblib.py."""
    frame = read_pickle(GOLDEN / f"{name}.pkl")["frame_000001.jpg"]
    assert (frame["time"], frame["size"], frame["mask"][0]["size"]) == (3, [[720, 1280]], [720, 1280])
    assert float(frame["conf"][0]) == 0.75
    rows, columns = np.asarray(frame["rows"][0]), np.asarray(frame["columns"])
    np.testing.assert_array_equal(rows, [[0, 1, 2], [3, 4, 5]])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(columns, np.arange(24).reshape(2, 3, 4))
    assert np.asarray(frame["scalar"]) == 2.5
    assert np.asarray(frame["nothing"]).shape == (0, 4)


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(PickleError, match="something other than numbers"):
        read_pickle(GOLDEN / "joblib_objects.pkl")


@given(data=st.data())
def test_damaged_files_raise_nothing_but_pickle_errors(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    raw = bytearray((GOLDEN / data.draw(st.sampled_from(["joblib_plain.pkl", "joblib_zlib.pkl"]))).read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(3):
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "file.pkl"
    path.write_bytes(raw)
    try:
        read_pickle(path)
    except PickleError as error:
        assert str(error)  # noqa: PT017  (damage to a number may go unseen; anything else may not)


@pytest.mark.parametrize("name", ["joblib_plain", "joblib_zlib"])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    raw = (GOLDEN / f"{name}.pkl").read_bytes()
    for length in range(len(raw)):
        (tmp_path / "cut.pkl").write_bytes(raw[:length])
        with pytest.raises(PickleError):
            read_pickle(tmp_path / "cut.pkl")


def test_a_small_file_that_unpacks_into_a_huge_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smpl_rig.pickles._LARGEST_BYTES", 1000)
    path = tmp_path / "bomb.pkl"
    path.write_bytes(zlib.compress(pickle.dumps(b"0" * 2000)))
    with pytest.raises(PickleError, match="unpacks to more than"):
        read_pickle(path)
