"""Cameras that look at bodies, drawn as people film."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA


@dataclass(frozen=True)
class CameraVariety:
    """What is drawn anew for every clip.

    Attributes:
        fov_deg: horizontal field of view, from and to.
        person_in_image: a standing person's height as a part of the image's, from and to (evenly in its logarithm).
        pitch_deg: deviation and limit of how far the camera looks up or down.
        roll_deg: deviation and limit of its roll, for the clips that are not held level.
        rolled: part of the clips that are not.
        off_centre: how far from the image's middle the person stands, parts of half its size.
        handheld_deg: largest deviation of a hand-held camera's shake.
        handheld: part of the clips with such a camera.
        following: part of the clips whose camera turns with the person.
        image_sizes: pixels.
    """

    fov_deg: tuple[float, float] = (35.0, 90.0)
    person_in_image: tuple[float, float] = (0.2, 1.1)
    pitch_deg: tuple[float, float] = (14.0, 45.0)
    roll_deg: tuple[float, float] = (12.0, 30.0)
    rolled: float = 0.3
    off_centre: float = 0.6
    handheld_deg: float = 1.5
    handheld: float = 0.3
    following: float = 0.2
    image_sizes: tuple[tuple[int, int], ...] = ((1280, 720), (1920, 1080), (1080, 1920), (640, 480), (720, 720))


@dataclass(frozen=True, eq=False)
class Cameras:
    """B cameras over T frames.

    Attributes:
        camera_from_world: (B, T, 3, 3) rotations; world Z up, camera OpenCV.
        transl: (B, T, 3) metres, what is added after the rotation.
        K: (B, 3, 3) pixels.
        image_size: (B, 2) pixels.
    """

    camera_from_world: Tensor
    transl: Tensor
    K: Tensor
    image_size: Tensor


def draw_cameras(pelvis: Tensor, times_s: Tensor, variety: CameraVariety, generator: torch.Generator) -> Cameras:
    """Cameras that see people whose pelvis moves along ``pelvis`` (B, T, 3), metres, world (Z up)."""
    clips, frames, _ = pelvis.shape
    device = pelvis.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device)

    sizes = torch.tensor(variety.image_sizes, device=device, dtype=pelvis.dtype)
    image_size = sizes[(uniform(clips) * len(sizes)).long().clamp_max(len(sizes) - 1)]  # (B, 2)
    low, high = variety.fov_deg
    fov = torch.deg2rad(low + (high - low) * uniform(clips))
    focal = image_size.amax(-1) / 2 / torch.tan(fov / 2)
    K = torch.zeros(clips, 3, 3, device=device)
    K[:, 0, 0] = K[:, 1, 1] = focal
    K[:, :2, 2], K[:, 2, 2] = image_size / 2, 1
    low, high = (math.log(value) for value in variety.person_in_image)
    part = torch.exp(low + (high - low) * uniform(clips))
    distance = 1.7 * focal / (part * image_size[:, 1])  # (B,)

    pitch = torch.deg2rad(_limited(normal(clips), *variety.pitch_deg))
    roll = torch.deg2rad(_limited(normal(clips), *variety.roll_deg)) * (uniform(clips) < variety.rolled)
    level = torch.tensor(WORLD_FROM_LEVEL_CAMERA.T, dtype=pelvis.dtype, device=device)
    turned = _about(2, roll) @ _about(0, pitch) @ level  # (B, 3, 3) camera from world
    shake = torch.deg2rad(variety.handheld_deg * uniform(clips, 1, 1)) * (uniform(clips, 1, 1) < variety.handheld)
    angles = shake * _smooth(normal(clips, frames, 3), times_s, 0.4)
    shaking = _about(2, angles[..., 2]) @ _about(1, angles[..., 1]) @ _about(0, angles[..., 0])  # (B, T, 3, 3)

    middle = pelvis.mean(1)  # (B, 3)
    off = (2 * uniform(clips, 2) - 1) * variety.off_centre * image_size / 2
    ray = torch.cat((off / focal[:, None], torch.ones(clips, 1, device=device)), dim=-1)
    place = distance[:, None] * ray  # (B, 3) where the middle of the path lies, camera axes
    # somebody who comes towards the camera must not pass through it
    nearest = torch.einsum("bj,btj->bt", turned[:, 2], pelvis - middle[:, None]).amin(1)
    place = place * ((1.2 - nearest).clamp_min(0) / place[:, 2]).clamp_min(1)[:, None]
    transl = place - torch.einsum("bij,bj->bi", turned, middle)
    rotations = turned[:, None].expand(-1, frames, -1, -1)
    following = uniform(clips) < variety.following
    rotations, moved = _follow(rotations, transl[:, None].expand(-1, frames, -1), pelvis, following)
    return Cameras(shaking @ rotations, torch.einsum("btij,btj->bti", shaking, moved), K, image_size)


def _follow(rotations: Tensor, transl: Tensor, pelvis: Tensor, following: Tensor) -> tuple[Tensor, Tensor]:
    """Turns the cameras of the clips in ``following`` (B,) about their vertical axis, so that the person stays put."""
    seen = torch.einsum("btij,btj->bti", rotations, pelvis) + transl  # (B, T, 3)
    heading = torch.atan2(seen[..., 0], seen[..., 2])
    turn = (heading - heading.mean(1, keepdim=True)) * following[:, None]
    pan = _about(1, -turn)
    return pan @ rotations, torch.einsum("btij,btj->bti", pan, transl)


def _limited(values: Tensor, deviation: float, limit: float) -> Tensor:
    return (deviation * values).clamp(-limit, limit)


def _about(axis: int, angle: Tensor) -> Tensor:
    """Rotations about one axis: (...) radians -> (..., 3, 3)."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, device=angle.device, dtype=angle.dtype).expand(*angle.shape, 3, 3).clone()
    matrix[..., one, one] = matrix[..., two, two] = angle.cos()
    matrix[..., two, one] = angle.sin()
    matrix[..., one, two] = -angle.sin()
    return matrix


def _smooth(white: Tensor, times_s: Tensor, memory_s: float) -> Tensor:
    """(B, T, n) noise that changes over ``memory_s`` seconds, about unit variance."""
    apart = times_s[:, :, None] - times_s[:, None, :]
    kernel = torch.exp(-0.5 * (apart / memory_s).square())
    kernel = kernel / kernel.square().sum(-1, keepdim=True).sqrt()
    return kernel @ white
