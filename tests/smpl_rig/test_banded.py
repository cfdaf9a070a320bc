import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.linalg import solveh_banded

from smpl_rig.banded import PentadiagonalSystem


@given(
    unknowns=st.integers(1, 70),
    values=hnp.arrays(float, (4, 2, 70), elements=st.floats(-1, 1)),
    spread=st.floats(0, 6),
)
def test_agrees_with_lapack(unknowns: int, values: np.ndarray, spread: float) -> None:
    first, second = values[0, :, : unknowns - 1], values[1, :, : max(unknowns - 2, 0)]
    # diagonally dominant, by amounts that lie powers of ten apart
    diagonal = 4.1 + 10 ** (spread * values[2, :, :unknowns])
    right_side = np.stack((values[3], values[0], values[1]))[..., :unknowns]
    solved = PentadiagonalSystem(diagonal, first, second).solve(right_side)
    for system in range(2):
        bands = np.zeros((3, unknowns))
        bands[2] = diagonal[system]
        bands[1, 1:] = first[system]
        bands[0, 2:] = second[system]
        expected = solveh_banded(bands, right_side[:, system].T).T
        np.testing.assert_allclose(solved[:, system], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("unknowns", [1, 2, 3, 4, 5, 1000])
def test_keeps_leading_dimensions(unknowns: int) -> None:
    system = PentadiagonalSystem(
        np.full((1, unknowns), 2.0), np.zeros((1, unknowns - 1)), np.zeros((1, max(unknowns - 2, 0)))
    )
    assert np.array_equal(system.solve(np.ones((2, 3, 1, unknowns))), np.full((2, 3, 1, unknowns), 0.5))
