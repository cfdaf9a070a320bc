"""What BlazePose would see of a body whose motion is known: landmarks with its kinds of errors.

BlazePose's 2D is good, and wrong in a way that lasts: each landmark has a bias that stays with a person and an error
that wanders, larger where the body hides it and where it moves fast; now and then a limb is somewhere else for a
moment. Its 3D errs along the line of sight above all (:mod:`.detector_depth`), where it trembles, has legs that lean as
one, and now and then has a limb on the wrong side of its joint. :class:`DetectorErrors` holds ranges, from which each
clip draws its own. ``python -m backend.evaluation.detector_errors`` holds them against the real detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.people.tracks import LANDMARK_COUNT, LANDMARK_INDEX, LANDMARK_NAMES

from .chance import ClipChance, Range
from .detector_depth import DepthErrors, depth_as_seen


@dataclass(frozen=True)
class DetectorErrors:
    """From how little to how much, for each clip. Lengths in the picture are parts of a standing person's height in it.

    Attributes:
        misplaced_m: deviation of where on the body a landmark is thought to be, fixed for a clip; metres.
        proportions_m: deviation of the same on both sides alike, along the limbs and across the body: people's limbs
            vary more than the body's shapes, and the detector's hips lie lower on some than on others.
        image_bias: deviation of each landmark's fixed error in the picture.
        image_wander: deviation of its wandering error.
        image_jitter: deviation of its error from frame to frame.
        memory_s: how long a wandering error lasts.
        hidden_errors: how many times larger errors are where the body hides the landmark.
        moving_errors: how many times larger they are for each height of a person that it moves in a second.
        mistakes_per_s: how often a limb is taken for something else.
        mistake_s: how long.
        mistake: deviation of where its end then lies; half of that for its first landmark.
        visibility: logit of the visibility that is told for a landmark in sight.
        hidden_visibility: how much less it is for a hidden one.
        depth_slope: what part of its depth BlazePose's 3D keeps; trunk and arms by amounts of their own.
        legs_depth_slope: the same of legs.
        leaning: how many times larger than usual its bones' errors in depth are that stay with the clip.
        swaying: and those that wander.
        coherence: part of the variance of both that a limb's bones share.
        legs_lean: deviation of how much its legs' depth grows downwards, metres in a metre.
        straightened_rad: by how much it straightens elbows bent by a right angle in the picture, those bent less
            or more by the sine of that; knees by half.
        shins_away_m: how far its ankles lie too far from the camera; further in the heavy landmark model.
        heads_near_m: how far its heads lie too near to it; those of the full model do not.
        world_scale: size of its person.
        world_bias_m: deviation of each landmark's fixed error in its 3D across the line of sight.
        world_wander_m: deviation of the wandering error there.
        world_jitter_m: deviation of the error from frame to frame along it; a third of it across.
        flips_per_s: how often a limb's depth turns to the wrong side of its joint.
        flip_s: how long it stays there.
        without_world: part of the clips whose 3D is not known at all.
        world_gaps_per_s: how often the 3D is not trusted, as where left and right were swapped.
        swaps_per_s: how often left and right stay swapped after the repair.
        gaps_per_s: how often the person is not seen.
        gap_s: how long a gap lasts.
    """

    misplaced_m: Range = (0.002, 0.012)
    proportions_m: Range = (0.002, 0.02)
    image_bias: Range = (0.0005, 0.008)
    image_wander: Range = (0.0003, 0.006)
    image_jitter: Range = (0.0002, 0.002)
    memory_s: Range = (0.08, 0.8)
    hidden_errors: Range = (1.0, 4.0)
    moving_errors: Range = (0.0, 1.0)
    mistakes_per_s: Range = (0.0, 0.4)
    mistake_s: Range = (0.03, 0.4)
    mistake: Range = (0.02, 0.15)
    visibility: Range = (2.5, 7.0)
    hidden_visibility: Range = (0.5, 6.0)
    depth_slope: Range = (0.3, 1.0)
    legs_depth_slope: Range = (0.1, 1.0)
    leaning: Range = (0.3, 1.8)
    swaying: Range = (0.3, 1.7)
    coherence: Range = (0.1, 0.7)
    legs_lean: Range = (0.0, 0.16)
    straightened_rad: Range = (0.0, 0.4)
    shins_away_m: Range = (-0.02, 0.16)
    heads_near_m: Range = (-0.01, 0.12)
    world_scale: Range = (0.83, 1.1)
    world_bias_m: Range = (0.002, 0.02)
    world_wander_m: Range = (0.002, 0.018)
    world_jitter_m: Range = (0.002, 0.017)
    flips_per_s: Range = (0.0, 0.25)
    flip_s: Range = (0.1, 1.0)
    without_world: float = 0.4
    world_gaps_per_s: Range = (0.0, 0.15)
    swaps_per_s: Range = (0.0, 0.06)
    gaps_per_s: Range = (0.0, 0.1)
    gap_s: Range = (0.05, 0.5)


@dataclass(frozen=True, eq=False)
class Observation:
    """What is known of a person in each of T frames of B clips, as :class:`backend.people.tracks.Track` holds it.

    Attributes:
        landmarks2d: (B, T, 33, 3) pixel x, pixel y, visibility.
        landmarks3d: (B, T, 33, 3) metres, camera axes, middle of the hips at the origin.
        trusted_3d: (B, T) bool, where the 3D may be believed.
        observed: (B, T) bool.
        times_s: (B, T) seconds.
    """

    landmarks2d: Tensor
    landmarks3d: Tensor
    trusted_3d: Tensor
    observed: Tensor
    times_s: Tensor


#: Where errors are larger or smaller than elsewhere. Hips are often misplaced, but stay where they are.
_IMAGE_BIAS = {"hip": 1.6}
_IMAGE_ERROR = {"hip": 1.2, "wrist": 0.9, "pinky": 1.1, "index": 1.1, "thumb": 1.1, "knee": 1.1, "ankle": 0.9,
                "heel": 1.0, "foot": 1.1, "nose": 0.5, "eye": 0.5, "ear": 0.6, "mouth": 0.5}  # fmt: skip
_WORLD_ERROR = {"hip": 0.4, "shoulder": 0.8, "elbow": 1.2, "wrist": 1.9, "pinky": 2.0, "index": 2.0, "thumb": 1.9,
                "nose": 1.1, "eye": 1.1, "ear": 1.0, "mouth": 1.1, "knee": 1.2, "ankle": 1.6, "heel": 1.6,
                "foot": 1.7}  # fmt: skip
#: A limb and all that hangs on it, and the joint that it turns about.
_LIMBS = [
    (f"{side}_{joint}", [f"{side}_{part}" for part in parts])
    for side in ("left", "right")
    for joint, parts in (
        ("elbow", ("wrist", "pinky", "index", "thumb")),
        ("shoulder", ("elbow", "wrist", "pinky", "index", "thumb")),
        ("knee", ("ankle", "heel", "foot_index")),
        ("hip", ("knee", "ankle", "heel", "foot_index")),
    )
]
#: Whose bends are straightened, and how much of that they take: where the limb begins, the joint and what hangs on it.
_HINGES = [
    (joint, parts, share)
    for side in ("left", "right")
    for joint, parts, share in (
        (f"{side}_shoulder", [f"{side}_{part}" for part in ("elbow", "wrist", "pinky", "index", "thumb")], 1.0),
        (f"{side}_hip", [f"{side}_{part}" for part in ("knee", "ankle", "heel", "foot_index")], 0.5),
    )
]
_ARMS = ("shoulder", "elbow", "wrist", "pinky", "index", "thumb")
_LEGS = ("hip", "knee", "ankle", "heel", "foot_index")
_FACE, _HAND, _FOOT = ("nose", "eye", "ear", "mouth"), ("wrist", "pinky", "index", "thumb"), ("ankle", "heel", "foot")
#: How much of the distance by which ankles lie too far away these have.
_AWAY = {"ankle": 1.0, "heel": 1.0, "foot": 0.5}
#: What moves together where a person's limbs are of other lengths, and along which axis of the body at rest, in T-pose:
#: x is outwards, y up, z forward.
_PROPORTIONS = (
    (1, (*_FACE, "shoulder", "elbow", *_HAND)), (1, _FACE), (1, ("hip",)), (1, ("knee", *_FOOT)), (1, _FOOT),
    (0, ("shoulder", "elbow", *_HAND)), (0, ("elbow", *_HAND)), (0, _HAND), (0, ("hip",)), (2, ("foot_index",)),
)  # fmt: skip
#: By which a person's height in the picture is told from how far away they are.
STANDING_M = 1.7


def detect(landmarks: Tensor, hidden: Tensor, K: Tensor, times_s: Tensor, image_size: Tensor,
           errors: DetectorErrors, generator: torch.Generator) -> Observation:  # fmt: skip
    """Draws an observation of bodies.

    Args:
        landmarks: (B, T, 33, 3) metres, camera axes (OpenCV), all in front of the camera.
        hidden: (B, T, 33) in [0, 1], how far the body itself hides each, see :func:`self_occlusion`.
        K: (B, 3, 3) intrinsics, pixels.
        times_s: (B, T) seconds.
        image_size: (B, 2) pixels.
        errors: the ranges to draw from.
        generator: where chance comes from.
    """
    chance = ClipChance(times_s, errors.memory_s, generator)
    projected = torch.einsum("bij,btlj->btli", K, landmarks)
    pixels = projected[..., :2] / projected[..., 2:]  # (B, T, 33, 2)
    height_px = STANDING_M * K[:, 0, 0, None] / landmarks[..., 2].mean(-1)  # (B, T)
    outside = ((pixels < 0) | (pixels > image_size[:, None, None])).any(-1).float()
    unseen = torch.maximum(hidden, outside)
    image_error = _image_error(chance, errors, unseen, pixels, height_px)
    pixels = pixels + image_error * height_px[..., None, None]
    logit = chance.each(errors.visibility) + 0.7 * chance.wander(LANDMARK_COUNT)
    visibility = torch.sigmoid(logit - unseen * (chance.each(errors.hidden_visibility) + 2.0 * outside))
    world = _world(chance, errors, landmarks, image_error, hidden)
    swapped = chance.bursts(errors.swaps_per_s, errors.flip_s)
    untrusted = chance.bursts(errors.world_gaps_per_s, errors.flip_s)
    trusted = ~untrusted & (chance.uniform(len(K), 1) >= errors.without_world)
    seen = torch.cat((pixels, visibility.unsqueeze(-1)), dim=-1)
    seen, world = _swap(chance, swapped, seen), _swap(chance, swapped, world)
    observed = ~chance.bursts(errors.gaps_per_s, errors.gap_s)
    observed[:, 0] = True
    return Observation(seen, world, trusted, observed, times_s)


def misplacement(errors: DetectorErrors, clips: int, generator: torch.Generator) -> Tensor:
    """How far from where the body has them the detector thinks that landmarks are: (B, 33, 3) metres, body at rest."""
    device = generator.device

    def each(between: Range) -> Tensor:
        return between[0] + (between[1] - between[0]) * torch.rand(clips, 1, 1, generator=generator, device=device)

    own = each(errors.misplaced_m) * torch.randn(clips, LANDMARK_COUNT, 3, generator=generator, device=device)
    amounts = each(errors.proportions_m) * torch.randn(clips, len(_PROPORTIONS), 1, generator=generator, device=device)
    return own + torch.einsum("bpi,plc->blc", amounts, _proportions().to(device))


def _proportions() -> Tensor:
    """(P, 33, 3) directions in which landmarks move."""
    result = torch.zeros(len(_PROPORTIONS), LANDMARK_COUNT, 3)
    for row, (axis, parts) in enumerate(_PROPORTIONS):
        for landmark, name in enumerate(LANDMARK_NAMES):
            if _part(name).startswith(parts):
                result[row, landmark, axis] = -1.0 if axis == 0 and "right" in name else 1.0
    return result


def self_occlusion(landmarks: Tensor) -> Tensor:
    """How far the body itself hides each landmark from the camera: (B, T, 33, 3) metres -> (B, T, 33) in [0, 1].

    The body's bulk is a row of balls in torso, head and thighs; a landmark is hidden where one of them lies on its way
    to the camera.
    """
    balls, radii = _bulk(landmarks)  # (B, T, N, 3), (N,)
    distance = landmarks.norm(dim=-1, keepdim=True)
    towards_camera = -landmarks / distance  # (B, T, 33, 3)
    apart = balls.unsqueeze(-3) - landmarks.unsqueeze(-2)  # (B, T, 33, N, 3)
    along = (apart * towards_camera.unsqueeze(-2)).sum(-1)  # metres nearer to the camera than the landmark
    squared = apart.square().sum(-1)
    beside = (squared - along.square()).clamp_min(0).sqrt()
    covers = torch.sigmoid((radii - beside) / 0.02) * torch.sigmoid((along - radii) / 0.02)
    return covers.amax(-1)


def _bulk(landmarks: Tensor) -> tuple[Tensor, Tensor]:
    def at(*names: str) -> Tensor:
        return landmarks[..., [LANDMARK_INDEX[name] for name in names], :].mean(-2)

    hips, shoulders = at("left_hip", "right_hip"), at("left_shoulder", "right_shoulder")
    head = at("left_ear", "right_ear")
    torso = [torch.lerp(hips, shoulders, part) for part in (0.05, 0.35, 0.65, 0.9)]
    thighs = [
        torch.lerp(at(f"{side}_hip"), at(f"{side}_knee"), part) for side in ("left", "right") for part in (0.35, 0.75)
    ]
    radii = [0.13] * len(torso) + [0.09] + [0.07] * len(thighs)
    return torch.stack((*torso, head, *thighs), dim=-2), landmarks.new_tensor(radii)


def _image_error(
    chance: ClipChance, errors: DetectorErrors, unseen: Tensor, pixels: Tensor, height_px: Tensor
) -> Tensor:
    """(B, T, 33, 2), parts of the person's height."""
    by_landmark = _by_landmark(_IMAGE_ERROR, pixels)[:, None]  # (33, 1)
    biased = _by_landmark(_IMAGE_ERROR | _IMAGE_BIAS, pixels)[:, None]
    clips = len(pixels)
    bias = chance.normal(clips, 1, LANDMARK_COUNT, 2) * chance.each(errors.image_bias).unsqueeze(-1)
    wander = chance.wander(LANDMARK_COUNT, 2) * chance.each(errors.image_wander).unsqueeze(-1)
    jitter = chance.normal(*pixels.shape) * chance.each(errors.image_jitter).unsqueeze(-1)
    speed = chance.speed(pixels / height_px[..., None, None])  # (B, T, 33) heights a second
    larger = 1 + unseen * chance.each(errors.hidden_errors) + speed * chance.each(errors.moving_errors)
    return bias * biased + (wander + jitter) * larger.unsqueeze(-1) * by_landmark + _mistakes(chance, errors, pixels)


