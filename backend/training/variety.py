"""Motion drawn from a library and stretched without leaving what bodies can do."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from smpl_rig.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, MIRROR

from . import quaternions
from .chance import Chance
from .limb_poses import HINGES, LIMB_OF_JOINT, REACHING, anywhere, at_rest, on_a_seat


@dataclass(frozen=True)
class MotionVariety:
    """How far motions are stretched; parts are parts of all clips drawn.

    Attributes:
        usual_rates: frame rates of most footage, from and to.
        rates: frame rates of all footage, evenly in their logarithm.
        usual: part of the clips with usual rates.
        speed: how much slower or faster motion is played, evenly in its logarithm.
        mixed: part of the clips whose upper body comes from another clip.
        limbs_mixed: part of the others of whose limbs each may come from another clip.
        loosened: part of the clips whose joints turn a little differently.
        offset_rad: deviation of those turns where joints are free; hinges and spine take less.
        straightened: part of the clips whose legs, where they are nearly straight, are straightened by some part.
        posed: part of the clips that are random poses, one turning into the next.
        at_rest: part of the limbs of such poses that are as in a T-pose, the arms at any height.
        anywhere: part of those limbs that are anywhere their joints reach.
        standing: part of such poses of which all limbs are at rest.
        seated: part of the others whose legs are as on a seat, of which free libraries have next to none.
        low: part of the clips drawn from those that sit, kneel, crawl or lie.
        leaning_rad: deviation of how far the whole body is tilted in loosened clips.
    """

    usual_rates: tuple[float, float] = (23.0, 31.0)
    rates: tuple[float, float] = (12.0, 60.0)
    usual: float = 0.6
    speed: tuple[float, float] = (0.6, 1.6)
    mixed: float = 0.25
    limbs_mixed: float = 0.35
    loosened: float = 0.6
    offset_rad: float = 0.25
    straightened: float = 0.95
    posed: float = 0.45
    at_rest: float = 0.4
    anywhere: float = 0.2
    standing: float = 0.1
    seated: float = 0.15
    low: float = 0.2
    leaning_rad: float = 0.15


#: Library motion as it is, at 30 frames per second.
UNSTRETCHED_MOTION = MotionVariety(
    usual_rates=(30, 30),
    rates=(30, 30),
    usual=1.0,
    speed=(1.0, 1.0),
    mixed=0.0,
    limbs_mixed=0.0,
    loosened=0.0,
    straightened=0.0,
    posed=0.0,
    at_rest=0.0,
    anywhere=0.0,
    standing=0.0,
    seated=0.0,
    low=0.0,
)
#: How free joints are, beside ``offset_rad``; those not named are fully free.
_FREEDOM = {"spine": 0.4, "neck": 0.8, "head": 0.6, "collar": 0.4, "knee": 0.0, "elbow": 0.0, "hand": 0.2, "foot": 0.4,
            "pelvis": 0.0, "ankle": 0.6, "wrist": 0.8}  # fmt: skip
_UPPER = [index for index, name in enumerate(JOINT_NAMES) if not any(low in name for low in
          ("pelvis", "hip", "knee", "ankle", "foot"))]  # fmt: skip
#: A clip that is played to and fro slows down for so long before it turns.
TURNING_S = 0.15
_HIPS, _KNEES, _ANKLES = (
    [INDEX[f"{side}_{joint}"] for side in ("left", "right")] for joint in ("hip", "knee", "ankle")
)
#: Knees bent by much more than this are bent on purpose.
NEARLY_STRAIGHT_RAD = math.radians(50)


@dataclass(frozen=True, eq=False)
class Clips:
    """Clips of motion one after the other, as tensors.

    Attributes:
        rotations: (N, 24, 4) local rotations as unit quaternions w, x, y, z; the pelvis's in the world (Z up).
        pelvis: (N, 3) metres, world.
        starts: (C,) where each clip begins.
        lengths: (C,) frames.
        rates: (C,) frames per second.
        low: (C,) part of each clip in which the person sits, kneels, crawls or lies.
    """

    rotations: Tensor
    pelvis: Tensor
    starts: Tensor
    lengths: Tensor
    rates: Tensor
    low: Tensor

    def to(self, device: torch.device) -> Clips:
        """The same on a device."""
        return Clips(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


@dataclass(frozen=True, eq=False)
class BodyMotion:
    """B clips of T frames.

    Attributes:
        rotations: (B, T, 24, 3, 3) local rotations; the pelvis's in the world (Z up).
        pelvis: (B, T, 3) metres, world.
        times_s: (B, T) seconds from the clip's beginning.
    """

    rotations: Tensor
    pelvis: Tensor
    times_s: Tensor


def draw_motion(
    clips: Clips, count: int, frames: int, variety: MotionVariety, generator: torch.Generator
) -> BodyMotion:
    """Draws ``count`` clips of ``frames`` frames."""
    chance = Chance(clips.rotations.device, generator)
    times_s = _times(chance, count, frames, variety)
    rotations, pelvis = _play(clips, chance, count, times_s, variety)
    others, _ = _play(clips, chance, count, times_s, variety)
    rotations = torch.where(_mixed(chance, count, variety)[:, None, :, None], others, rotations)
    rotations = _straightened(chance, _loosened(chance, rotations, times_s, variety), variety)
    posed = chance.some(count, variety.posed)[..., None, None]
    rotations[:, :, 1:] = torch.where(posed, _poses(clips, chance, times_s, variety)[:, :, 1:], rotations[:, :, 1:])
    rotations, pelvis = _mirrored(rotations, pelvis, chance.some(count, 0.5))
    rotations, pelvis = _turned(chance, rotations, pelvis)
    return BodyMotion(quaternions.matrix(rotations), pelvis, times_s)


def _mixed(chance: Chance, count: int, variety: MotionVariety) -> Tensor:
    """(B, 24) bool: which joints turn as in another clip."""
    joints = torch.arange(JOINT_COUNT)
    upper = chance.some(count, variety.mixed) & torch.isin(joints, torch.tensor(_UPPER)).to(chance.device)
    limb = torch.tensor(LIMB_OF_JOINT, device=chance.device)
    some = chance.some(count, variety.limbs_mixed) & (chance.uniform(count, 5) < 0.5)[:, limb] & (limb > 0)
    return torch.where(upper.any(1, keepdim=True), upper, some)


def _times(chance: Chance, count: int, frames: int, variety: MotionVariety) -> Tensor:
    low, high = (math.log(rate) for rate in variety.rates)
    any_rate = torch.exp(low + (high - low) * chance.uniform(count, 1))
    low, high = variety.usual_rates
    usual = low + (high - low) * chance.uniform(count, 1)
    rate = torch.where(chance.uniform(count, 1) < variety.usual, usual, any_rate)
    return torch.arange(frames, device=rate.device) / rate


def _play(clips: Clips, chance: Chance, count: int, times_s: Tensor, variety: MotionVariety) -> tuple[Tensor, Tensor]:
    """Random stretches of the library at random speeds: (B, T, 24, 4), (B, T, 3). Short clips go to and fro."""
    weight = clips.lengths / clips.rates
    low = weight * clips.low
    chosen = torch.where(
        chance.uniform(count) < variety.low, chance.pick(low.sqrt(), count), chance.pick(weight.sqrt(), count)
    )
    first, last = (math.log(value) for value in variety.speed)
    speed = torch.exp(first + (last - first) * chance.uniform(count, 1))
    # speed changes on the way, by up to a quarter
    sway = 0.25 * torch.sin(2 * math.pi * (times_s / (0.5 + 2 * chance.uniform(count, 1)) + chance.uniform(count, 1)))
    steps = torch.diff(times_s, dim=1, prepend=times_s[:, :1]) * (1 + sway) * speed
    place = (steps.cumsum(1) * clips.rates[chosen, None]).double()  # frames of the library's clip
    end = (clips.lengths[chosen] - 1).clamp_min(1)[:, None].double()
    room = (end - place[:, -1:]).clamp_min(0)
    place = place + room * chance.uniform(count, 1)
    around = torch.remainder(place, 2 * end)
    place = _turning(torch.where(around > end, 2 * end - around, around), end, TURNING_S * clips.rates[chosen, None])
    before = place.floor().clamp_max((clips.lengths[chosen] - 2).clamp_min(0)[:, None].double())
    part = (place - before).float()
    index = clips.starts[chosen, None] + before.long()
    after = index + (clips.lengths[chosen, None] > 1)
    rotations = quaternions.between(clips.rotations[index], clips.rotations[after], part[..., None, None])
    return rotations, torch.lerp(clips.pelvis[index], clips.pelvis[after], part[..., None])


def _turning(place: Tensor, end: Tensor, room: Tensor) -> Tensor:
    """Places (B, T) that slow down within ``room`` (B, 1) of 0 and ``end`` (B, 1), where they turn: bodies cannot."""
    room = torch.minimum(room.to(place), end / 2).clamp_min(1e-6)

    def slowed(distance: Tensor) -> Tensor:
        return torch.where(distance < room, (distance.square() + room.square()) / (2 * room), distance)

    return torch.where(place < end / 2, slowed(place), end - slowed(end - place))


def _loosened(chance: Chance, rotations: Tensor, times_s: Tensor, variety: MotionVariety) -> Tensor:
    """Joints turned a little differently: by a constant and by what comes and goes."""
    count = len(rotations)
    freedom = rotations.new_tensor([_freedom(name) for name in JOINT_NAMES])[:, None]  # (24, 1)
    amount = variety.offset_rad * chance.uniform(count, 1, 1, 1) * chance.some(count, variety.loosened)[..., None, None]
    period = 0.7 + 2.5 * chance.uniform(count, 1, JOINT_COUNT, 3)
    phase = chance.uniform(count, 1, JOINT_COUNT, 3)
    wave = torch.sin(2 * math.pi * (times_s[..., None, None] / period + phase))
    size = chance.normal(count, 1, JOINT_COUNT, 3)
    vectors = amount * freedom * (chance.normal(count, 1, JOINT_COUNT, 3) + 0.5 * size * wave)
    hinges = rotations[:, :, HINGES]
    bent = 1 + (2 * chance.uniform(count, 1, len(HINGES), 1) - 1) * amount  # hinges bend more or less, never back
    result = quaternions.multiply(rotations, quaternions.exp(vectors))
    result[:, :, HINGES] = quaternions.exp(quaternions.log(hinges) * bent)
    lean = quaternions.exp(amount[..., 0, :] / variety.offset_rad * variety.leaning_rad * chance.normal(count, 1, 3))
    result[:, :, 0] = quaternions.multiply(lean.expand(-1, rotations.shape[1], -1), result[:, :, 0])
    return result


def _straightened(chance: Chance, rotations: Tensor, variety: MotionVariety) -> Tensor:
    """Legs that are nearly straight, straightened by a part that stays for the clip: (B, T, 24, 4).

    Captured and drawn people stand with their knees bent by 20 degrees more often than people do. Hips and ankles take
    half each, so that feet stay below the hips and flat.
    """
    if not variety.straightened:
        return rotations
    clips = len(rotations)
    part = (chance.uniform(clips, 1).pow(1 / 8) * chance.some(clips, variety.straightened))[..., None, None]
    bent = quaternions.log(rotations[:, :, _KNEES])  # (B, T, 2, 3)
    taken = part * bent * torch.exp(-(bent.norm(dim=-1, keepdim=True) / NEARLY_STRAIGHT_RAD).pow(4))
    result = rotations.clone()
    result[:, :, _KNEES] = quaternions.exp(bent - taken)
    result[:, :, _HIPS] = quaternions.multiply(rotations[:, :, _HIPS], quaternions.exp(taken / 2))
    result[:, :, _ANKLES] = quaternions.multiply(quaternions.exp(taken / 2), rotations[:, :, _ANKLES])
    return result


def _poses(clips: Clips, chance: Chance, times_s: Tensor, variety: MotionVariety) -> Tensor:
    """Each limb from another moment of the library, turning into another such pose and back: (B, T, 24, 4)."""
    count = len(times_s)
    one, other = (_assembled(clips, chance, count, variety) for _ in range(2))
    period = 0.8 + 4 * chance.uniform(count, 1)
    along = 0.5 - 0.5 * torch.cos(2 * math.pi * (times_s / period + chance.uniform(count, 1)))
    return quaternions.between(one, other, along[..., None, None])


def _assembled(clips: Clips, chance: Chance, count: int, variety: MotionVariety) -> Tensor:
    """Poses whose limbs come from five moments of the library, or from what joints can do: (B, 1, 24, 4)."""
    moments = (chance.uniform(count, 5) * len(clips.rotations)).long().clamp_max(len(clips.rotations) - 1)
    limb = torch.tensor(LIMB_OF_JOINT, device=moments.device)
    poses = clips.rotations[moments[:, limb], torch.arange(JOINT_COUNT, device=moments.device)]  # (B, 24, 4)
    if not (variety.at_rest or variety.anywhere or variety.standing or variety.seated):
        return poses[:, None]  # drawing no more, so that what is measured stays the same whatever training stretches
    drawn = chance.uniform(count, 5)[:, limb]  # (B, 24)
    reaching = torch.isin(torch.arange(JOINT_COUNT), torch.tensor(REACHING)).to(chance.device)
    standing = chance.some(count, variety.standing)  # (B, 1)
    resting = (drawn < variety.at_rest) | standing
    seated = chance.some(count, variety.seated) & ~standing & (limb >= 3) & reaching
    free = (drawn < variety.at_rest + variety.anywhere) & ~resting & reaching
    for which, kind in ((resting, at_rest), (free, anywhere), (seated, on_a_seat)):
        if which.any():
            poses = torch.where(which[..., None], kind(chance, count), poses)
    return poses[:, None]


def _freedom(name: str) -> float:
    return next((value for part, value in _FREEDOM.items() if part in name), 1.0)


def _mirrored(rotations: Tensor, pelvis: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """Left and right exchanged in the clips of ``which`` (B, 1): a reflection in the plane x = 0 of world and body."""
    flipped = rotations[:, :, torch.as_tensor(MIRROR)] * rotations.new_tensor([1, 1, -1, -1])
    across = pelvis * pelvis.new_tensor([-1, 1, 1])
    return torch.where(which[..., None, None], flipped, rotations), torch.where(which[..., None], across, pelvis)


def _turned(chance: Chance, rotations: Tensor, pelvis: Tensor) -> tuple[Tensor, Tensor]:
    """Each clip faces another way."""
    vectors = torch.zeros(len(rotations), 1, 3, device=rotations.device)
    vectors[..., 2] = 2 * math.pi * chance.uniform(len(rotations), 1)
    turn = quaternions.exp(vectors)  # (B, 1, 4)
    rotations[:, :, 0] = quaternions.multiply(turn.expand(-1, rotations.shape[1], -1), rotations[:, :, 0])
    return rotations, (quaternions.matrix(turn) @ pelvis.unsqueeze(-1)).squeeze(-1)
