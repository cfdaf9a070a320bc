import json
import math

import numpy as np

from backend.json_values import known


def test_what_is_not_known_is_null_in_any_depth() -> None:
    given = {"a": math.nan, "b": {"c": np.float64("inf"), "d": 1.5, "e": {"f": 3}}, "g": None, "h": "text"}
    told = json.dumps(known(given), allow_nan=False)
    assert json.loads(told) == {"a": None, "b": {"c": None, "d": 1.5, "e": {"f": 3}}, "g": None, "h": "text"}
