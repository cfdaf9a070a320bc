"""From any skeleton's motion to SMPL's pose: rest poses are laid on each other, then rotations are carried over.

Source and body are brought into common axes (Y up, facing +Z). Where both stand alike at rest, a rotation from the one
rest pose is a rotation from the other; where a limb of the source's rest points elsewhere (arms down instead of out,
legs apart), the body's limb is first turned there, by the shortest way from its parent limb. So T-poses, A-poses and
others come to the same pose. Trunk and head are taken to stand upright in both, and feet to stand flat; how arms are
rolled about their length is seen in the motion (:mod:`smpl_rig.arm_roll`).

Rotations alone are carried over. Lengths are the body's own, and the path is scaled by the length of the legs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .arm_roll import elbow_tilt, share_forearm_roll, untilt_upper_arm
from .axes import WORLD_FROM_BODY
from .joint_map import recognise
from .skeletal_motion import SkeletalMotion, SkeletalMotionError
from .skeleton import INDEX, JOINT_COUNT, PARENTS

Floats = NDArray[np.floating[Any]]

SIDES = ("left", "right")
#: A rest pose whose hips' line is this close to an axis of its file stands along that axis: skeletons measured on
#: people are a little lopsided.
SQUARE_WITHIN_RAD = np.deg2rad(15)
#: A thumb's root may lie so far below the palm's plane; a hand rolled by less is not rolled at rest.
THUMB_BELOW_PALM_RAD = np.deg2rad(45)
#: Trunk and legs of a rest pose lean less than this.
UPRIGHT_WITHIN_RAD = np.deg2rad(45)


@dataclass(frozen=True, eq=False)
class SmplPose:
    """The pose of SMPL's 24 joints over T frames.

    Attributes:
        local_rotations: (T, 24, 4) unit quaternions, continuous in time; the pelvis's is in the world (Z up).
        pelvis: (T, 3) metres, world; the source's own floor, wherever that is.
    """

    local_rotations: Floats
    pelvis: Floats


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a source's rest pose lies on the body's T-pose.

    Attributes:
        motion: the source, counted from the rest pose that was taken.
        joints: which of the source's joints SMPL's are, by name.
        body_from_source: (3, 3) rotation between the axes.
        rest: (J, 3) the source's joints at rest, in the body's axes and the source's unit of length.
        rest_joints: (24, 3) metres, the body's T-pose.
        turns: (24, 4) what turns the limbs of the T-pose to where the source's limbs point at rest; body's axes.
        scale: metres on the body for the source's unit of length.
    """

    motion: SkeletalMotion
    joints: dict[str, int]
    body_from_source: Floats
    rest: Floats
    rest_joints: Floats
    turns: Floats
    scale: float

    def smpl_pose(self) -> SmplPose:
        """The motion on the body."""
        in_body, positions = self.turned()
        in_world = rotations.multiply(rotations.from_matrix(WORLD_FROM_BODY), in_body)
        local = in_world.copy()
        local[:, 1:] = rotations.multiply(rotations.conjugate(in_world[:, list(PARENTS[1:])]), in_world[:, 1:])
        local = share_forearm_roll(local, self.rest_joints)
        return SmplPose(rotations.make_continuous(rotations.normalize(local)), self._pelvis(positions, in_world[:, 0]))

    def turned(self) -> tuple[Floats, Floats]:
        """Rotations (T, 24, 4) of SMPL's joints in the body's axes; positions (T, J, 3) of the source's in its own."""
        turned, positions = self.motion.forward_kinematics()
        change = rotations.from_matrix(self.body_from_source)
        turned = rotations.multiply(rotations.multiply(change, turned), rotations.conjugate(change))  # (T, J, 4)
        result = np.empty((len(turned), JOINT_COUNT, 4))
        for name, chain, part in self.followed():
            result[:, INDEX[name]] = rotations.multiply(along(turned[:, chain], part), self.turns[INDEX[name]])
        return result, positions

    def followed(self) -> list[tuple[str, list[int], float]]:
        """For each of SMPL's joints the chain of the source's joints that it follows and how far down, from 0 to 1."""
        at = self.joints
        chest = self.chest()
        spine = [at["pelvis"], *self.motion.path(chest, at["pelvis"])]
        neck = [chest, *self.motion.path(at["head"], chest)]
        chains = [("pelvis", spine, 0.0)]
        chains += [(f"spine{number}", spine, number / 3) for number in (1, 2, 3)]
        chains += [("neck", neck, 0.5), ("head", neck, 1.0)]
        for side in SIDES:
            collars = [chest, *self.motion.path(at[f"{side}_shoulder"], chest)][:-1]
            chains += [(f"{side}_collar", collars, 1.0)]
            limbs = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
            chains += [(f"{side}_{limb}", [at[f"{side}_{limb}"]], 0.0) for limb in limbs]
            chains += [(f"{side}_foot", [at.get(f"{side}_foot", at[f"{side}_ankle"])], 0.0)]
            chains += [(f"{side}_hand", [at[f"{side}_wrist"]], 0.0)]  # fingers are not SMPL's
        return chains

    def chest(self) -> int:
        """The lowest joint on which head and both arms hang, and which lies below the shoulders.

        In 3ds Max Biped collar bones hang on the neck.
        """
        top = self.joints["pelvis"]
        limbs = [self.motion.path(self.joints[name], top) for name in ("head", "left_shoulder", "right_shoulder")]
        shared = [joint for joint in limbs[0][:-1] if all(joint in limb[:-1] for limb in limbs)]
        shoulders = min(self.rest[self.joints[f"{side}_shoulder"], 1] for side in SIDES)
        below = [joint for joint in shared if self.rest[joint, 1] < shoulders]
        return (below or shared or [top])[-1]

    def _pelvis(self, positions: Floats, orientation: Floats) -> Floats:
        """(T, 3): the middle of the hips follows the source's."""
        hips = positions[:, [self.joints["left_hip"], self.joints["right_hip"]]].mean(axis=1)
        own = self.rest_joints[[INDEX["left_hip"], INDEX["right_hip"]]].mean(axis=0)
        from_hips = rotations.rotate(orientation, self.rest_joints[0] - own)
        pelvis: Floats = self.scale * hips @ (WORLD_FROM_BODY @ self.body_from_source).T + from_hips
        return pelvis


