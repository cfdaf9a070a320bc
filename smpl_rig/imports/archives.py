"""Reading motion from ``.npz`` archives: of any skeleton, and in AMASS's layouts. Nothing is unpickled.

Archives of a skeleton hold ``fps``, ``joint_names`` (J,), ``parents`` (J,), ``rest_offsets_m`` (J, 3),
``rotations_wxyz`` (T, J, 4) local rotations in axes that are the world's at rest, ``root_position_m`` (T, 3), and
``source``.

AMASS (Mahmood et al. 2019) writes axis-angle ``poses`` with ``trans`` and ``mocap_framerate``: SMPL's 24 joints (72
numbers), SMPL-H's 52 (156) or SMPL-X's 55 (165), whose first 22 are SMPL's; or SMPL-X in parts, ``root_orient`` and
``pose_body`` with ``mocap_frame_rate``. Z up, metres. Fingers are left out.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..alignment import SmplPose
from ..skeletal_motion import SkeletalMotion, SkeletalMotionError, check_rate, check_values, rigid_motion
from ..skeleton import JOINT_COUNT

Arrays = dict[str, NDArray[Any]]

SKELETON_KEYS = ("fps", "joint_names", "parents", "rest_offsets_m", "rotations_wxyz", "root_position_m")
#: SMPL's joints that SMPL-H and SMPL-X have at the same place of their order; the two of the hands follow in SMPL.
BODY_JOINTS = 22
_POSE_WIDTHS = {72: 24, 156: BODY_JOINTS, 165: BODY_JOINTS}
#: Nobody's motion is larger; a small file that unpacks to more would fill the memory.
_LARGEST_BYTES = 2 << 30
#: What numpy and zipfile raise where a header is wrong, claims any size, or asks for a password.
_DAMAGED = (
    ValueError, EOFError, OverflowError, MemoryError, SyntaxError, RuntimeError, zipfile.BadZipFile, zlib.error,
    struct.error,
)  # fmt: skip
_AMASS_KEYS = ("poses", "root_orient", "pose_body", "trans", "mocap_framerate", "mocap_frame_rate")
#: What AMASS's folders hold beside motion, by the end of the name: shapes of the persons.
SHAPE_FILES = ("shape.npz", "stagei.npz")


def read_archive(path: Path) -> Arrays:
    """What of an archive tells motion, by key.

    Raises:
        SkeletalMotionError: if it cannot be read, holds pickled objects under these keys, or none of them.
    """
    arrays = read_keys(path, {*SKELETON_KEYS, *_AMASS_KEYS, "source"})
    if not set(arrays) & {"rotations_wxyz", "poses", "pose_body"}:
        raise SkeletalMotionError(f"{path.name} holds no motion: neither 'rotations_wxyz', 'poses' nor 'pose_body'.")
    return arrays


def read_keys(path: Path, wanted: Collection[str]) -> Arrays:
    """Those of the wanted arrays that the archive has.

    Raises:
        SkeletalMotionError: if it cannot be read, or holds pickled objects under these keys.
    """
    with _opened(path) as archive:
        found = [key for key in archive.files if key in wanted]
        members = {member.filename.removesuffix(".npy"): member.file_size for member in archive.zip.infolist()}
        if sum(members.get(key, 0) for key in found) > _LARGEST_BYTES:
            largest = max(found, key=lambda key: members.get(key, 0))
            raise SkeletalMotionError(
                f"{path.name} unpacks to more than {_LARGEST_BYTES >> 20} MB; key '{largest}' alone has "
                f"{members[largest] >> 20} MB."
            )
        arrays = {}
        for key in found:
            try:
                _check_size(archive, key)
                arrays[key] = np.asarray(archive[key])
            except _DAMAGED as error:
                raise SkeletalMotionError(f"{path.name}: Key '{key}' is damaged: {error}") from error
        return arrays


def _check_size(archive: np.lib.npyio.NpzFile, key: str) -> None:
    """An array's header may claim any shape, and numpy makes room for it before it reads.

    Raises:
        ValueError: if there are fewer bytes than the header claims.
    """
    name = key if key in archive.zip.namelist() else f"{key}.npy"
    with archive.zip.open(name) as member:
        major, _ = np.lib.format.read_magic(member)  # type: ignore[no-untyped-call]
        read_header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(member)  # type: ignore[no-untyped-call]
    claimed = math.prod(shape) * dtype.itemsize
    if not dtype.hasobject and claimed > archive.zip.getinfo(name).file_size:
        raise ValueError(f"it claims the shape {shape}, for which it is too short")


def archive_keys(path: Path) -> frozenset[str]:
    """The keys of an archive; nothing of it is read.

    Raises:
        SkeletalMotionError: if it is none.
    """
    with _opened(path) as archive:
        return frozenset(archive.files)


@contextmanager
def _opened(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    try:
        with path.open("rb") as file:
            if not file.read(6).startswith((b"PK", b"\x93NUMPY")):
                raise SkeletalMotionError(
                    f"{path.name} is not a readable archive: it is no archive (.npz) at all. Fetch or write it again."
                )
            file.seek(0)
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise SkeletalMotionError(f"{path.name} is a single array, expected an archive (.npz).")
            yield archive
    except OSError as error:
        raise SkeletalMotionError(f"{path.name} cannot be read: {error}.") from error
    except _DAMAGED as error:
        raise SkeletalMotionError(f"{path.name} is not a readable archive: {error}") from error


def skeletal_motion(arrays: Arrays) -> SkeletalMotion:
    """The motion in an archive of a skeleton.

    Raises:
        SkeletalMotionError: naming the key that is missing or wrong.
    """
    _require(arrays, SKELETON_KEYS)
    rate = _rate(arrays["fps"], "fps")
    names, parents = np.atleast_1d(arrays["joint_names"]), np.atleast_1d(arrays["parents"])
    if names.dtype.kind != "U":
        raise SkeletalMotionError(f"'joint_names' holds {names.dtype}, expected text.")
    if parents.dtype.kind not in "iu":
        raise SkeletalMotionError(f"'parents' holds {parents.dtype}, expected whole numbers.")
    for key in ("rest_offsets_m", "rotations_wxyz", "root_position_m"):
        _check_numbers(arrays[key], key)
    if np.shape(arrays["rest_offsets_m"]) != (len(names), 3):
        raise SkeletalMotionError(
            f"'rest_offsets_m' has shape {arrays['rest_offsets_m'].shape}, expected {(len(names), 3)}."
        )
    return rigid_motion(
        tuple(str(name) for name in names),
        tuple(int(parent) for parent in parents),
        arrays["rest_offsets_m"],
        arrays["rotations_wxyz"],
        arrays["root_position_m"],
        rate,
    )


def amass_motion(arrays: Arrays, rest_joints: NDArray[np.floating[Any]]) -> tuple[SmplPose, float]:
    """SMPL's pose and the frame rate in an archive of AMASS's layouts.

    Args:
        arrays: what :func:`read_archive` gave.
        rest_joints: (24, 3) metres; ``trans`` moves a pelvis that lies where this one does.

    Raises:
        SkeletalMotionError: naming the key that is missing or wrong.
    """
    rate_key = next((key for key in ("mocap_framerate", "mocap_frame_rate") if key in arrays), None)
    if rate_key is None:
        raise SkeletalMotionError("Key 'mocap_framerate' (or 'mocap_frame_rate') is missing.")
    rate = _rate(arrays[rate_key], rate_key)
    vectors, trans = _pose_vectors(arrays), _path(arrays)
    if len(trans) != len(vectors):
        raise SkeletalMotionError(f"'trans' has {len(trans)} frames and the pose {len(vectors)}.")
    local = np.tile(rotations.IDENTITY, (len(vectors), JOINT_COUNT, 1))
    local[:, : vectors.shape[1]] = rotations.exp(vectors)
    return SmplPose(rotations.make_continuous(local), trans + rest_joints[0]), rate


def is_amass(arrays: Arrays) -> bool:
    return "rotations_wxyz" not in arrays


def _pose_vectors(arrays: Arrays) -> NDArray[np.float64]:
    """(T, 22 or 24, 3) axis-angle."""
    if "poses" in arrays:
        poses = _check_numbers(arrays["poses"], "poses")
        if poses.ndim != 2 or poses.shape[1] not in _POSE_WIDTHS or len(poses) == 0:
            widths = ", ".join(str(width) for width in _POSE_WIDTHS)
            raise SkeletalMotionError(f"'poses' has shape {poses.shape}, expected (T, N) with N one of {widths}.")
        return poses.reshape(len(poses), -1, 3)[:, : _POSE_WIDTHS[poses.shape[1]]]
    _require(arrays, ("root_orient", "pose_body"))
    root = _check_numbers(arrays["root_orient"], "root_orient")
    body = _check_numbers(arrays["pose_body"], "pose_body")
    width = (BODY_JOINTS - 1) * 3
    if body.ndim != 2 or body.shape[1] != width or root.shape != (len(body), 3) or len(body) == 0:
        raise SkeletalMotionError(
            f"'root_orient' and 'pose_body' have shapes {root.shape} and {body.shape}, "
            f"expected (T, 3) and (T, {width})."
        )
    return np.concatenate((root, body), axis=1).reshape(len(body), BODY_JOINTS, 3)


def _path(arrays: Arrays) -> NDArray[np.float64]:
    _require(arrays, ("trans",))
    trans = _check_numbers(arrays["trans"], "trans")
    if trans.ndim != 2 or trans.shape[1] != 3:
        raise SkeletalMotionError(f"'trans' has shape {trans.shape}, expected (T, 3).")
    return trans


def _require(arrays: Arrays, keys: Collection[str]) -> None:
    for key in keys:
        if key not in arrays:
            raise SkeletalMotionError(f"Key '{key}' is missing.")


def _rate(array: NDArray[Any], key: str) -> float:
    if array.size != 1 or array.dtype.kind not in "iuf":
        raise SkeletalMotionError(f"'{key}' is {array!r}, expected frames per second.")
    rate = float(array.reshape(-1)[0])
    check_rate(rate, f"'{key}'")
    return rate


def _check_numbers(array: NDArray[Any], key: str) -> NDArray[np.float64]:
    if array.dtype.kind not in "iuf":
        raise SkeletalMotionError(f"'{key}' holds {array.dtype}, expected numbers.")
    check_values(array, f"'{key}'")
    return array.astype(np.float64)
