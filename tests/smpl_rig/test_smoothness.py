import argparse
from itertools import pairwise

import numpy as np
import pytest

from smpl_rig.refine import check_smoothness
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS, read_smoothness, smoothness_presets


@pytest.mark.parametrize("name", ["Sport", "Dance", "Acting", "Everyday"])
def test_presets_are_settings_that_refine_understands(name: str) -> None:
    preset = smoothness_presets()[name]
    check_smoothness(preset.smoothness, preset.parts)


def test_everyday_is_the_default() -> None:
    everyday = smoothness_presets()["Everyday"]
    assert everyday.smoothness == DEFAULT_SMOOTHNESS
    assert not everyday.parts


def test_the_faster_the_motion_the_less_it_is_smoothed() -> None:
    presets = smoothness_presets()
    order = [presets[name].smoothness for name in ("Sport", "Dance", "Everyday", "Acting")]
    assert all(np.less(a, b) for a, b in pairwise(order))


def test_only_what_the_slider_has_is_read() -> None:
    assert [read_smoothness(text) for text in ("0", "0.25", "1")] == [0.0, 0.25, 1.0]
    for text in ("1.01", "-1", "nan"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"^{text} does not lie between 0 and 1$"):
            read_smoothness(text)
