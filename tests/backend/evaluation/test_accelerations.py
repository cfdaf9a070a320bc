"""Accelerations that are known by construction are told apart by where they point."""

import numpy as np
import pytest

from backend.evaluation.accelerations import PARTS, STILL, parts_of_error, table

FRAMES = 30
OBSERVED = np.ones(FRAMES, dtype=bool)


def falling(across: float, along: float) -> np.ndarray:
    """(T, 12, 3) the hands of somebody who stands still otherwise, with constant accelerations in m/frame²."""
    half_squared = 0.5 * np.arange(FRAMES) ** 2
    joints = np.zeros((FRAMES, 12, 3))
    joints[:, -1, 1] += across * half_squared
    joints[:, -1, 2] += along * half_squared
    return joints


def test_what_stands_still_errs_by_the_truths_own_accelerations() -> None:
    truth = falling(0.003, 0.004)
    found = parts_of_error(np.zeros_like(truth), truth, OBSERVED)
    # one joint of twelve moves
    assert {name: 12 * value for name, value in found.items()} == pytest.approx(
        {"all": 5.0, "across": 3.0, "along": 4.0}
    )


def test_what_sees_only_the_picture_errs_along_the_line_of_sight() -> None:
    truth = falling(0.003, 0.004)
    found = parts_of_error(truth * [1, 1, 0], truth, OBSERVED)
    assert 12 * found["all"] == pytest.approx(4.0)
    assert found["across"] == pytest.approx(0.0, abs=1e-12)


def test_the_table_has_the_means_of_every_answer() -> None:
    rows = [
        {STILL: dict.fromkeys(PARTS, 1.0)},
        {STILL: dict.fromkeys(PARTS, 2.0), "another": dict.fromkeys(PARTS, 4.0)},
    ]
    lines = table(rows).splitlines()
    assert lines[-2].split() == ["standing", "still", "1.5", "1.5", "1.5"]
    assert lines[-1].split() == ["another", "4.0", "4.0", "4.0"]
