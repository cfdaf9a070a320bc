"""Rotations as unit quaternions (w, x, y, z), in numpy, over any leading dimensions.

Quaternions act on column vectors, ``rotate(multiply(a, b), v) == rotate(a, rotate(b, v))``. Axis-angle vectors are in
radians. All functions are pure, keep the leading shape and compute in the dtype they are given.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

IDENTITY: NDArray[np.float64] = np.array([1.0, 0.0, 0.0, 0.0])


def normalize(quaternion: Array) -> Array:
    """(..., 4) -> unit (..., 4). A zero quaternion becomes the identity."""
    length = np.linalg.norm(quaternion, axis=-1, keepdims=True)
    safe = np.where(length > 0, length, 1)
    return np.where(length > 0, quaternion / safe, IDENTITY.astype(quaternion.dtype))


def conjugate(quaternion: Array) -> Array:
    """(..., 4) -> (..., 4), the inverse of a unit quaternion."""
    return quaternion * np.array([1, -1, -1, -1], dtype=quaternion.dtype)


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product of (..., 4) and (..., 4): first ``b``, then ``a``."""
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return np.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        axis=-1,
    )


def rotate(quaternion: Array, vector: Array) -> Array:
    """Rotates (..., 3) vectors by (..., 4) unit quaternions."""
    w, xyz = quaternion[..., :1], quaternion[..., 1:]
    twice_cross = 2 * np.cross(xyz, vector)
    rotated: Array = vector + w * twice_cross + np.cross(xyz, twice_cross)
    return rotated


def exp(rotation_vector: Array) -> Array:
    """Axis-angle (..., 3) in radians -> unit quaternion (..., 4)."""
    angle = np.linalg.norm(rotation_vector, axis=-1, keepdims=True)
    # sin(angle / 2) / angle, by np.sinc(x) = sin(pi x) / (pi x), is exact at zero
    return np.concatenate((np.cos(angle / 2), rotation_vector * (0.5 * np.sinc(angle / (2 * np.pi)))), axis=-1)


def log(quaternion: Array) -> Array:
    """Unit quaternion (..., 4) -> the shortest axis-angle (..., 3), of length at most pi."""
    positive = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    w, xyz = positive[..., :1], positive[..., 1:]
    sine = np.linalg.norm(xyz, axis=-1, keepdims=True)
    small = sine < 1e-7
    angle_over_sine = np.where(small, 2.0, 2 * np.arctan2(sine, w) / np.where(small, 1, sine))
    return xyz * angle_over_sine.astype(quaternion.dtype)


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
    if len(quaternion) == 0:
        return quaternion
    dots = np.sum(quaternion[1:] * quaternion[:-1], axis=-1, keepdims=True)
    flips = np.cumprod(np.where(dots < 0, -1, 1), axis=0).astype(quaternion.dtype)
    return np.concatenate((quaternion[:1], quaternion[1:] * flips), axis=0)
