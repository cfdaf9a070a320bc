"""Whatever happened to a file, the user is told in our own words."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smpl_rig.body import Body
from smpl_rig.errors import LimberError
from smpl_rig.imports.placing import Wearer
from smpl_rig.imports.reading import read_content, read_motions

from ..test_asf_amc_reader import AMC, ASF
from .performance import perform
from .test_results import gvhmr, phalp, vibe, wham

LAYOUTS = ("wham", "vibe", "phalp", "gvhmr", "aist")
VALUES = st.one_of(
    st.none(), st.text(max_size=3), st.integers(-2, 2), st.floats(), st.lists(st.integers(), max_size=2),
    st.just({}), st.just(np.zeros(0)), st.just(np.zeros((2, 3))), st.just(np.array(["a"])), st.just(np.array([None])),
)  # fmt: skip


def content_of(layout: str, body: Body) -> Any:
    person = perform(body, 1)
    if layout == "aist":
        return {"smpl_poses": np.zeros((3, 72)), "smpl_trans": np.zeros((3, 3)), "smpl_scaling": np.array([95.0])}
    return gvhmr(person) if layout == "gvhmr" else {"wham": wham, "vibe": vibe, "phalp": phalp}[layout]([person])


def places(content: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """Every dictionary and list in it with each of its keys."""
    if depth > 3 or not isinstance(content, dict | list):
        return []
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    return [(content, key) for key in keys] + [found for key in keys for found in places(content[key], depth + 1)]


@pytest.mark.parametrize("layout", LAYOUTS)
@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_any_place(layout: str, body: Body, smpl: Wearer, tmp_path: Path, data: st.DataObject) -> None:
    content = content_of(layout, body)
    owner, key = data.draw(st.sampled_from(places(content)))
    owner[key] = data.draw(VALUES)
    path = tmp_path / "result.pkl"
    path.write_bytes(b"")
    try:
        motions = read_content(path, content, smpl)
    except LimberError as error:
        assert str(error).startswith("result.pkl")  # noqa: PT017  (some values do no harm)
    else:
        assert motions


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_byte_of_any_file(smpl: Wearer, tmp_path: Path, data: st.DataObject) -> None:
    (tmp_path / "07.asf").write_text(ASF)
    np.savez(tmp_path / "walk.npz", poses=np.zeros((4, 72)), trans=np.zeros((4, 3)), mocap_framerate=30.0)
    raw = {
        "07_01.amc": AMC.encode(),
        "07.asf": ASF.encode(),
        "walk.npz": (tmp_path / "walk.npz").read_bytes(),
        "dance.pkl": pickle.dumps({"smpl_poses": np.zeros((3, 72)), "smpl_trans": np.zeros((3, 3))}),
    }
    name = data.draw(st.sampled_from(sorted(raw)))
    damaged = bytearray(raw[name])
    for _ in range(2):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    (tmp_path / "07_01.amc").write_text(AMC)
    (tmp_path / name).write_bytes(damaged[: data.draw(st.integers(len(damaged) // 2, len(damaged)))])
    try:
        read_motions(tmp_path / ("07_01.amc" if name.startswith("07") else name), smpl)
    except LimberError as error:
        assert str(error)  # noqa: PT017  (damage to a number may go unseen; anything else may not)
