"""A person moving in another skeleton than SMPL's, whose pose on SMPL's joints is known by construction.

The other skeleton's rest pose, proportions, number of spine joints, axes and unit differ. Its body is flat (arms and
legs lie in the plane z = 0), so that a limb that hangs lower at rest has been turned about one axis alone, forward.
"""

from dataclasses import dataclass

import numpy as np

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeletal_motion import SkeletalMotion, rigid_motion
from smpl_rig.skeleton import INDEX, JOINT_COUNT, PARENTS

_PLACES = {
    "pelvis": (0, 0, 0),
    "left_hip": (0.09, -0.08, 0),
    "spine1": (0, 0.1, 0),
    "left_knee": (0.09, -0.48, 0),
    "spine2": (0, 0.2, 0),
    "left_ankle": (0.09, -0.88, 0),
    "spine3": (0, 0.3, 0),
    "left_foot": (0.09, -0.94, 0.13),
    "neck": (0, 0.5, 0),
    "left_collar": (0.07, 0.42, 0),
    "head": (0, 0.6, 0),
    "left_shoulder": (0.18, 0.42, 0),
    "left_elbow": (0.45, 0.42, 0),
    "left_wrist": (0.7, 0.42, 0),
    "left_hand": (0.78, 0.42, 0),
}
SIDES = {"left": 1, "right": -1}
_NAMES = {
    "hip": "UpLeg",
    "knee": "Leg",
    "ankle": "Foot",
    "foot": "ToeBase",
    "collar": "Shoulder",
    "shoulder": "Arm",
    "elbow": "ForeArm",
    "wrist": "Hand",
    "hand": "HandMiddle1",
}


def flat_body() -> np.ndarray:
    """(24, 3) metres: a T-pose in the body frame."""
    joints = np.zeros((JOINT_COUNT, 3))
    for name, place in _PLACES.items():
        joints[INDEX[name]] = place
        if name.startswith("left_"):
            joints[INDEX[name.replace("left_", "right_")]] = np.multiply(place, (-1, 1, 1))
    return joints


