"""Bodies in SMPL's layout (Loper et al. 2015), in numpy: reading their files, shaping and skinning them.

Reads Limber's own ``.npz`` and the official SMPL files, ``.npz`` or ``.pkl``. Pickles go through the allow-list of
:mod:`smpl_rig.pickles`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import rotations
from .errors import LimberError
from .kinematics import forward_kinematics
from .pickles import PickleError, read_pickle
from .skeleton import BETA_COUNT, JOINT_COUNT, PARENTS
from .whole_files import whole_file

Floats = NDArray[np.floating[Any]]
POSE_BLEND_COUNT = (JOINT_COUNT - 1) * 9
GENDERS = ("neutral", "female", "male")
#: What every file of a body holds.
KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")


class BodyError(LimberError):
    """A body's file is not what SMPL's layout says."""


@dataclass(frozen=True, eq=False)
class Body:
    """A body in SMPL's layout; Y up, facing +Z, left towards +X, metres.

    Attributes:
        name: what Motion files call it.
        gender: neutral, female or male.
        v_template: (V, 3) f32 vertices of the mean shape in the T-pose.
        shapedirs: (V, 3, 10) f32, metres for each unit of beta.
        posedirs: (V, 3, 207) f32, pose corrections for the 23 rotation matrices less the identity.
        J_regressor: (24, V) f32, joints as weighted means of vertices.
        weights: (V, 24) f32 skinning weights.
        kintree_table: (2, 24) i64, parents and joints.
        f: (F, 3) i64 triangles.
    """

    name: str
    gender: str
    v_template: Floats
    shapedirs: Floats
    posedirs: Floats
    J_regressor: Floats
    weights: Floats
    kintree_table: NDArray[np.int64]
    f: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Checks shapes and brings arrays to their dtypes.

        Raises:
            BodyError: naming the key that is wrong.
        """
        count = np.shape(self.v_template)[0] if np.ndim(self.v_template) else 0
        if count == 0:
            raise BodyError("Body key 'v_template' holds no vertices.")
        shapes = {
            "v_template": (count, 3),
            "shapedirs": (count, 3, BETA_COUNT),
            "posedirs": (count, 3, POSE_BLEND_COUNT),
            "J_regressor": (JOINT_COUNT, count),
            "weights": (count, JOINT_COUNT),
            "kintree_table": (2, JOINT_COUNT),
        }
        for key, shape in shapes.items():
            array = np.asarray(getattr(self, key))
            if array.shape != shape:
                raise BodyError(f"Body key '{key}' has shape {array.shape}, expected {shape}.")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise BodyError(f"Body key '{key}' holds values that are not finite numbers.")
            object.__setattr__(self, key, array.astype(np.int64 if key == "kintree_table" else np.float32, copy=False))
        if abs(self.weights.sum(axis=1) - 1).max() > 1e-3:
            raise BodyError("Body key 'weights' does not sum to one for every vertex.")
        faces = np.asarray(self.f).astype(np.int64)
        if faces.ndim != 2 or faces.shape[1] != 3 or not faces.size or faces.min() < 0 or faces.max() >= count:
            raise BodyError(f"Body key 'f' has shape {faces.shape}, expected (F, 3) indices below {count}.")
        object.__setattr__(self, "f", faces)
        if tuple(self.kintree_table[0, 1:]) != PARENTS[1:]:
            raise BodyError("Body key 'kintree_table' does not hold SMPL's 24 joint tree.")
        if self.gender not in GENDERS:
            raise BodyError(f"Body key 'gender' is '{self.gender}', expected one of {', '.join(GENDERS)}.")
        if not self.posedirs.any():  # a body without pose corrections need not hold megabytes of zeros
            object.__setattr__(self, "posedirs", np.broadcast_to(np.float32(0), self.posedirs.shape))

    @property
    def has_pose_corrections(self) -> bool:
        return bool(self.posedirs.strides[0])

    def vertices_rest(self, betas: ArrayLike) -> Floats:
        """(10,) -> (V, 3) metres, T-pose, body frame."""
        shaped: Floats = self.v_template + self.shapedirs @ np.asarray(betas, dtype=np.float32)
        return shaped

    def rest_joints(self, betas: ArrayLike) -> Floats:
        """(10,) -> (24, 3) f64 metres, T-pose, body frame."""
        joints: Floats = self.J_regressor.astype(np.float64) @ self.vertices_rest(betas)
        return joints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes Limber's ``.npz``, whole or not at all; the same body gives the same bytes.

        Raises:
            BodyError: if it cannot be written there.
        """
        arrays: dict[str, Any] = {key: getattr(self, key) for key in KEYS}
        try:
            with whole_file(path) as part, part.open("wb") as file:
                np.savez_compressed(file, name=np.str_(self.name), gender=np.str_(self.gender), **arrays)
        except OSError as error:
            raise BodyError(
                f"{path} cannot be written: {error.strerror or error}. Choose another place, or make room."
            ) from error


def skin(body: Body, betas: ArrayLike, local_rotations: Floats, trans: Floats) -> Floats:
    """Linear blend skinning with SMPL's pose corrections (Loper et al. 2015, eq. 2 to 10).

    Args:
        body: the body.
        betas: (10,).
        local_rotations: (T, 24, 4) unit quaternions.
        trans: (T, 3) metres.

    Returns:
        (T, V, 3) f32 vertices in the world.
    """
    rest_vertices, rest_joints = body.vertices_rest(betas), body.rest_joints(betas)
    turned, positions = forward_kinematics(local_rotations.astype(np.float64), rest_joints, trans)
    matrices = rotations.to_matrix(turned)  # (T, 24, 3, 3)
    moved = positions - (matrices @ rest_joints[..., None])[..., 0]  # (T, 24, 3)
    transforms = np.concatenate((matrices, moved[..., None]), axis=-1).astype(np.float32)  # (T, 24, 3, 4)
    corrections = rotations.to_matrix(local_rotations[:, 1:]) - np.eye(3)  # (T, 23, 3, 3)
    result = np.empty((len(transforms), len(rest_vertices), 3), dtype=np.float32)
    for t, transform in enumerate(transforms):  # a frame at a time keeps memory flat
        vertices = rest_vertices
        if body.has_pose_corrections:
            vertices = vertices + body.posedirs @ corrections[t].reshape(-1).astype(np.float32)
        blended = (body.weights @ transform.reshape(JOINT_COUNT, 12)).reshape(-1, 3, 4)  # (V, 3, 4)
        result[t] = np.einsum("vij,vj->vi", blended[..., :3], vertices) + blended[..., 3]
    return result


def load_body(path: str | os.PathLike[str]) -> Body:
    """Reads a body: Limber's ``.npz`` or the official SMPL ``.npz`` or ``.pkl``.

    Raises:
        BodyError: if the file is missing, is no body, holds anything but arrays, or a key of it is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise BodyError(f"{path} does not exist. Choose an SMPL file (.npz or .pkl).")
    raw = _read_pickle(path) if path.suffix.lower() == ".pkl" else _read_npz(path)
    missing = [key for key in KEYS if key not in raw]
    if missing:
        raise BodyError(f"{path.name} lacks the key '{missing[0]}': it is no body in SMPL's layout.")
    arrays = {key: _numbers(path, key, raw[key]) for key in KEYS}
    # the official files hold up to 300 shape coefficients, the first ten being the ones everybody uses
    arrays["shapedirs"] = arrays["shapedirs"][..., :BETA_COUNT]
    # parents are stored unsigned, with 2^32 - 1 for the root
    table = arrays["kintree_table"].astype(np.int64)
    arrays["kintree_table"] = np.where(table > JOINT_COUNT, -1, table)
    try:
        return Body(name=_text(raw, "name", path.stem), gender=_text(raw, "gender", _gender_of(path)), **arrays)
    except BodyError as error:
        raise BodyError(f"{path.name}: {error}") from error


