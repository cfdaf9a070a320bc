"""Rotations as unit quaternions (w, x, y, z), in numpy, over any leading dimensions.

Quaternions act on column vectors, ``rotate(multiply(a, b), v) == rotate(a, rotate(b, v))``. Axis-angle vectors are in
radians. All functions are pure, keep the leading shape and compute in the dtype they are given.

Those that long motions go through (multiply, relative, rotate, exp, log, normalize, make_continuous) also keep the
memory layout of what they are given, and work on whole components: arrays whose components lie apart in memory go
through them several times faster.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

IDENTITY: NDArray[np.float64] = np.array([1.0, 0.0, 0.0, 0.0])

#: Hamilton's product: what is added to each component and what taken from it, as components of the two factors.
_HAMILTON: tuple[tuple[tuple[np.ufunc, int, int], ...], ...] = (
    ((np.add, 0, 0), (np.subtract, 1, 1), (np.subtract, 2, 2), (np.subtract, 3, 3)),
    ((np.add, 0, 1), (np.add, 1, 0), (np.add, 2, 3), (np.subtract, 3, 2)),
    ((np.add, 0, 2), (np.subtract, 1, 3), (np.add, 2, 0), (np.add, 3, 1)),
    ((np.add, 0, 3), (np.add, 1, 2), (np.subtract, 2, 1), (np.add, 3, 0)),
)
_OPPOSITE: dict[np.ufunc, np.ufunc] = {np.add: np.subtract, np.subtract: np.add}
#: The same with the first factor's conjugate.
_HAMILTON_CONJUGATED = tuple(
    tuple((_OPPOSITE[term] if i else term, i, j) for term, i, j in component) for component in _HAMILTON
)


def normalize(quaternion: Array) -> Array:
    """(..., 4) -> unit (..., 4). A zero quaternion becomes the identity."""
    length = np.sqrt(_dot(quaternion, quaternion))[..., None]
    safe = np.where(length > 0, length, 1)
    result = quaternion / safe
    np.copyto(result, IDENTITY.astype(result.dtype), where=~(length > 0))
    return result


def conjugate(quaternion: Array) -> Array:
    """(..., 4) -> (..., 4), the inverse of a unit quaternion."""
    w, x, y, z = _components(quaternion)
    return _assemble(quaternion, w, -x, -y, -z)


def multiply(a: Array, b: Array, out: Array | None = None) -> Array:
    """Hamilton product of (..., 4) and (..., 4): first ``b``, then ``a``; written to ``out``, where there is one."""
    return _product(_HAMILTON, a, b, out)


def relative(a: Array, b: Array, out: Array | None = None) -> Array:
    """What turns the unit quaternion ``a`` into ``b``, in the axes of ``a``: ``multiply(conjugate(a), b)``."""
    return _product(_HAMILTON_CONJUGATED, a, b, out)


def rotate(quaternion: Array, vector: Array) -> Array:
    """Rotates (..., 3) vectors by (..., 4) unit quaternions."""
    w, x, y, z = _components(quaternion)
    vx, vy, vz = _components(vector)
    # v + w t + (x, y, z) x t, where t = 2 (x, y, z) x v
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    return _assemble(
        quaternion if np.ndim(quaternion) >= np.ndim(vector) else vector,
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def exp(rotation_vector: Array) -> Array:
    """Axis-angle (..., 3) in radians -> unit quaternion (..., 4)."""
    vector = _components(rotation_vector)
    quarter = _sum_of_squares(vector)
    np.sqrt(quarter, out=quarter)
    quarter /= 4
    np.maximum(quarter, np.finfo(quarter.dtype).tiny, out=quarter)
    # the tangent of a quarter of the angle gives sine and cosine of the half, and is quicker than either
    tangent = np.tan(quarter, out=np.empty_like(quarter))
    scale = np.divide(tangent, quarter, out=quarter)
    shrink = np.square(tangent, out=tangent)
    shrink += 1
    np.divide(1, shrink, out=shrink)
    scale *= shrink
    scale /= 2  # sin(angle / 2) / angle, which is exact at zero
    result = _empty(rotation_vector, scale.shape, 4, scale.dtype)
    cosine = np.multiply(shrink, 2, out=result[..., 0])
    cosine -= 1
    for component, of_vector in zip(_components(result)[1:], vector, strict=True):
        np.multiply(of_vector, scale, out=component)
    return result


def cayley(rotation_vector: Array) -> Array:
    """(..., 3) -> unit quaternion (..., 4): ``exp`` but for terms of the third order, and several times faster.

    The rotation has the vector's axis and turns by ``2 atan(length / 2)``; the opposite vector gives its inverse.
    """
    vector = _components(rotation_vector)
    squared = _sum_of_squares(vector)
    squared /= 4
    squared += 1
    result = _empty(rotation_vector, squared.shape, 4, squared.dtype)
    w = np.divide(1, np.sqrt(squared, out=squared), out=result[..., 0])
    half = np.divide(w, 2, out=squared)
    for component, of_vector in zip(_components(result)[1:], vector, strict=True):
        np.multiply(of_vector, half, out=component)
    return result


def log(quaternion: Array) -> Array:
    """Unit quaternion (..., 4) -> the shortest axis-angle (..., 3), of length at most pi."""
    w, *vector = _components(quaternion)
    sine = _sum_of_squares(vector)
    np.sqrt(sine, out=sine)
    scale = np.asarray(np.arctan2(sine, np.abs(w)))
    small = sine < 1e-7
    np.copyto(sine, 1, where=small)
    scale *= 2
    scale /= sine
    np.copyto(scale, 2, where=small)
    np.negative(scale, out=scale, where=w < 0)
    result = _empty(quaternion, scale.shape, 3, scale.dtype)
    for component, of_vector in zip(_components(result), vector, strict=True):
        np.multiply(of_vector, scale, out=component)
    return result


def to_matrix(quaternion: Array) -> Array:
    """Unit quaternion (..., 4) -> rotation matrix (..., 3, 3)."""
    w, x, y, z = (quaternion[..., i] for i in range(4))
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrix: ArrayLike) -> Array:
    """Rotation matrix (..., 3, 3) -> unit quaternion (..., 4) with w >= 0 (Shepperd 1978: the largest term leads)."""
    m = np.asarray(matrix)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # four times the square of each component; the largest is safe to divide by
    squares = np.stack((1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22), axis=-1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    s0, s1, s2, s3 = (squares[..., i] for i in range(4))
    candidates = np.stack(
        (
            np.stack((s0, a, b, c), axis=-1),
            np.stack((a, s1, d, e), axis=-1),
            np.stack((b, d, s2, f), axis=-1),
            np.stack((c, e, f, s3), axis=-1),
        ),
        axis=-2,
    )
    lead = np.argmax(squares, axis=-1)[..., None, None]
    chosen = np.take_along_axis(candidates, lead, axis=-2)[..., 0, :]
    return normalize(np.where(chosen[..., :1] < 0, -chosen, chosen))


def between(a: Array, b: Array) -> Array:
    """The shortest rotation (..., 4) that takes direction ``a`` (..., 3) to direction ``b`` (..., 3)."""
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    across = np.cross(a, b)
    tiny = np.sqrt(np.finfo(across.dtype).eps)
    half_turn = (cosine < 0) & (np.linalg.norm(across, axis=-1, keepdims=True) < tiny)
    # any axis at right angles serves for a half turn
    least = np.eye(3, dtype=a.dtype)[np.argmin(np.abs(a), axis=-1)]
    axis = np.where(half_turn, np.cross(a, least), across)
    return normalize(np.concatenate((np.where(half_turn, 0, 1 + cosine), axis), axis=-1))


def make_continuous(quaternion: Array) -> Array:
    """Chooses the sign of each of (T, ..., 4) so that neighbours in time lie on the same half of the sphere."""
    result = quaternion.copy(order="K")
    flips = np.where(_dot(quaternion[1:], quaternion[:-1]) < 0, -1, 1).astype(quaternion.dtype)
    result[1:] *= np.cumprod(flips, axis=0)[..., None]
    return result


def _product(terms: tuple[tuple[tuple[np.ufunc, int, int], ...], ...], a: Array, b: Array, out: Array | None) -> Array:
    of_a, of_b = _components(a), _components(b)
    if out is None:
        shape = np.broadcast_shapes(of_a[0].shape, of_b[0].shape)
        out = _empty(a if np.ndim(a) >= np.ndim(b) else b, shape, 4, np.result_type(a.dtype, b.dtype))
    product = np.empty_like(out[..., 0])
    for component, (first, *others) in zip(_components(out), terms, strict=True):
        np.multiply(of_a[first[1]], of_b[first[2]], out=component)
        for add, i, j in others:
            add(component, np.multiply(of_a[i], of_b[j], out=product), out=component)
    return out


def _components(array: Array) -> tuple[Array, ...]:
    return tuple(array[..., index] for index in range(array.shape[-1]))


def _dot(a: Array, b: Array) -> Array:
    """(..., 4) and (..., 4) -> (...), the cosine of half the angle between two rotations."""
    aw, ax, ay, az = _components(a)
    bw, bx, by, bz = _components(b)
    return aw * bw + ax * bx + ay * by + az * bz


def _sum_of_squares(components: Sequence[Array]) -> Array:
    """(...) each -> (...), floating point numbers."""
    first = components[0]
    dtype = np.result_type(first.dtype, np.float16)
    result, square = (np.empty_like(first, dtype=dtype) for _ in range(2))
    np.square(first, out=result)
    for component in components[1:]:
        result += np.square(component, out=square)
    return result


def _empty(like: Array, shape: tuple[int, ...], count: int, dtype: np.dtype[Any]) -> Array:
    """(*shape, count), laid out in memory as ``like`` is.

    Large results are filled in place: to ask for memory takes several times as long as to compute what it holds.
    """
    return np.empty_like(like, shape=(*shape, count), dtype=dtype)


def _assemble(like: Array, *components: Array) -> Array:
    """Components (...) -> (..., n), laid out in memory as ``like`` is."""
    result = np.empty_like(like, shape=(*components[0].shape, len(components)), dtype=components[0].dtype)
    for index, component in enumerate(components):
        result[..., index] = component
    return result