@dataclass(frozen=True)
class Build:
    """How the other skeleton differs.

    Attributes:
        arms_down: radians by which its arms hang at rest.
        legs_apart: radians by which its legs are spread at rest.
        spine: joints between pelvis and neck.
        arm, leg, trunk: lengths as parts of the body's.
        unit: its lengths for a metre.
        axes: (3, 3) rotation from the body's axes to its own.
        collars: whether it has any.
    """

    arms_down: float = 0.0
    legs_apart: float = 0.0
    spine: int = 3
    arm: float = 1.0
    leg: float = 1.0
    trunk: float = 1.0
    unit: float = 1.0
    axes: tuple[tuple[float, ...], ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    collars: bool = True


@dataclass(frozen=True)
class Figure:
    """The motion of the other skeleton, and what it is on :func:`flat_body`.

    Attributes:
        motion: of the other skeleton, 30 frames per second.
        local_rotations: (T, 24, 4) truth.
        pelvis: (T, 3) truth, metres, world.
    """

    motion: SkeletalMotion
    local_rotations: np.ndarray
    pelvis: np.ndarray


def foreign_figure(build: Build, seed: int = 0, frames: int = 40, stir: float = 0.5) -> Figure:
    """A smooth motion of all joints, beginning anywhere; ``stir`` radians is how far joints turn."""
    random = np.random.default_rng(seed)
    local = _pose(random, frames, stir, build)
    in_body = local.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            in_body[:, joint] = rotations.multiply(in_body[:, parent], local[:, joint])
    times = np.arange(frames) / 30
    path = np.stack((0.5 * np.sin(times), 1 + 0.05 * np.sin(3 * times), 0.3 * times), axis=-1)
    motion, hips = _other_skeleton(in_body, path, build)
    body = flat_body()
    own = body[[INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=0)
    pelvis = path / build.leg + rotations.rotate(in_body[:, 0], hips / build.leg - own)
    local[:, 0] = rotations.multiply(rotations.from_matrix(WORLD_FROM_BODY), local[:, 0])
    return Figure(motion, local, pelvis @ WORLD_FROM_BODY.T)


def _pose(random: np.random.Generator, frames: int, stir: float, build: Build) -> np.ndarray:
    """(T, 24, 4) local rotations in the body's axes: elbows are hinges, the spine bends evenly."""
    wave = np.sin(2 * np.arange(frames)[:, None, None] / 30 + random.uniform(0, 6, (JOINT_COUNT, 3)))
    vectors = stir * random.uniform(0.2, 1, (JOINT_COUNT, 3)) * wave
    for side, sign in SIDES.items():
        elbow, wrist = INDEX[f"{side}_elbow"], INDEX[f"{side}_wrist"]
        vectors[:, elbow] = np.array([0, -sign, 0]) * (0.8 + np.abs(vectors[:, elbow, 1:2]))
        vectors[:, wrist, 0] = 0
        vectors[:, INDEX[f"{side}_hand"]] = 0
        if not build.collars:
            vectors[:, INDEX[f"{side}_collar"]] = 0
    for number in (2, 3):
        vectors[:, INDEX[f"spine{number}"]] = vectors[:, INDEX["spine1"]]
    return rotations.exp(vectors)


def _other_skeleton(in_body: np.ndarray, path: np.ndarray, build: Build) -> tuple[SkeletalMotion, np.ndarray]:
    """Its motion, and the middle of its hips from its pelvis (3,) in metres."""
    body = flat_body()
    names, parents, offsets, turned = ["Hips"], [-1], [np.zeros(3)], [in_body[:, 0]]
    whole = rotations.log(rotations.multiply(rotations.conjugate(in_body[:, 0]), in_body[:, INDEX["spine3"]]))
    for number in range(1, build.spine + 1):
        names.append(f"Spine{number}")
        parents.append(len(parents) - 1)
        offsets.append(build.trunk * body[INDEX["spine3"]] / build.spine)
        turned.append(rotations.multiply(in_body[:, 0], rotations.exp(whole * number / build.spine)))
    chest = build.spine

    def add(name: str, joint: str, parent: int, offset: np.ndarray, rest: np.ndarray) -> int:
        names.append(name)
        parents.append(parent)
        offsets.append(offset)
        turned.append(rotations.multiply(in_body[:, INDEX[joint]], rotations.conjugate(rest)))
        return len(names) - 1

    def bone(joint: str) -> np.ndarray:
        return body[INDEX[joint]] - body[PARENTS[INDEX[joint]]]

    straight = rotations.IDENTITY
    neck = add("Neck", "neck", chest, build.trunk * bone("neck"), straight)
    add("Head", "head", neck, build.trunk * bone("head"), straight)
    for side, sign in SIDES.items():
        lowered = rotations.exp(np.array([0, 0, -sign * build.arms_down]))
        spread = rotations.exp(np.array([0, 0, sign * build.legs_apart]))
        at = chest
        to_shoulder = build.trunk * bone(f"{side}_collar")
        if build.collars:
            at = add(f"{side.title()}Shoulder", f"{side}_collar", chest, to_shoulder, straight)
            to_shoulder = np.zeros(3)
        to_shoulder = to_shoulder + build.trunk * bone(f"{side}_shoulder")
        limbs = (
            ("shoulder", to_shoulder, lowered),
            *((joint, build.arm * rotations.rotate(lowered, bone(f"{side}_{joint}")), lowered)
              for joint in ("elbow", "wrist", "hand")),
        )  # fmt: skip
        for joint, offset, rest in limbs:
            at = add(f"{side.title()}{_NAMES[joint]}", f"{side}_{joint}", at, offset, rest)
        at = add(f"{side.title()}UpLeg", f"{side}_hip", 0, build.trunk * bone(f"{side}_hip"), spread)
        for joint in ("knee", "ankle", "foot"):
            offset = build.leg * rotations.rotate(spread, bone(f"{side}_{joint}"))
            at = add(f"{side.title()}{_NAMES[joint]}", f"{side}_{joint}", at, offset, spread)
    in_world = np.stack(turned, axis=1)  # (T, J, 4)
    local = in_world.copy()
    local[:, 1:] = rotations.multiply(rotations.conjugate(in_world[:, parents[1:]]), in_world[:, 1:])
    axes = np.array(build.axes, dtype=float)
    change = rotations.from_matrix(axes)
    local = rotations.multiply(rotations.multiply(change, local), rotations.conjugate(change))
    scaled = build.unit * np.array(offsets) @ axes.T
    motion = rigid_motion(tuple(names), tuple(parents), scaled, local, build.unit * path @ axes.T, 30.0)
    hips = np.array([0, build.trunk * body[INDEX["left_hip"], 1], 0])
    return motion, hips
