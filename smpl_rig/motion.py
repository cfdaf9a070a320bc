"""The Motion file: one person's captured motion, as the backend saw it, never smoothed.

Version 1 is a ``.npz`` that every AMASS reader understands (``poses``, ``trans``, ``betas``, ``gender``,
``mocap_framerate``) with Limber's own keys beside them. See ``docs/motion_file.md``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import kinematics, rotations
from .errors import LimberError
from .skeleton import BETA_COUNT, JOINT_COUNT
from .whole_files import whole_file

FILE_VERSION = 1
LANDMARK_COUNT = 33
GENDERS = ("neutral", "female", "male")

Floats = NDArray[np.floating[Any]]

#: Shape of every array in the file; "T" is the number of frames.
_SHAPES: dict[str, tuple[str | int, ...]] = {
    "poses": ("T", JOINT_COUNT * 3),
    "trans": ("T", 3),
    "betas": (BETA_COUNT,),
    "rest_joints": (JOINT_COUNT, 3),
    "timestamps_s": ("T",),
    "joints_world": ("T", JOINT_COUNT, 3),
    "confidence": ("T", JOINT_COUNT),
    "contacts": ("T", 4),
    "image_size": (2,),
    "K": (3, 3),
    "world_from_camera": ("T", 4, 4),
    "landmarks2d": ("T", LANDMARK_COUNT, 3),
    "boxes": ("T", 4),
    "observed": ("T",),
}
_DTYPES: dict[str, type[np.generic]] = {"timestamps_s": np.float64, "image_size": np.int64, "observed": np.bool_}
_PROBABILITIES = ("confidence", "contacts")
#: Unseen landmarks have no place in the image, so only these keys may hold NaN.
_MAY_BE_NAN = ("landmarks2d", "boxes")
_SCALARS = ("gender", "mocap_framerate", "person", "model", "body", "footage", "limber")


class MotionError(LimberError):
    """A Motion, or the file of one, is not what version 1 says."""


@dataclass(frozen=True, eq=False)
class Motion:
    """One person over T frames.

    Attributes:
        poses: (T, 72) f32, axis-angle in radians; the first three are the pelvis's orientation in the world.
        trans: (T, 3) f32, metres, world; the pelvis lies at ``rest_joints[0] + trans``.
        betas: (10,) f32, shape coefficients of ``body``.
        rest_joints: (24, 3) f32, metres, body frame: the joints of the rest pose, shaped by the betas.
        mocap_framerate: frames per second (the footage's average rate where it varies).
        timestamps_s: (T,) f64, strictly increasing presentation times in the footage.
        joints_world: (T, 24, 3) f32, metres.
        confidence: (T, 24) f32 in [0, 1].
        contacts: (T, 4) f32, probability that left heel, left toe, right heel, right toe rest on the floor.
        image_size: (2,) width and height of the upright frame in pixels.
        K: (3, 3) f32, pinhole camera in pixels.
        world_from_camera: (T, 4, 4) f32, rigid transform from OpenCV camera axes to the world.
        landmarks2d: (T, 33, 3) f32, BlazePose landmarks: pixel x, y and visibility; NaN where not observed.
        boxes: (T, 4) f32, pixel x, y, width, height of the person; NaN where not observed.
        observed: (T,) bool, False where a gap was filled.
        person: number of the person in the footage, from 0.
        model: what produced the pose (a network's name, or ``per-frame``).
        body: name of the body the betas belong to.
        gender: neutral, female or male.
        footage: name and sha256 of the footage.
    """

    poses: Floats
    trans: Floats
    betas: Floats
    rest_joints: Floats
    mocap_framerate: float
    timestamps_s: NDArray[np.float64]
    joints_world: Floats
    confidence: Floats
    contacts: Floats
    image_size: NDArray[np.int64]
    K: Floats
    world_from_camera: Floats
    landmarks2d: Floats
    boxes: Floats
    observed: NDArray[np.bool_]
    person: int = 0
    model: str = ""
    body: str = ""
    gender: str = "neutral"
    footage: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        """Brings arrays to their dtypes and refuses, by the name of the key, whatever version 1 does not allow.

        Raises:
            MotionError: for wrong shapes, values that are not finite, or times that do not increase.
        """
        frames = np.shape(self.poses)[0] if np.ndim(self.poses) else 0
        if frames == 0:
            raise MotionError("Motion key 'poses' holds no frames. Capture footage in which a person is visible.")
        for key, expected in _SHAPES.items():
            array = np.asarray(getattr(self, key))
            shape = tuple(frames if size == "T" else size for size in expected)
            if array.shape != shape:
                raise MotionError(f"Motion key '{key}' has shape {array.shape}, expected {shape}.")
            if array.dtype.kind not in "biuf":
                raise MotionError(f"Motion key '{key}' holds {array.dtype}, expected numbers.")
            dtype = np.dtype(_DTYPES.get(key, np.float32))
            if (
                array.flags.writeable or not array.flags.owndata or array.dtype != dtype
            ):  # else another Motion's, frozen
                with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused below
                    array = array.astype(dtype)
            if key not in _MAY_BE_NAN and not np.isfinite(array).all():
                raise MotionError(f"Motion key '{key}' holds values that are not finite numbers.")
            if key in _PROBABILITIES and (array.min() < 0 or array.max() > 1):
                raise MotionError(f"Motion key '{key}' holds values outside 0 to 1.")
            array.setflags(write=False)
            object.__setattr__(self, key, array)
        if self.image_size.min() < 1:
            raise MotionError(f"Motion key 'image_size' is {self.image_size}, expected a width and a height in pixels.")
        if frames > 1 and np.diff(self.timestamps_s).min() <= 0:
            raise MotionError("Motion key 'timestamps_s' does not increase from every frame to the next.")
        if not (np.isfinite(self.mocap_framerate) and self.mocap_framerate > 0):
            raise MotionError(f"Motion key 'mocap_framerate' is {self.mocap_framerate}, expected a positive number.")
        if self.gender not in GENDERS:
            raise MotionError(f"Motion key 'gender' is '{self.gender}', expected one of {', '.join(GENDERS)}.")

    def __len__(self) -> int:
        return len(self.poses)

    @property
    def rotation_vectors(self) -> NDArray[np.float32]:
        """(T, 24, 3) axis-angle in radians, each joint relative to its parent."""
        # time last in memory: whole trajectories lie together, which long motions go through fastest
        by_component = np.ascontiguousarray(self.poses.T, dtype=np.float32)
        return by_component.reshape(JOINT_COUNT, 3, len(self)).transpose(2, 0, 1)

    @property
    def local_rotations(self) -> NDArray[np.float64]:
        """(T, 24, 4) unit quaternions, each joint relative to its parent, signs continuous in time."""
        return rotations.make_continuous(rotations.exp(self.rotation_vectors.astype(np.float64)))

    @property
    def pelvis_world(self) -> NDArray[np.float64]:
        """(T, 3) metres."""
        pelvis: NDArray[np.float64] = self.rest_joints[0].astype(np.float64) + self.trans
        return pelvis

    def with_pose(self, local_rotations: Floats, trans: Floats) -> Motion:
        """The same person in another pose: (T, 24, 4) quaternions and (T, 3) metres; ``joints_world`` follows."""
        _, joints = kinematics.forward_kinematics(local_rotations, self.rest_joints.astype(np.float64), trans)
        return self.with_joints(local_rotations, trans, joints)

    def with_joints(self, local_rotations: Floats, trans: Floats, joints_world: Floats) -> Motion:
        """As :meth:`with_pose`, where the (T, 24, 3) places that follow from the pose are known already."""
        poses = rotations.log(local_rotations).astype(np.float32, copy=False).reshape(len(self), JOINT_COUNT * 3)
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Motion(**values | {"poses": poses, "trans": trans, "joints_world": joints_world})

    def between(self, start_s: float | None = None, end_s: float | None = None) -> Motion:
        """The frames from one time to another, both included; None is the beginning or the end.

        Raises:
            MotionError: if there are none.
        """
        first = self.timestamps_s[0] if start_s is None else start_s
        last = self.timestamps_s[-1] if end_s is None else end_s
        chosen = (self.timestamps_s >= first) & (self.timestamps_s <= last)
        if not chosen.any():
            raise MotionError(
                f"There is no frame from {first:g} s to {last:g} s; the motion goes from {self.timestamps_s[0]:g} to "
                f"{self.timestamps_s[-1]:g} s."
            )
        frames = np.flatnonzero(chosen)
        return self.at(frames, self.timestamps_s[frames])

    def at(self, frames: NDArray[np.intp], timestamps_s: Floats) -> Motion:
        """Some of the frames, by their indices (N,), at times (N,) that may be new."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = {key: values[key][frames] for key, shape in _SHAPES.items() if shape[0] == "T"}
        return Motion(**values | parts | {"timestamps_s": timestamps_s})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file whole or not at all.

        Raises:
            MotionError: if it cannot be written there.
        """
        arrays = {key: getattr(self, key) for key in _SHAPES}
        arrays |= {
            "mocap_framerate": np.float64(self.mocap_framerate),
            "person": np.int64(self.person),
            "gender": np.str_(self.gender),
            "model": np.str_(self.model),
            "body": np.str_(self.body),
            "footage": np.array(self.footage, dtype=np.str_),
            "limber": np.int64(FILE_VERSION),
        }
        try:
            with whole_file(path) as part, part.open("wb") as file:
                np.savez_compressed(file, **arrays)
        except OSError as error:
            raise MotionError(
                f"{path} cannot be written: {error.strerror or error}. Choose another place, or make room."
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Motion:
        """Reads a Motion file; nothing in it is ever unpickled.

        Raises:
            MotionError: if the file cannot be read, is of a newer version, lacks a key or holds a wrong one.
        """
        try:
            with Path(path).open("rb") as file:  # numpy forgets to close what it opens when that is no archive
                if not file.read(6).startswith((b"PK", b"\x93NUMPY")):
                    raise MotionError(
                        f"{path} is not a readable Motion file: it is no archive (.npz) at all. Choose one that Limber "
                        "wrote; 'limber import' makes them of other programs' files."
                    )
                file.seek(0)
                archive = np.load(file, allow_pickle=False)
                if not isinstance(archive, np.lib.npyio.NpzFile):
                    raise MotionError(f"{path} is a single array, not a Motion file (.npz).")
                arrays = {key: archive[key] for key in archive.files}
        except MotionError:
            raise
        except FileNotFoundError:
            raise MotionError(f"{path} does not exist. Choose a Motion file (.npz).") from None
        except Exception as error:  # a damaged archive can raise nearly anything
            raise MotionError(f"{path} is not a readable Motion file: {error}") from error
        return cls._from_arrays(path, arrays)

    @classmethod
    def _from_arrays(cls, path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]]) -> Motion:
        if "limber" not in arrays:
            raise MotionError(
                f"{path} has no key 'limber': it is not a Motion file of Limber's. 'limber import' makes one of it."
            )
        version = int(_scalar(path, "limber", arrays["limber"], "iu"))
        if version > FILE_VERSION:
            raise MotionError(
                f"{path}: key 'limber' says version {version}, this Limber reads up to {FILE_VERSION}. Update Limber."
            )
        if version < 1:
            raise MotionError(f"{path}: key 'limber' says version {version}, expected 1 or more.")
        missing = sorted(({*_SHAPES} | {*_SCALARS}) - {*arrays})
        if missing:
            raise MotionError(f"{path} lacks the key '{missing[0]}'.")
        footage = arrays["footage"]
        if footage.shape != (2,) or footage.dtype.kind != "U":
            raise MotionError(f"{path}: key 'footage' must hold a name and a sha256.")
        values: dict[str, Any] = {key: arrays[key] for key in _SHAPES}
        values |= {key: str(_scalar(path, key, arrays[key], "U")) for key in ("gender", "model", "body")}
        values["person"] = int(_scalar(path, "person", arrays["person"], "iu"))
        values["mocap_framerate"] = float(_scalar(path, "mocap_framerate", arrays["mocap_framerate"], "fiu"))
        values["footage"] = (str(footage[0]), str(footage[1]))
        try:
            return cls(**values)
        except MotionError as error:
            raise MotionError(f"{path}: {error}") from error


def _scalar(path: str | os.PathLike[str], key: str, array: NDArray[Any], kinds: str) -> Any:
    if array.shape != () or array.dtype.kind not in kinds:
        raise MotionError(f"{path}: key '{key}' has shape {array.shape} and type {array.dtype}, expected one value.")
    return array[()]
