"""An exact O(T) solver for symmetric systems of five bands, in numpy. Time is the last axis of every array."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


class PentadiagonalSystem:
    """Many systems ``A x = b`` at once, each A symmetric and positive definite with five bands.

    Pairs of neighbouring unknowns make A block tridiagonal with 2 x 2 blocks, which cyclic reduction (Golub & Van Loan,
    Matrix Computations, 4.5.4) solves exactly, halving the number of blocks at each step.

    Args:
        diagonal: (J, T), J systems of T unknowns.
        first: (J, T-1) the band beside the diagonal.
        second: (J, T-2) the band beside that.
    """

    def __init__(self, diagonal: Floats, first: Floats, second: Floats) -> None:
        self._unknowns = diagonal.shape[-1]
        self._levels = []
        blocks, upper = _paired(diagonal, first, second)
        while blocks.shape[-1] > 1:
            level, blocks, upper = _reduced(blocks, upper)
            self._levels.append(level)
        self._last = _inverse(blocks)

    def solve(self, right_side: Floats) -> Floats:
        """(..., J, T) -> (..., J, T)."""
        *leading, unknowns = right_side.shape
        rest = np.zeros((2, int(np.prod(leading[:-1])), leading[-1], (unknowns + 1) // 2))  # two unknowns to a block
        of_pairs = right_side.reshape((*rest.shape[1:-1], unknowns))
        rest[0], rest[1, ..., : unknowns // 2] = of_pairs[..., 0::2], of_pairs[..., 1::2]
        held = []
        for level in self._levels:
            eliminated, rest = rest[..., 1::2].copy(), rest[..., 0::2].copy()
            held.append(eliminated)
            count, behind = level.before.shape[-1], level.after.shape[-1]
            rest[..., :count] -= _times(level.before, eliminated)
            rest[..., 1 : behind + 1] -= _times(_transposed(level.after), eliminated[..., :behind])
        rest = _times(self._last, rest)
        for level, eliminated in zip(reversed(self._levels), reversed(held), strict=True):
            count, behind = level.before.shape[-1], level.after.shape[-1]
            found = _times(level.inverse, eliminated)
            found -= _times(_transposed(level.before), rest[..., :count])
            found[..., :behind] -= _times(level.after, rest[..., 1 : behind + 1])
            rest = _interleaved(rest, found)
        return _interleaved(rest[0], rest[1])[..., :unknowns].reshape(right_side.shape)


class _Level(NamedTuple):
    """What one step of the reduction leaves for the solution, each of its blocks (2, 2, J, n).

    Attributes:
        inverse: of the eliminated blocks.
        before: coupling of the kept block before each eliminated one, times ``inverse``.
        after: ``inverse`` times the coupling to the kept block after it.
    """

    inverse: Floats
    before: Floats
    after: Floats


def _paired(diagonal: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Bands as blocks (2, 2, J, n) on the diagonal and (2, 2, J, n - 1) above it.

    An odd number of unknowns is padded with an equation x = 0.
    """
    systems, unknowns = diagonal.shape
    pairs, odd = (unknowns + 1) // 2, unknowns // 2
    blocks, upper = np.zeros((2, 2, systems, pairs)), np.zeros((2, 2, systems, pairs - 1))
    blocks[0, 0], blocks[1, 1, :, odd:], blocks[1, 1, :, :odd] = diagonal[:, 0::2], 1, diagonal[:, 1::2]
    blocks[0, 1, :, :odd] = blocks[1, 0, :, :odd] = first[:, 0::2]
    upper[0, 0], upper[1, 0] = second[:, 0::2], first[:, 1::2]
    upper[1, 1, :, : max(odd - 1, 0)] = second[:, 1::2]
    return blocks, upper


def _reduced(blocks: Floats, upper: Floats) -> tuple[_Level, Floats, Floats]:
    """Eliminates every second block."""
    inverse = _inverse(blocks[..., 1::2])
    left = upper[..., 0::2].copy()  # kept block 2i and eliminated block 2i+1
    right = upper[..., 1::2].copy()  # eliminated block 2i+1 and kept block 2i+2
    count, behind = left.shape[-1], right.shape[-1]
    before = _product(left, inverse)
    after = _product(inverse[..., :behind], right)
    kept = blocks[..., 0::2].copy()
    kept[..., :count] -= _product(before, _transposed(left))
    kept[..., 1 : behind + 1] -= _product(_transposed(right), after)
    coupling = _product(before[..., :behind], right)
    return _Level(inverse, before, after), kept, np.negative(coupling, out=coupling)


def _inverse(blocks: Floats) -> Floats:
    """By the adjugate."""
    (a, b), (_, c) = blocks
    scale = a * c
    scale -= b * b
    np.divide(1, scale, out=scale)
    inverse = np.empty(blocks.shape)
    np.multiply(c, scale, out=inverse[0, 0])
    np.multiply(a, scale, out=inverse[1, 1])
    np.negative(scale, out=scale)
    np.multiply(b, scale, out=inverse[0, 1])
    inverse[1, 0] = inverse[0, 1]
    return inverse


def _transposed(blocks: Floats) -> Floats:
    return blocks.swapaxes(0, 1)


def _product(a: Floats, b: Floats) -> Floats:
    """Of blocks (2, 2, J, n)."""
    result = a[:, 0, None] * b[0]
    result += a[:, 1, None] * b[1]
    return result


def _times(blocks: Floats, vectors: Floats) -> Floats:
    """Blocks (2, 2, J, n) times vectors (2, C, J, n)."""
    result = blocks[:, 0, None] * vectors[0]
    result += blocks[:, 1, None] * vectors[1]
    return result


def _interleaved(even: Floats, odd: Floats) -> Floats:
    result = np.empty((*even.shape[:-1], even.shape[-1] + odd.shape[-1]))
    result[..., 0::2], result[..., 1::2] = even, odd
    return result
