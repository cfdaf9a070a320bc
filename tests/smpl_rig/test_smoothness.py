from itertools import pairwise

import numpy as np
import pytest

from smpl_rig.refine import check_smoothness
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS, smoothness_presets


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
