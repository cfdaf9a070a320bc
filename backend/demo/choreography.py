"""A short motion authored in code: walk, turn round, wave, squat, with feet that stay where they are put.

Everything is a function of time, so that any frame rate can be asked for. Feet follow a schedule of steps; legs reach
them by two-bone inverse kinematics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.kinematics import forward_kinematics, global_rotations
from smpl_rig.skeleton import INDEX, JOINT_COUNT
from smpl_rig.soles import SOLE_BELOW_BALL_M

Floats = NDArray[np.floating[Any]]

DURATION_S = 4.0
#: Swings of the feet: foot, start and end in seconds.
STEPS: tuple[tuple[str, float, float], ...] = (
    ("left", 0.00, 0.36),
    ("right", 0.40, 0.78),
    ("left", 0.82, 1.18),
    ("right", 1.22, 1.50),
    ("left", 1.54, 1.80),
    ("right", 1.84, 2.10),
    ("left", 2.14, 2.40),
    ("right", 2.44, 2.66),
)
_STEP_HEIGHT_M = 0.09
_FOOT_APART_M = 0.11
_SQUAT_DEPTH_M = 0.36


@dataclass(frozen=True, eq=False)
class Performance:
    """The truth.

    Attributes:
        timestamps_s: (T,).
        local_rotations: (T, 24, 4) unit quaternions, the pelvis's in the world.
        trans: (T, 3) metres; the pelvis lies at ``rest_joints[0] + trans``.
        joints_world: (T, 24, 3) metres, floor at z = 0.
        planted: (T, 2) whether the left and the right foot stand still.
    """

    timestamps_s: NDArray[np.float64]
    local_rotations: Floats
    trans: Floats
    joints_world: Floats
    planted: NDArray[np.bool_]


def perform(rest_joints: Floats, frame_rate: float) -> Performance:
    """The motion on a body with the given joints of the rest pose (24, 3), metres, body frame."""
    times = np.arange(round(DURATION_S * frame_rate)) / frame_rate
    heading = _heading(times)
    facing = rotations.multiply(_about("z", heading), rotations.from_matrix(WORLD_FROM_BODY))  # (T, 4)
    feet, planted = _feet(times, rest_joints)
    pelvis = _pelvis(times, feet, rest_joints)

    local = np.tile(rotations.IDENTITY, (len(times), JOINT_COUNT, 1))
    lean = 0.75 * _squat(times)
    local[:, 0] = rotations.multiply(facing, _about("x", lean * 0.6))
    for joint in ("spine1", "spine2", "spine3"):
        local[:, INDEX[joint]] = _about("x", lean * 0.1)
    local[:, INDEX["neck"]] = _about("x", -lean * 0.5)
    _move_arms(local, times)
    _reach_feet(local, facing, pelvis, feet, rest_joints)
    trans = pelvis - rest_joints[0]
    _, joints = forward_kinematics(local, rest_joints, trans)
    return Performance(times, local, trans, joints, planted)


def _ease(times: Floats, start: float, end: float) -> Floats:
    """From 0 to 1 between two times, without a jerk at either (Perlin's smootherstep)."""
    x = np.clip((times - start) / (end - start), 0, 1)
    return np.asarray(x**3 * (x * (6 * x - 15) + 10))


def _about(axis: str, angle: Floats) -> Floats:
    vector = np.zeros((*np.shape(angle), 3))
    vector[..., "xyz".index(axis)] = angle
    return rotations.exp(vector)


def _heading(times: Floats) -> Floats:
    """Radians about world z: 0 faces the camera (-y). Walks towards +x, then turns with the back to the camera."""
    return np.asarray(np.pi / 2 + 1.5 * np.pi * _ease(times, 1.1, 2.7))


def _base(times: Floats) -> Floats:
    """(T, 2) where the body is on the floor: 1.1 metres of walking, then on the spot."""
    way = np.where(times < 1.2, times, 1.2 + 0.25 * (1 - np.exp(-np.clip(times - 1.2, 0, None) / 0.25)))
    return np.stack((-0.75 + way, np.zeros_like(way)), axis=-1)


def _squat(times: Floats) -> Floats:
    """How deep: half a second each way, as feet that only stand on the floor let nobody drop or rise at 1 g."""
    return _ease(times, 2.9, 3.4) - _ease(times, 3.48, 3.98)


def _wave(times: Floats) -> Floats:
    return _ease(times, 1.95, 2.4) - _ease(times, 2.8, 3.3)


def _feet(times: Floats, rest_joints: Floats) -> tuple[dict[str, tuple[Floats, Floats]], NDArray[np.bool_]]:
    """For each side, ankle positions (T, 3) and headings (T,); and (T, 2) which feet are planted."""
    feet, planted = {}, []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        ankle, ball = rest_joints[INDEX[f"{side}_ankle"]], rest_joints[INDEX[f"{side}_foot"]]
        height = ankle[1] - (ball[1] - SOLE_BELOW_BALL_M)
        swings = [(start, end) for foot, start, end in STEPS if foot == side]
        stances = [0.0, *(end for _, end in swings)], [*(start for start, _ in swings), DURATION_S]
        middles = np.array([(begin + end) / 2 for begin, end in zip(*stances, strict=True)])
        middles[0] = swings[0][0] - 0.2
        headings = _heading(middles)
        across = np.stack((np.cos(headings), np.sin(headings)), axis=-1) * sign * _FOOT_APART_M
        places = np.concatenate((_base(middles) + across, np.full((len(middles), 1), height)), axis=-1)
        position, heading = np.tile(places[0], (len(times), 1)), np.full(len(times), headings[0])
        moving = np.zeros(len(times), dtype=bool)
        for index, (start, end) in enumerate(swings):
            done = _ease(times, start, end)
            position += done[:, None] * (places[index + 1] - places[index])
            heading += done * (headings[index + 1] - headings[index])
            position[:, 2] += _STEP_HEIGHT_M * np.sin(np.pi * np.clip((times - start) / (end - start), 0, 1)) ** 2
            moving |= (times > start) & (times < end)
        feet[side] = position, heading
        planted.append(~moving)
    return feet, np.stack(planted, axis=-1)


def _pelvis(times: Floats, feet: dict[str, tuple[Floats, Floats]], rest_joints: Floats) -> Floats:
    """(T, 3): over the feet, as high as legs that are nearly stretched allow, lower in the squat."""
    hip, knee, ankle = (rest_joints[INDEX[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    leg = np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee)
    base = _base(times)
    furthest = np.max([np.linalg.norm(position[:, :2] - base, axis=-1) for position, _ in feet.values()], axis=0)
    ankle_height = min(position[:, 2].min() for position, _ in feet.values())
    standing = np.sqrt((0.985 * leg) ** 2 - furthest**2) + ankle_height - (hip[1] - rest_joints[0, 1])
    # the hips sit back in a squat, so that the body stays over its feet
    back = 0.16 * _squat(times)
    heading = _heading(times)
    place = base - back[:, None] * np.stack((np.sin(heading), -np.cos(heading)), axis=-1)
    kernel = np.hanning(2 * max(round(0.08 / max(times[1] - times[0], 1e-6)), 1) + 1)
    smooth = np.convolve(np.pad(standing, len(kernel) // 2, mode="edge"), kernel / kernel.sum(), mode="valid")
    return np.column_stack((place, np.minimum(smooth, standing + 0.01) - 0.01 - _SQUAT_DEPTH_M * _squat(times)))


def _move_arms(local: Floats, times: Floats) -> None:
    walking = 1 - _ease(times, 1.1, 1.6)
    swing = 0.45 * walking * np.sin(2 * np.pi * times / 0.8)
    wave, squat = _wave(times), _squat(times)
    # hanging arms, that reach forward in the squat
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hang = _about("z", np.full_like(times, -1.25 * sign))
        forward = _about("x", -sign * swing - 1.3 * squat)
        local[:, INDEX[f"{side}_shoulder"]] = rotations.multiply(forward, hang)
        local[:, INDEX[f"{side}_elbow"]] = _about("y", -sign * np.full_like(times, 0.35))
    raised = rotations.multiply(_about("z", np.full_like(times, -0.15)), _about("x", np.full_like(times, -1.5)))
    beat = 1.35 + 0.4 * np.sin(2 * np.pi * (times - 2.4) / 0.4)
    for joint, pose in (("right_shoulder", raised), ("right_elbow", _about("y", beat))):
        local[:, INDEX[joint]] = _between(local[:, INDEX[joint]], pose, wave)


def _between(a: Floats, b: Floats, part: Floats) -> Floats:
    step = rotations.log(rotations.multiply(rotations.conjugate(a), b))
    return rotations.multiply(a, rotations.exp(step * part[:, None]))


def _reach_feet(
    local: Floats, facing: Floats, pelvis: Floats, feet: dict[str, tuple[Floats, Floats]], rest_joints: Floats
) -> None:
    """Two-bone inverse kinematics: the knee bends to where the foot points."""
    for side, (target, heading) in feet.items():
        hip, knee, ankle = (INDEX[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        root = global_rotations(local)[:, 0]
        hips = pelvis + rotations.rotate(root, rest_joints[hip] - rest_joints[0])
        upper, lower = rest_joints[knee] - rest_joints[hip], rest_joints[ankle] - rest_joints[knee]
        a, b = np.linalg.norm(upper), np.linalg.norm(lower)
        way = target - hips
        reach = np.minimum(np.linalg.norm(way, axis=-1), 0.9995 * (a + b))
        along = way / np.linalg.norm(way, axis=-1, keepdims=True)
        toes = np.stack((np.sin(heading), -np.cos(heading), np.zeros_like(heading)), axis=-1)
        hinge = np.cross(toes, along)  # towards the body's left, about which the knee bends
        hinge /= np.linalg.norm(hinge, axis=-1, keepdims=True)
        bend = np.arccos(np.clip((a**2 + reach**2 - b**2) / (2 * a * reach), -1, 1))
        thigh = rotations.rotate(rotations.exp(-hinge * bend[:, None]), along)
        shin = (along * reach[:, None] - thigh * a) / b
        foot = rotations.multiply(_about("z", heading), rotations.from_matrix(WORLD_FROM_BODY))
        above = root
        for joint, turned in (
            (hip, _turned(upper, thigh, hinge)),
            (knee, _turned(lower, shin, hinge)),
            (ankle, foot),
        ):
            local[:, joint] = rotations.multiply(rotations.conjugate(above), turned)
            above = turned


def _turned(rest_direction: Floats, direction: Floats, hinge: Floats) -> Floats:
    """World rotation (T, 4) of a leg bone that points along ``direction`` and has its x axis along the hinge."""

    def frame(along: Floats, across: Floats) -> Floats:
        y = along / np.linalg.norm(along, axis=-1, keepdims=True)
        z = np.cross(across, y)
        z /= np.linalg.norm(z, axis=-1, keepdims=True)
        return np.stack((np.cross(y, z), y, z), axis=-1)

    rest = frame(rest_direction, np.array([1.0, 0, 0]))
    return rotations.from_matrix(frame(direction, hinge) @ rest.T)