def _mistakes(chance: ClipChance, errors: DetectorErrors, pixels: Tensor) -> Tensor:
    """(B, T, 33, 2), parts of the person's height: where limbs lie too far off for a moment."""
    result = torch.zeros_like(pixels)
    size = chance.each(errors.mistake)
    off = chance.wander(len(_LIMBS), 2)  # (B, T, limbs, 2)
    for limb, (_, parts) in enumerate(_LIMBS):
        mistaken = chance.bursts(errors.mistakes_per_s, errors.mistake_s, part=1 / len(_LIMBS))
        moved = (size * mistaken.unsqueeze(-1)).unsqueeze(-1) * off[:, :, limb, None]  # (B, T, 1, 2)
        outwards = torch.linspace(0.5, 1.0, len(parts), device=pixels.device)[:, None]  # (parts, 1)
        result[:, :, [LANDMARK_INDEX[part] for part in parts]] += moved * outwards
    return result


def _world(
    chance: ClipChance, errors: DetectorErrors, landmarks: Tensor, image_error: Tensor, hidden: Tensor
) -> Tensor:
    """BlazePose's own 3D: (B, T, 33, 3)."""
    middle = _middle_of_hips(landmarks)
    # the crop's axes: it is looked at as if it were in the middle of the picture
    world = turned_to_axis(landmarks - middle, middle)
    depth = _world_depth(chance, errors, world[..., 1:], hidden)
    across = world[..., :2] + STANDING_M * image_error  # both heads of the network look at the same picture
    by_landmark = _by_landmark(_WORLD_ERROR, landmarks)[:, None]  # (33, 1)
    bias = chance.normal(len(depth), 1, LANDMARK_COUNT, 2) * chance.each(errors.world_bias_m).unsqueeze(-1)
    wander = chance.wander(LANDMARK_COUNT, 2) * chance.each(errors.world_wander_m).unsqueeze(-1)
    across = _straightened(across + (bias + wander) * by_landmark, chance.each(errors.straightened_rad))
    jitter = chance.normal(*world.shape) * chance.each(errors.world_jitter_m).unsqueeze(-1)
    jitter = jitter * by_landmark * landmarks.new_tensor([1 / 3, 1 / 3, 1.0])
    world = (torch.cat((across, depth.unsqueeze(-1)), dim=-1) + jitter) * chance.each(errors.world_scale).unsqueeze(-1)
    return world - _middle_of_hips(world)


