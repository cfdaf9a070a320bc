import json
import math
from pathlib import Path

import numpy as np
import pytest

from backend.json_reports import known, write_json
from smpl_rig.errors import LimberError


def test_what_is_not_known_is_null_in_any_depth() -> None:
    given = {"a": math.nan, "b": {"c": np.float64("inf"), "d": 1.5, "e": {"f": 3}}, "g": None, "h": "text"}
    told = json.dumps(known(given), allow_nan=False)
    assert json.loads(told) == {"a": None, "b": {"c": None, "d": 1.5, "e": {"f": 3}}, "g": None, "h": "text"}


def test_reports_are_whole_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, {"frames": 3})
    with pytest.raises(TypeError):
        write_json(path, {"frames": path})
    assert json.loads(path.read_text()) == {"frames": 3}
    assert [*tmp_path.iterdir()] == [path]
    with pytest.raises(LimberError, match=r"gone.report\.json cannot be written"):
        write_json(tmp_path / "gone" / "report.json", {})
