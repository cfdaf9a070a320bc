import os
from pathlib import Path

import numpy as np
import pytest

from backend.features.feature_cache import FeatureCache

SHAPES = {"global_features": (2, 5), "local_maps": (2, 3, 4, 4)}


def arrays(value: float = 1.0) -> dict[str, np.ndarray]:
    return {name: np.full(shape, value, np.float32) for name, shape in SHAPES.items()}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "features")
    assert cache.read("a", SHAPES) is None
    cache.write("a", arrays(1.5))
    cache.write("b", arrays(2.5))
    found = cache.read("a", SHAPES)
    assert found is not None
    assert found.keys() == SHAPES.keys()
    assert all((array == 1.5).all() and array.dtype == np.float32 for array in found.values())
    assert cache.read("c", SHAPES) is None
    assert sorted(path.name for path in (tmp_path / "features").iterdir()) == ["a.npz", "b.npz"]


@pytest.mark.parametrize(
    "shapes", [SHAPES | {"global_features": (2, 6)}, SHAPES | {"global_features": (10,)}, SHAPES | {"more": (1,)}]
)
def test_arrays_of_other_names_or_shapes_are_none(shapes: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    cache.write("a", arrays())
    assert cache.read("a", shapes) is None


def test_arrays_of_other_numbers_are_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", global_features=np.zeros((2, 5), np.float64))
    assert FeatureCache(tmp_path).read("a", {"global_features": (2, 5)}) is None


def test_a_damaged_file_is_none_and_is_replaced(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    cache.write("a", arrays(1.5))
    path = tmp_path / "a.npz"
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert cache.read("a", SHAPES) is None, f"cut off after {length} bytes"
    for place in range(len(whole) // 8, len(whole) // 4):  # in the numbers of the first array
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        found = cache.read("a", SHAPES)
        assert found is None or all((array == 1.5).all() for array in found.values()), f"byte {place} was changed"
    cache.write("a", arrays(2.5))
    found = cache.read("a", SHAPES)
    assert found is not None
    assert (found["local_maps"] == 2.5).all()


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", global_features=np.array([None, {}], dtype=object))
    assert FeatureCache(tmp_path).read("a", {"global_features": (2,)}) is None


def test_what_was_not_read_for_longest_makes_room(tmp_path: Path) -> None:
    FeatureCache(tmp_path).write("size", arrays())
    size = (tmp_path / "size.npz").stat().st_size
    (tmp_path / "size.npz").unlink()
    cache = FeatureCache(tmp_path, limit_bytes=3 * size)
    for hour, key in enumerate("abc"):
        cache.write(key, arrays())
        os.utime(tmp_path / f"{key}.npz", (3600 * hour, 3600 * hour))
    assert cache.read("a", SHAPES) is not None  # and so was read after b and c were
    cache.write("d", arrays())
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["a", "c", "d"]


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    cache = FeatureCache(tmp_path / "in the way")
    cache.write("a", arrays())
    assert cache.read("a", SHAPES) is None
