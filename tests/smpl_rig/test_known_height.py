import argparse

import pytest

from smpl_rig.known_height import read_height


def test_only_what_somebody_can_be_is_read() -> None:
    assert [read_height(text) for text in ("0.5", "1.74", "2.5")] == [0.5, 1.74, 2.5]
    for text in ("0.49", "178", "-1.7", "nan", "inf", "178cm"):
        with pytest.raises(
            argparse.ArgumentTypeError, match=rf"^{text} does not lie between 0.5 and 2.5: .* in metres$"
        ):
            read_height(text)
