"""Rotations as unit quaternions (w, x, y, z), in numpy, over any leading dimensions.

Quaternions act on column vectors, ``rotate(multiply(a, b), v) == rotate(a, rotate(b, v))``. Axis-angle vectors are in
radians. All functions are pure, keep the leading shape and compute in the dtype they are given.

Those that long motions go through (multiply, rotate, exp, log, normalize, make_continuous) also keep the memory layout
of what they are given, and work on whole components: arrays whose components lie apart in memory go through them
several times faster.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

IDENTITY: NDArray[np.float64] = np.array([1.0, 0.0, 0.0, 0.0])


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


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product of (..., 4) and (..., 4): first ``b``, then ``a``."""
    aw, ax, ay, az = _components(a)
    bw, bx, by, bz = _components(b)
    return _assemble(
        a if np.ndim(a) >= np.ndim(b) else b,
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


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
    x, y, z = _components(rotation_vector)
    half = np.sqrt(x * x + y * y + z * z) / 2
    some = np.maximum(half, np.finfo(half.dtype).tiny)
    scale = np.sin(some) / (2 * some)  # sin(angle / 2) / angle, which is exact at zero
    return _assemble(rotation_vector, np.cos(half), x * scale, y * scale, z * scale)


def cayley(rotation_vector: Array) -> Array:
    """(..., 3) -> unit quaternion (..., 4): ``exp`` but for terms of the third order, and several times faster.

    The rotation has the vector's axis and turns by ``2 atan(length / 2)``; the opposite vector gives its inverse.
    """
    x, y, z = _components(rotation_vector)
    w = 1 / np.sqrt(1 + (x * x + y * y + z * z) / 4)
    half = w / 2
    return _assemble(rotation_vector, w, x * half, y * half, z * half)


def log(quaternion: Array) -> Array:
    """Unit quaternion (..., 4) -> the shortest axis-angle (..., 3), of length at most pi."""
    w, x, y, z = _components(quaternion)
    sine = np.sqrt(x * x + y * y + z * z)
    small = sine < 1e-7
    angle_over_sine = np.where(small, 2.0, 2 * np.arctan2(sine, np.abs(w)) / np.where(small, 1, sine))
    scale = np.where(w < 0, -angle_over_sine, angle_over_sine).astype(quaternion.dtype)
    return _assemble(quaternion, x * scale, y * scale, z * scale)


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


def _components(array: Array) -> tuple[Array, ...]:
    return tuple(array[..., index] for index in range(array.shape[-1]))


def _dot(a: Array, b: Array) -> Array:
    """(..., 4) and (..., 4) -> (...), the cosine of half the angle between two rotations."""
    aw, ax, ay, az = _components(a)
    bw, bx, by, bz = _components(b)
    return aw * bw + ax * bx + ay * by + az * bz


def _assemble(like: Array, *components: Array) -> Array:
    """Components (...) -> (..., n), laid out in memory as ``like`` is."""
    result = np.empty_like(like, shape=(*components[0].shape, len(components)), dtype=components[0].dtype)
    for index, component in enumerate(components):
        result[..., index] = component
    return result