def _straightened(across: Tensor, most_rad: Tensor) -> Tensor:
    """Places (B, T, 33, 2) in which elbows and knees are bent less: up to ``most_rad``, (B, 1, 1)."""
    result = across.clone()
    for joint, (middle, *parts), share in _HINGES:
        pivot = across[..., LANDMARK_INDEX[middle], :]
        upper = pivot - across[..., LANDMARK_INDEX[joint], :]
        lower = across[..., LANDMARK_INDEX[parts[0]], :] - pivot
        crossed = upper[..., 0] * lower[..., 1] - upper[..., 1] * lower[..., 0]
        sine = crossed / (upper.norm(dim=-1) * lower.norm(dim=-1)).clamp_min(1e-6)
        angle = -share * most_rad[..., 0] * sine  # (B, T)
        turn = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), dim=-1).unflatten(-1, (2, 2))
        indices = [LANDMARK_INDEX[part] for part in parts]
        result[..., indices, :] = pivot.unsqueeze(-2) + (across[..., indices, :] - pivot.unsqueeze(-2)) @ turn.mT
    return result


def _world_depth(chance: ClipChance, errors: DetectorErrors, place: Tensor, hidden: Tensor) -> Tensor:
    """BlazePose's depths (B, T, 33) of landmarks that lie ``place`` (B, T, 33, 2) below the hips and further away."""
    below, depth = place.unbind(-1)
    depth = depth.clone()
    for joint, parts in _LIMBS:
        flipped = chance.bursts(errors.flips_per_s, errors.flip_s, part=1 / len(_LIMBS))
        pivot = depth[..., LANDMARK_INDEX[joint]].unsqueeze(-1)
        indices = [LANDMARK_INDEX[part] for part in parts]
        sign = 1 - 2 * flipped.float().unsqueeze(-1)
        depth[..., indices] = pivot + sign * (depth[..., indices] - pivot)
    ranges = (errors.depth_slope, errors.depth_slope, errors.legs_depth_slope, errors.leaning, errors.swaying,
              errors.coherence)  # fmt: skip
    of_bones = DepthErrors(*(chance.each(between)[..., 0] for between in ranges))
    lean = chance.normal(len(depth), 1, 1) * chance.each(errors.legs_lean)
    away = chance.each(errors.shins_away_m) * _by_landmark(_AWAY, depth, others=0.0)
    near = chance.each(errors.heads_near_m) * _by_landmark(dict.fromkeys(_FACE, 1.0), depth, others=0.0)
    return depth_as_seen(depth, hidden, of_bones, chance) + lean * below.clamp_min(0) * _legs(depth) + away - near


