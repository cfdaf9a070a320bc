"""From one file of motion to clips of SMPL's joints: read, carried over, checked, cut at leaps, set on the floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import kinematics
from smpl_rig.alignment import SmplPose, align
from smpl_rig.body import Body
from smpl_rig.bvh_reader import read_bvh
from smpl_rig.gltf_reader import read_gltf
from smpl_rig.imports.archives import SHAPE_FILES, amass_motion, is_amass, read_archive, skeletal_motion
from smpl_rig.skeletal_motion import SkeletalMotion, SkeletalMotionError
from smpl_rig.skeleton import INDEX

from .agreement import position_errors_m
from .continuity import leaps, smooth_stretches

Floats = NDArray[np.floating[Any]]

SUFFIXES = (".bvh", ".glb", ".gltf", ".npz")
#: A clip whose joints lie further than this from its source's, in the mean of all or of one, was not understood.
ALLOWED_ERROR_M, ALLOWED_ERROR_OF_JOINT_M = 0.015, 0.04
#: Of faster captures so many frames are left out that they are no faster.
HIGHEST_RATE = 60.0
#: Whose pelvis is above the lowest joint by less than this part of what it is in standing sits, kneels, crawls or lies.
LOW_PART = 0.7
#: So much of a clip may lie below the floor: markers are lost and feet sink in.
BELOW_FLOOR_PERCENT = 2.0


@dataclass(frozen=True, eq=False)
class Stature:
    """What of a body motion is set on.

    Attributes:
        rest_joints: (24, 3) metres, T-pose, body frame.
        soles: metres, height of the soles in that frame.
    """

    rest_joints: Floats
    soles: float

    @property
    def standing(self) -> float:
        """Metres from the floor to the pelvis."""
        return float(self.rest_joints[0, 1]) - self.soles

    @property
    def thickness(self) -> float:
        """Metres from the floor to the joint of the toes: of flesh that lies between a joint and the floor."""
        toes = [INDEX["left_foot"], INDEX["right_foot"]]
        return float(self.rest_joints[toes, 1].mean()) - self.soles


def stature(body: Body) -> Stature:
    """Of a body with betas of zero."""
    betas = np.zeros(10)
    return Stature(body.rest_joints(betas), float(body.vertices_rest(betas)[:, 1].min()))


@dataclass(frozen=True, eq=False)
class Clip:
    """A stretch of motion without leaps.

    Attributes:
        local_rotations: (T, 24, 4) f32.
        pelvis: (T, 3) f32 metres, world, the floor at z = 0.
        rate: frames per second.
        low: part of it in which the person sits, kneels, crawls or lies.
        error_m: mean distance of the joints from the source's; NaN where the source is SMPL.
    """

    local_rotations: Floats
    pelvis: Floats
    rate: float
    low: float
    error_m: float


@dataclass(frozen=True, eq=False)
class Take:
    """One motion of a file.

    Attributes:
        animation: its name, in files that hold several; else empty.
        source: where it comes from, if the file tells; else empty.
        clips: what can be used of it.
        refusal: why nothing can be.
    """

    animation: str
    source: str
    clips: tuple[Clip, ...] = ()
    refusal: str = ""


def motion_files(folder: Path) -> list[Path]:
    """All files of a folder and of those in it that may hold motion, in the order of their paths."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.endswith(SHAPE_FILES)
    )


def read_takes(path: Path, body: Stature) -> Iterator[Take]:
    """Every motion of a file; one that cannot be used says why."""
    try:
        match path.suffix.lower():
            case ".bvh":
                motions, source = {"": read_bvh(path)}, ""
            case ".glb" | ".gltf":
                motions, source = read_gltf(path), ""
            case _:
                arrays = read_archive(path)
                source = str(arrays["source"]) if "source" in arrays else ""
                if is_amass(arrays):
                    pose, rate = amass_motion(arrays, body.rest_joints)
                    yield _cut(Take("", source), pose, rate, np.nan, body)
                    return
                motions = {"": skeletal_motion(arrays)}
    except SkeletalMotionError as error:
        yield Take("", "", refusal=str(error).removeprefix(f"{path.name}: "))
        return
    for animation, motion in motions.items():
        yield _carried_over(Take(animation, source), motion, body)


def _carried_over(take: Take, motion: SkeletalMotion, body: Stature) -> Take:
    try:
        alignment = align(motion, body.rest_joints)
        pose = alignment.smpl_pose()
    except SkeletalMotionError as error:
        return Take(take.animation, take.source, refusal=str(error))
    errors = position_errors_m(alignment, pose)
    error_m, worst = float(np.mean(list(errors.values()))), max(errors, key=lambda joint: errors[joint])
    if not (error_m <= ALLOWED_ERROR_M and errors[worst] <= ALLOWED_ERROR_OF_JOINT_M):
        reason = (
            f"Joints lie {1000 * error_m:.0f} mm from the source's, {worst} {1000 * errors[worst]:.0f} mm; "
            f"{1000 * ALLOWED_ERROR_M:.0f} and {1000 * ALLOWED_ERROR_OF_JOINT_M:.0f} mm are allowed."
        )
        return Take(take.animation, take.source, refusal=reason)
    return _cut(take, pose, motion.frame_rate, error_m, body)


def _cut(take: Take, pose: SmplPose, rate: float, error_m: float, body: Stature) -> Take:
    """At leaps, with what is too short left out."""
    leaping = leaps(pose.local_rotations, body.rest_joints, pose.pelvis, rate)
    stretches = smooth_stretches(leaping, rate)
    if not stretches:
        seconds, count = len(pose.pelvis) / rate, int(leaping.sum())
        reason = f"Of {seconds:.2f} s nothing is left between leaps ({count}); too short, or broken."
        return Take(take.animation, take.source, refusal=reason)
    lowest = _lowest_joint(pose, body)
    floor = float(np.percentile(np.concatenate([lowest[part] for part in stretches]), BELOW_FLOOR_PERCENT))
    floor -= body.thickness
    crouching = pose.pelvis[:, 2] - lowest + body.thickness < LOW_PART * body.standing
    step = max(1, int(np.ceil(rate / HIGHEST_RATE - 1e-3)))
    clips = []
    for part in stretches:
        pelvis = pose.pelvis[part][::step] - np.array([0, 0, floor])
        low = float(crouching[part].mean())
        rotations = pose.local_rotations[part][::step]
        clips.append(Clip(rotations.astype(np.float32), pelvis.astype(np.float32), rate / step, low, error_m))
    return Take(take.animation, take.source, tuple(clips))


def _lowest_joint(pose: SmplPose, body: Stature) -> Floats:
    """(T,) metres, world: of all joints; mostly a foot's."""
    _, places = kinematics.forward_kinematics(pose.local_rotations, body.rest_joints, pose.pelvis - body.rest_joints[0])
    lowest: Floats = places[:, :, 2].min(axis=1)
    return lowest