def _numbers(path: Path, key: str, value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (AttributeError, IndexError, TypeError, ValueError) as error:  # a stand-in that was given no proper state
        raise BodyError(f"{path.name}: key '{key}' is not an array: {error}") from error
    if array.dtype.kind not in "iuf":
        raise BodyError(f"{path.name}: key '{key}' holds {array.dtype}, expected numbers.")
    return array


def _text(raw: dict[str, Any], key: str, otherwise: str) -> str:
    value = np.asarray(raw.get(key, otherwise))
    return str(value[()]) if value.shape == () and value.dtype.kind == "U" else otherwise


def _gender_of(path: Path) -> str:
    """As the official files are called: ``SMPL_FEMALE``, ``basicmodel_m_lbs_10_207_0_v1.1.0``."""
    words = set(re.split(r"[^a-z]+", path.stem.lower()))
    if words & {"female", "f"}:
        return "female"
    return "male" if words & {"male", "m"} else "neutral"


def _read_npz(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:  # numpy forgets to close what it opens when that is no archive
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise BodyError(f"{path.name} is a single array, not a body (.npz).")
            # official files hold more, some of it pickled
            return {key: archive[key] for key in archive.files if key in {*KEYS, "name", "gender"}}
    except BodyError:
        raise
    except Exception as error:  # a damaged archive can raise nearly anything
        raise BodyError(f"{path.name} is not a readable body: {error}") from error


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        content = read_pickle(path)
    except PickleError as error:
        raise BodyError(f"{path.name} is not a readable body: {error}") from error
    if not isinstance(content, dict):
        raise BodyError(f"{path.name} holds a {type(content).__name__}, expected SMPL's dictionary of arrays.")
    return content
