"""Poses that no library need hold: limbs at rest, on a seat, or anywhere that joints reach.

Ranges are those of the American Academy of Orthopaedic Surgeons (Joint Motion: Method of Measuring and Recording,
1965), a little less at either end. All poses are (B, 24, 4) local rotations; joints of which a pose says nothing are a
T-pose's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from smpl_rig.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES

from . import quaternions
from .chance import Chance, Range

#: 0 trunk, 1 and 2 arms, 3 and 4 legs: of each joint.
LIMB_OF_JOINT: tuple[int, ...] = tuple(
    0
    if name.split("_", maxsplit=1)[0] not in {"left", "right"}
    else (3 if name.split("_")[1] in {"hip", "knee", "ankle", "foot"} else 1) + name.startswith("right")
    for name in JOINT_NAMES
)
#: The joints that :func:`anywhere` and :func:`on_a_seat` turn; hands and feet go along.
REACHING = tuple(INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("shoulder", "elbow", "hip", "knee"))
#: The joints that bend one way only.
HINGES = tuple(INDEX[f"{side}_{hinge}"] for side in ("left", "right") for hinge in ("knee", "elbow"))
#: How far arms at rest hang below a T-pose's, and how far they are raised above it.
HANGING_RAD, RAISED_RAD = math.radians(85), math.radians(60)

#: Left and right, and the sign of x on that side.
_SIDES = (("left", 1.0), ("right", -1.0))
#: Degrees. Where an upper arm points: about the vertical from straight out to the side, forwards; and how far it turns
#: about itself (deviation, at most).
_ARM_FORWARDS: Range = (-45, 115)
_ARM_TWIST: Range = (35, 75)
_ELBOW: Range = (0, 145)
#: Degrees a thigh is raised forwards and sideways, and turns about itself (deviation, at most).
_THIGH_FORWARDS: Range = (-20, 115)
_THIGH_SIDEWAYS: Range = (-15, 40)
_THIGH_TWIST: Range = (15, 40)
_KNEE: Range = (0, 130)
#: On a seat, degrees: both legs alike, and how far each differs from that (deviation).
_SEATED_FORWARDS: Range = (60, 110)
_SEATED_KNEE: Range = (30, 130)
_SEATED_APART = 8.0
#: Part of those seated who cross their legs. Degrees the upper thigh is raised above the other, how far it goes
#: sideways, and how far it turns about itself, so that the foot goes further across.
_CROSSED, _CROSSED_OVER, _CROSSED_ACROSS, _CROSSED_TWIST = 0.25, 15.0, -30.0, (0.0, 40.0)

#: A body's measures beside its shoulder, metres, as far as an arm must not go through it: (x inwards, y, z).
_UPPER_ARM_M, _FOREARM_M = 0.26, 0.27
_TRUNK_INWARDS_M, _TRUNK_HALF_M = 0.18, (0.15, 0.12)
_HEAD_M, _HEAD_RADIUS_M = (0.18, 0.22, 0.03), 0.13
#: So often an arm that goes through the body is drawn again.
_TRIES = 4


def at_rest(chance: Chance, count: int) -> Tensor:
    """T-poses, the arms at any height from hanging to raised."""
    vectors = 0.05 * chance.normal(count, JOINT_COUNT, 3)
    vectors[:, HINGES] = 0  # never bend back
    for side, sign in _SIDES:  # about the body's forward axis
        height = (HANGING_RAD + RAISED_RAD) * chance.uniform(count) - RAISED_RAD
        vectors[:, INDEX[f"{side}_shoulder"], 2] -= sign * height
    return quaternions.exp(vectors)


def anywhere(chance: Chance, count: int) -> Tensor:
    """Upper arms, forearms, thighs and shins anywhere in their range, each place as often as any other."""
    poses = _t_poses(chance, count)
    for side, sign in _SIDES:
        poses[:, INDEX[f"{side}_shoulder"]], poses[:, INDEX[f"{side}_elbow"]] = _arm(chance, count, sign)
        forwards, sideways = (_between(chance, count, limits) for limits in (_THIGH_FORWARDS, _THIGH_SIDEWAYS))
        poses[:, INDEX[f"{side}_hip"]] = _thigh(forwards, sideways, _about(chance, count, _THIGH_TWIST), sign)
        poses[:, INDEX[f"{side}_knee"]] = _turn(_between(chance, count, _KNEE), 0)
    return poses


def on_a_seat(chance: Chance, count: int) -> Tensor:
    """Legs as on a seat, from a bar stool's to a sofa's, a quarter of them crossed."""
    poses = _t_poses(chance, count)
    forwards, knee = (_between(chance, count, limits) for limits in (_SEATED_FORWARDS, _SEATED_KNEE))
    crossed, upper = chance.uniform(count) < _CROSSED, chance.uniform(count) < 0.5
    for side, sign in _SIDES:
        over = crossed & (upper if side == "left" else ~upper)
        raised = forwards + _SEATED_APART * chance.normal(count) + _CROSSED_OVER * over
        sideways = torch.where(over, _CROSSED_ACROSS, _between(chance, count, _THIGH_SIDEWAYS))
        sideways = torch.where(crossed & ~over, 0.0, sideways)
        twist = torch.where(over, _between(chance, count, _CROSSED_TWIST), _about(chance, count, _THIGH_TWIST))
        poses[:, INDEX[f"{side}_hip"]] = _thigh(raised, sideways, twist, sign)
        bent = (knee + _SEATED_APART * chance.normal(count)).clamp(*_KNEE)
        poses[:, INDEX[f"{side}_knee"]] = _turn(bent, 0)
    return poses


def _t_poses(chance: Chance, count: int) -> Tensor:
    return quaternions.exp(torch.zeros(count, JOINT_COUNT, 3, device=chance.device))


def _between(chance: Chance, count: int, limits: Range) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * chance.uniform(count)


def _about(chance: Chance, count: int, deviation_and_most: Range) -> Tensor:
    deviation, most = deviation_and_most
    return (deviation * chance.normal(count)).clamp(-most, most)


def _turn(degrees: Tensor, axis: int) -> Tensor:
    """(B, 4): about an axis of the body."""
    vectors = torch.zeros(len(degrees), 3, device=degrees.device)
    vectors[:, axis] = torch.deg2rad(degrees)
    return quaternions.exp(vectors)


def _thigh(forwards: Tensor, sideways: Tensor, twist: Tensor, sign: float) -> Tensor:
    """(B, 4): turned about itself, then moved sideways, then raised forwards."""
    raised = quaternions.multiply(_turn(-forwards, 0), _turn(sign * sideways, 2))
    return quaternions.multiply(raised, _turn(sign * twist, 1))


def _arm(chance: Chance, count: int, sign: float) -> tuple[Tensor, Tensor]:
    """(B, 4), (B, 4): a shoulder and an elbow, such that the arm does not go through trunk or head, as a rule."""
    drawn = count * _TRIES
    around = torch.deg2rad(_between(chance, drawn, _ARM_FORWARDS))
    height = 2 * chance.uniform(drawn) - 1
    level = (1 - height.square()).sqrt()
    pointing = torch.stack((sign * level * around.cos(), height, level * around.sin()), dim=-1)  # (B * tries, 3)
    outwards = pointing.new_tensor([sign, 0.0, 0.0]).expand_as(pointing)
    swing = torch.cat(((1 + sign * pointing[:, :1]), torch.linalg.cross(outwards, pointing)), dim=-1)
    shoulder = quaternions.multiply(
        torch.nn.functional.normalize(swing, dim=-1), _turn(_about(chance, drawn, _ARM_TWIST), 0)
    )
    elbow = _turn(-sign * _between(chance, drawn, _ELBOW), 1)
    forearm = (quaternions.matrix(quaternions.multiply(shoulder, elbow)) @ outwards.unsqueeze(-1)).squeeze(-1)
    through = _through_body(_UPPER_ARM_M * pointing, _FOREARM_M * forearm, sign).view(count, _TRIES)
    first = torch.arange(count, device=chance.device) * _TRIES + (~through).int().argmax(dim=1)
    return shoulder[first], elbow[first]


def _through_body(elbow: Tensor, forearm: Tensor, sign: float) -> Tensor:
    """(N,) whether arms with elbows (N, 3) from the shoulder and forearms (N, 3) from there go through the body."""
    along = torch.linspace(0, 1, 4, device=elbow.device)[:, None, None]
    points = elbow + along * forearm  # (4, N, 3)
    inwards = points * points.new_tensor([-sign, 1.0, 1.0])
    half_width, half_depth = _TRUNK_HALF_M
    across, depth = (inwards[..., 0] - _TRUNK_INWARDS_M) / half_width, inwards[..., 2] / half_depth
    trunk = (across.square() + depth.square() < 1) & (inwards[..., 1] < 0)
    head = (inwards - inwards.new_tensor(_HEAD_M)).norm(dim=-1) < _HEAD_RADIUS_M
    return (trunk | head).any(dim=0)