def align(motion: SkeletalMotion, rest_joints: Floats) -> Alignment:
    """Lays a source's rest pose on the body's T-pose.

    Args:
        motion: of a skeleton whose joints' names are known (:mod:`smpl_rig.joint_map`). Where its rest is no standing
            figure, the pose of the first frame is taken.
        rest_joints: (24, 3) metres, the body's T-pose.

    Raises:
        SkeletalMotionError: if the names fit no family, or neither rest nor first frame stands.
    """
    joints = {joint: motion.names.index(name) for joint, name in recognise(motion).items()}
    motion, body_from_source = _standing(motion, joints)
    rest = motion.rest_positions() @ body_from_source.T
    source = {joint: rest[index] for joint, index in joints.items()}
    body = {joint: rest_joints[index] for joint, index in INDEX.items()}
    turns = limb_turns(source, body)
    scale = leg_length(body) / leg_length(source)
    alignment = Alignment(motion, joints, body_from_source, rest, rest_joints, turns, scale)
    tilt = elbow_tilt(alignment.turned()[0], rest_joints, motion.frame_rate)
    untilted = turns.copy()
    for side in SIDES:
        shoulder = INDEX[f"{side}_shoulder"]
        untilted[shoulder] = rotations.multiply(turns[shoulder], untilt_upper_arm(side, tilt, rest_joints))
    return replace(alignment, turns=untilted)


_Places = Mapping[str, Floats]


def limb_turns(source: _Places, body: _Places) -> Floats:
    """(24, 4): what turns the limbs of the body's T-pose to where another figure's point at rest.

    Args:
        source: by SMPL's names, where the other figure's joints are, in the body's axes and any unit of length. What it
            lacks of feet, hands and thumbs is taken to point as the limb above.
        body: likewise, the T-pose.
    """
    turns = np.tile(rotations.IDENTITY, (JOINT_COUNT, 1))
    for side in SIDES:
        for joint, turn in (_leg_turns(side, source, body) | _arm_turns(side, source, body)).items():
            turns[INDEX[joint]] = turn
    return turns


def _leg_turns(side: str, source: _Places, body: _Places) -> dict[str, Floats]:
    hip, knee, ankle, foot = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "foot"))
    thigh = _turn_of_limb(rotations.IDENTITY, hip, knee, source, body)
    shin = _turn_of_limb(thigh, knee, ankle, source, body)
    # soles are level from heel to toe, but where legs are spread at rest their feet are rolled with them
    spread = _leaning_aside(source[ankle] - source[knee]) - _leaning_aside(body[ankle] - body[knee])
    sole = rotations.exp(np.array([0, 0, spread]))
    if foot in source:
        level = np.array([1.0, 0.0, 1.0])
        toes = rotations.rotate(rotations.conjugate(sole), source[foot] - source[ankle])
        sole = rotations.multiply(sole, rotations.between((body[foot] - body[ankle]) * level, toes * level))
    return {hip: thigh, knee: shin, ankle: sole, foot: sole}


def _leaning_aside(shin: Floats) -> float:
    """Radians from straight down, seen from the front."""
    return float(np.arctan2(shin[0], -shin[1]))