def _middle_of_hips(points: Tensor) -> Tensor:
    """(..., 33, 3) -> (..., 1, 3)."""
    return points[..., [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]], :].mean(-2, keepdim=True)


def _legs(like: Tensor) -> Tensor:
    """(33,) 1 for a leg's landmarks, 0 for others."""
    return like.new_tensor([_part(name).startswith(_LEGS) for name in LANDMARK_NAMES])


def turned_to_axis(points: Tensor, seen_at: Tensor) -> Tensor:
    """Points (..., n, 3) turned as the ray to ``seen_at`` (..., 1, 3) is turned onto the camera's axis."""
    ray = seen_at / seen_at.norm(dim=-1, keepdim=True)
    axis = torch.zeros_like(ray)
    axis[..., 2] = 1
    # the shortest rotation from a to b: x + 2 cross terms, by Rodrigues' formula with c = a.b
    cross = torch.linalg.cross(ray, axis).expand_as(points)
    cosine = ray[..., 2:]
    once = torch.linalg.cross(cross, points)
    return points + once + torch.linalg.cross(cross, once) / (1 + cosine)


def _swap(chance: ClipChance, swapped: Tensor, values: Tensor) -> Tensor:
    """Left and right of arms, legs or all exchanged in the frames of ``swapped``, (B, T)."""
    kinds = (_ARMS, _LEGS, _ARMS + _LEGS)
    which = chance.once(len(values), len(kinds))  # (B,) the same for all that is asked of one clip
    result = values
    for kind, parts in enumerate(kinds):
        order = list(range(LANDMARK_COUNT))
        for part in parts:
            left, right = LANDMARK_INDEX[f"left_{part}"], LANDMARK_INDEX[f"right_{part}"]
            order[left], order[right] = right, left
        here = (swapped & (which == kind)[:, None])[..., None, None]
        result = torch.where(here, values[:, :, order], result)
    return result


def _by_landmark(table: dict[str, float], like: Tensor, others: float = 1.0) -> Tensor:
    """(33,) what a table says of each landmark, or of those that it does not name ``others``."""

    def factor(name: str) -> float:
        return next((value for part, value in table.items() if _part(name).startswith(part)), others)

    return like.new_tensor([factor(name) for name in LANDMARK_NAMES])


def _part(landmark: str) -> str:
    return landmark.removeprefix("left_").removeprefix("right_")
