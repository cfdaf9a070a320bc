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
        while blocks.a.shape[-1] > 1:
            level, blocks, upper = _reduced(blocks, upper)
            self._levels.append(level)
        self._last = _inverse(blocks)

    def solve(self, right_side: Floats) -> Floats:
        """(..., J, T) -> (..., J, T)."""
        rest = right_side
        if self._unknowns % 2:
            rest = np.concatenate((rest, np.zeros((*rest.shape[:-1], 1))), axis=-1)
        # one row for each of a pair's two unknowns
        top, bottom = rest[..., 0::2], rest[..., 1::2]
        held = []
        for level in self._levels:
            z0, z1 = top[..., 1::2].copy(), bottom[..., 1::2].copy()
            top, bottom = top[..., 0::2].copy(), bottom[..., 0::2].copy()
            held.append((z0, z1))
            count, behind = z0.shape[-1], level.after.p.shape[-1]
            f, h = level.before, level.after
            top[..., :count] -= f.p * z0 + f.q * z1
            bottom[..., :count] -= f.r * z0 + f.s * z1
            top[..., 1 : behind + 1] -= h.p * z0[..., :behind] + h.r * z1[..., :behind]
            bottom[..., 1 : behind + 1] -= h.q * z0[..., :behind] + h.s * z1[..., :behind]
        top, bottom = _times(self._last, top, bottom)
        for level, (z0, z1) in zip(reversed(self._levels), reversed(held), strict=True):
            x0, x1 = _times(level.inverse, z0, z1)
            count, behind = z0.shape[-1], level.after.p.shape[-1]
            f, h = level.before, level.after
            k0, k1 = top[..., :count], bottom[..., :count]
            x0 -= f.p * k0 + f.r * k1
            x1 -= f.q * k0 + f.s * k1
            k0, k1 = top[..., 1 : behind + 1], bottom[..., 1 : behind + 1]
            x0[..., :behind] -= h.p * k0 + h.q * k1
            x1[..., :behind] -= h.r * k0 + h.s * k1
            top, bottom = _interleaved(top, x0), _interleaved(bottom, x1)
        return _interleaved(top, bottom)[..., : self._unknowns]


class _Symmetric(NamedTuple):
    """Blocks ((a, b), (b, c)), each (J, n)."""

    a: Floats
    b: Floats
    c: Floats


class _General(NamedTuple):
    """Blocks ((p, q), (r, s)), each (J, n)."""

    p: Floats
    q: Floats
    r: Floats
    s: Floats


class _Level(NamedTuple):
    """What one step of the reduction leaves for the solution.

    Attributes:
        inverse: of the eliminated blocks.
        before: coupling of the kept block before each eliminated one, times ``inverse``.
        after: ``inverse`` times the coupling to the kept block after it.
    """

    inverse: _Symmetric
    before: _General
    after: _General


def _paired(diagonal: Floats, first: Floats, second: Floats) -> tuple[_Symmetric, _General]:
    """Bands as blocks on the diagonal and above it; an odd number of unknowns is padded with an equation x = 0."""
    systems, unknowns = diagonal.shape
    padded = unknowns + unknowns % 2
    bands = np.zeros((3, systems, padded))
    bands[0, :, unknowns:] = 1
    bands[0, :, :unknowns], bands[1, :, : unknowns - 1], bands[2, :, : max(unknowns - 2, 0)] = diagonal, first, second
    even, odd = bands[..., 0::2].copy(), bands[..., 1::2].copy()
    blocks = _Symmetric(even[0], even[1], odd[0])
    upper = _General(
        even[2, :, :-1],
        np.zeros_like(even[2, :, :-1]),
        odd[1, :, :-1],
        odd[2, :, :-1],
    )
    return blocks, upper


def _reduced(blocks: _Symmetric, upper: _General) -> tuple[_Level, _Symmetric, _General]:
    """Eliminates every second block."""
    inverse = _inverse(_Symmetric(*(band[:, 1::2] for band in blocks)))
    left = _General(*(band[:, 0::2].copy() for band in upper))  # kept block 2i and eliminated block 2i+1
    right = _General(*(band[:, 1::2].copy() for band in upper))  # eliminated block 2i+1 and kept block 2i+2
    count, behind = left.p.shape[-1], right.p.shape[-1]
    i = inverse
    before = _General(
        left.p * i.a + left.q * i.b,
        left.p * i.b + left.q * i.c,
        left.r * i.a + left.s * i.b,
        left.r * i.b + left.s * i.c,
    )
    i = _Symmetric(*(band[:, :behind] for band in inverse))
    after = _General(
        i.a * right.p + i.b * right.r,
        i.a * right.q + i.b * right.s,
        i.b * right.p + i.c * right.r,
        i.b * right.q + i.c * right.s,
    )
    kept = _Symmetric(*(band[:, 0::2].copy() for band in blocks))
    kept.a[:, :count] -= before.p * left.p + before.q * left.q
    kept.b[:, :count] -= before.p * left.r + before.q * left.s
    kept.c[:, :count] -= before.r * left.r + before.s * left.s
    kept.a[:, 1 : behind + 1] -= right.p * after.p + right.r * after.r
    kept.b[:, 1 : behind + 1] -= right.p * after.q + right.r * after.s
    kept.c[:, 1 : behind + 1] -= right.q * after.q + right.s * after.s
    f = _General(*(band[:, :behind] for band in before))
    coupling = _General(
        -(f.p * right.p + f.q * right.r),
        -(f.p * right.q + f.q * right.s),
        -(f.r * right.p + f.s * right.r),
        -(f.r * right.q + f.s * right.s),
    )
    return _Level(inverse, before, after), kept, coupling


def _inverse(blocks: _Symmetric) -> _Symmetric:
    """By the adjugate."""
    scale = 1 / (blocks.a * blocks.c - blocks.b * blocks.b)
    return _Symmetric(blocks.c * scale, -blocks.b * scale, blocks.a * scale)


def _times(blocks: _Symmetric, top: Floats, bottom: Floats) -> tuple[Floats, Floats]:
    return blocks.a * top + blocks.b * bottom, blocks.b * top + blocks.c * bottom


def _interleaved(even: Floats, odd: Floats) -> Floats:
    result = np.empty((*even.shape[:-1], even.shape[-1] + odd.shape[-1]))
    result[..., 0::2], result[..., 1::2] = even, odd
    return result