def _arm_turns(side: str, source: _Places, body: _Places) -> dict[str, Floats]:
    shoulder, elbow, wrist, hand = (f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hand"))
    upper = _turn_of_limb(rotations.IDENTITY, shoulder, elbow, source, body)
    forearm = _turn_of_limb(upper, elbow, wrist, source, body)
    if hand not in source:
        return {shoulder: upper, elbow: forearm, wrist: forearm, hand: forearm}
    palm = _turn_of_limb(forearm, wrist, hand, source, body)
    roll = _roll_of_palm(side, palm, source)
    # a forearm's skin turns with the hand at the wrist and not at all at the elbow, so its bone has half of the roll
    forearm = rotations.multiply(rotations.exp(roll / 2 * _unit(source[wrist] - source[elbow])), forearm)
    palm = rotations.multiply(rotations.exp(roll * _unit(source[hand] - source[wrist])), palm)
    return {shoulder: upper, elbow: forearm, wrist: palm, hand: palm}


def _turn_of_limb(above: Floats, start: str, end: str, source: _Places, body: _Places) -> Floats:
    """(4,): turned as the limb above it, then by the shortest way to where the source's limb points."""
    pointed = rotations.rotate(above, body[end] - body[start])
    return rotations.multiply(rotations.between(pointed, source[end] - source[start]), above)


def _roll_of_palm(side: str, palm: Floats, source: _Places) -> float:
    """How far the source's hand is rolled about its length at rest: the T-pose's palms look down, thumbs forward."""
    wrist, hand, thumb = (f"{side}_{joint}" for joint in ("wrist", "hand", "thumb"))
    if thumb not in source:
        return 0.0
    length = _unit(source[hand] - source[wrist])
    expected = _across(rotations.rotate(palm, np.array([0.0, 0.0, 1.0])), length)
    found = _across(source[thumb] - source[wrist], length)
    roll = float(np.arctan2(np.cross(expected, found) @ length, expected @ found))
    return roll if abs(roll) > THUMB_BELOW_PALM_RAD else 0.0


def _standing(motion: SkeletalMotion, joints: dict[str, int]) -> tuple[SkeletalMotion, Floats]:
    """The motion counted from a rest pose that stands, and the rotation (3, 3) from its axes to the body's."""
    axes = _axes_of(motion, joints)
    if axes is None:
        turned, _ = motion.frames(slice(0, 1)).forward_kinematics()
        motion = motion.with_rest(turned[0])
        axes = _axes_of(motion, joints)
    if axes is None:
        raise SkeletalMotionError("Neither the rest pose nor the first frame shows a standing figure to start from.")
    return motion, axes


def _axes_of(motion: SkeletalMotion, joints: dict[str, int]) -> Floats | None:
    rest = motion.rest_positions()
    return _figure_axes({joint: rest[index] for joint, index in joints.items()})


def _figure_axes(at: _Places) -> Floats | None:
    """(3, 3), rows left, up and forward of a standing figure, whose joints are given; None if it does not stand."""
    ankles = (at["left_ankle"] + at["right_ankle"]) / 2
    trunk, legs = at["head"] - at["pelvis"], at["pelvis"] - ankles
    up = _nearest_axis(trunk + legs)
    across = at["left_hip"] - at["right_hip"]
    leans = np.array([_angle(trunk, up), _angle(legs, up)])
    if not np.isfinite(leans).all() or leans.max() > UPRIGHT_WITHIN_RAD or abs(_angle(across, up) - np.pi / 2) > 0.5:
        return None
    left = across - (across @ up) * up
    if _angle(left, _nearest_axis(left)) < SQUARE_WITHIN_RAD:
        left = _nearest_axis(left)
    left = _unit(left)
    return np.stack((left, up, np.cross(left, up)))


def _nearest_axis(vector: Floats) -> Floats:
    axis = np.zeros(3)
    largest = np.argmax(np.abs(vector))
    axis[largest] = np.sign(vector[largest])
    return axis


def leg_length(at: _Places) -> float:
    """Thigh and shin, the mean of both sides."""
    pairs = [(f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))]
    return float(sum(np.linalg.norm(at[a] - at[b]) for a, b in pairs) / 2)


def along(chain: Floats, part: float) -> Floats:
    """Rotations (T, N, 4) down a chain of joints -> (T, 4) at ``part`` of its length, every joint counting the same."""
    place = part * (chain.shape[1] - 1)
    above = min(int(place), max(chain.shape[1] - 2, 0))
    first, second = chain[:, above], chain[:, min(above + 1, chain.shape[1] - 1)]
    step = rotations.log(rotations.multiply(rotations.conjugate(first), second))
    return rotations.multiply(first, rotations.exp((place - above) * step))


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.linalg.norm(vector)
    return unit


def _across(vector: Floats, axis: Floats) -> Floats:
    return _unit(vector - (vector @ axis) * axis)


def _angle(a: Floats, b: Floats) -> float:
    return float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b))
