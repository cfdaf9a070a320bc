"""An exact O(T) solver for smoothing problems that pay for second differences, vectorised in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


class SecondDifferenceSystem:
    """The normal equations ``(W + stiffness D' M D) x = b`` of a smoothing spline on uneven times.

    W holds the data weights (confidence times each frame's share of time), D takes second differences, M the shares of
    time of the frames within. The matrix has five bands. Pairs of neighbouring frames make it block tridiagonal with
    2 x 2 blocks, which cyclic reduction (Golub & Van Loan, Matrix Computations, 4.5.4) solves exactly, halving the
    number of blocks at each step.

    Args:
        times_s: (T,) strictly increasing, T at least 3.
        confidence: (T, J) positive weights, a column for each trajectory.
        stiffness: weight of the squared second derivative, seconds to the fourth power.
    """

    def __init__(self, times_s: Floats, confidence: Floats, stiffness: float) -> None:
        step = np.diff(times_s)  # (T-1,)
        within = (step[:-1] + step[1:]) / 2  # (T-2,) each inner frame's share of time
        share = np.empty(len(times_s))
        share[1:-1] = within
        share[0], share[-1] = step[0] / 2, step[-1] / 2
        self.data_weights: Floats = confidence * share[:, None]  # (T, J)
        self._step = step
        self._stiffness_within = stiffness * within
        # x'' at inner frame t = (x[t+1] - x[t]) / (step[t] within) - (x[t] - x[t-1]) / (step[t-1] within)
        self._before = 1 / (step[:-1] * within)
        self._after = 1 / (step[1:] * within)
        self._levels = self._reduce(*self._blocks())

    def stiffness_gradient(self, steps: Floats) -> Floats:
        """``stiffness D' M`` applied to the second derivative of a path given by its (T-1, J, 3) steps -> (T, J, 3)."""
        second = steps[1:] * self._after[:, None, None] - steps[:-1] * self._before[:, None, None]  # (T-2, J, 3)
        weighted = second * self._stiffness_within[:, None, None]
        gradient = np.zeros((len(steps) + 1, *steps.shape[1:]))
        gradient[:-2] += weighted * self._before[:, None, None]
        gradient[1:-1] -= weighted * (self._before + self._after)[:, None, None]
        gradient[2:] += weighted * self._after[:, None, None]
        return gradient

    def solve(self, right_side: Floats) -> Floats:
        """(T, J, C) -> (T, J, C)."""
        frames, columns, components = right_side.shape
        blocks = (frames + 1) // 2
        padded = np.zeros((2 * blocks, columns, components))
        padded[:frames] = right_side
        # (2 blocks, J, C) -> (blocks, J, 2, C)
        stacked = padded.reshape(blocks, 2, columns, components).transpose(0, 2, 1, 3)
        solved = self._solve_level(0, stacked)
        return solved.transpose(0, 2, 1, 3).reshape(2 * blocks, columns, components)[:frames]

    def _blocks(self) -> tuple[Floats, Floats]:
        """Diagonal (n, J, 2, 2) and upper (n-1, 1, 2, 2) blocks; an odd T is padded with an equation x = 0."""
        frames, columns = self.data_weights.shape
        before, after, weight = self._before, self._after, self._stiffness_within
        bands = np.zeros((3, 2 * ((frames + 1) // 2)))  # the diagonal and the two bands above it
        bands[0, : frames - 2] += weight * before**2
        bands[0, 1 : frames - 1] += weight * (before + after) ** 2
        bands[0, 2:frames] += weight * after**2
        bands[1, : frames - 2] -= weight * before * (before + after)
        bands[1, 1 : frames - 1] -= weight * after * (before + after)
        bands[2, : frames - 2] += weight * before * after
        diagonal_band = np.ones((bands.shape[1], columns))
        diagonal_band[:frames] = self.data_weights + bands[0, :frames, None]
        even, odd = slice(0, None, 2), slice(1, None, 2)
        diagonal = np.empty((bands.shape[1] // 2, columns, 2, 2))
        diagonal[..., 0, 0], diagonal[..., 1, 1] = diagonal_band[even], diagonal_band[odd]
        diagonal[..., 0, 1] = diagonal[..., 1, 0] = bands[1, even, None]
        upper = np.zeros((len(diagonal) - 1, 1, 2, 2))
        upper[:, 0, 0, 0] = bands[2, even][:-1]
        upper[:, 0, 1, 0] = bands[1, odd][:-1]
        upper[:, 0, 1, 1] = bands[2, odd][:-1]
        return diagonal, upper

    @staticmethod
    def _reduce(diagonal: Floats, upper: Floats) -> list[tuple[Floats, Floats, Floats]]:
        """For each level: the inverse of the eliminated blocks, and their couplings to the kept ones on either side."""
        levels = []
        while len(diagonal) > 1:
            inverse = _inverse(diagonal[1::2])
            to_left = upper[0::2]  # kept block 2i and eliminated block 2i+1
            to_right = upper[1::2]  # eliminated block 2i+1 and kept block 2i+2
            left_inverse = to_left @ inverse
            kept = diagonal[0::2].copy()
            kept[: len(inverse)] -= left_inverse @ _transpose(to_left)
            count = len(to_right)
            kept[1 : count + 1] -= _transpose(to_right) @ inverse[:count] @ to_right
            levels.append((inverse, to_left, to_right))
            diagonal, upper = kept, -left_inverse[:count] @ to_right
        levels.append((_inverse(diagonal), upper, upper))
        return levels

    def _solve_level(self, level: int, right_side: Floats) -> Floats:
        """(n, J, 2, C) -> (n, J, 2, C)."""
        inverse, to_left, to_right = self._levels[level]
        if level == len(self._levels) - 1:
            return inverse @ right_side
        eliminated, count = inverse @ right_side[1::2], len(to_right)
        kept = right_side[0::2].copy()
        kept[: len(inverse)] -= to_left @ eliminated
        kept[1 : count + 1] -= _transpose(to_right) @ eliminated[:count]
        solved = np.empty_like(right_side)
        solved[0::2] = self._solve_level(level + 1, kept)
        coupling = _transpose(to_left) @ solved[0::2][: len(inverse)]
        coupling[:count] += to_right @ solved[2::2]
        solved[1::2] = eliminated - inverse @ coupling
        return solved


def _transpose(blocks: Floats) -> Floats:
    return blocks.swapaxes(-1, -2)


def _inverse(blocks: Floats) -> Floats:
    """Inverse of symmetric positive definite 2 x 2 blocks, by the adjugate."""
    result = np.empty_like(blocks)
    result[..., 0, 0], result[..., 1, 1] = blocks[..., 1, 1], blocks[..., 0, 0]
    result[..., 0, 1], result[..., 1, 0] = -blocks[..., 0, 1], -blocks[..., 1, 0]
    determinant = blocks[..., 0, 0] * blocks[..., 1, 1] - blocks[..., 0, 1] * blocks[..., 1, 0]
    return result / determinant[..., None, None]
