"""How badly poses agree with what was seen and with what is known of bodies.

Every term is minus the logarithm of a likelihood, so that terms are summed and the most likely pose has the least.
"""

from __future__ import annotations

import torch
from torch import Tensor

from backend.features.torso_occlusion import TORSO, WRISTS
from backend.people.tracks import LANDMARK_INDEX

from .evidence import Evidence
from .figure import Figure
from .settings import FitSettings
from .usual_poses import bent_backwards

#: Accelerations are told at every frame; they count as if there were so many frames in a second.
_USUAL_RATE = 30


def of_frames(
    seen: Evidence,
    figure: Figure,
    K: Tensor,
    settings: FitSettings,
    local: Tensor,
    bend: Tensor,
    pelvis: Tensor,
    betas: Tensor,
) -> Tensor:
    """Of every frame by itself, summed.

    Args:
        seen: the evidence, T frames.
        figure: who is posed.
        K: (3, 3) pixels.
        settings: how much each kind of evidence is believed.
        local: (T, 24, 3, 3) local rotations.
        bend: (T, 24, 3) the same but for the pelvis's, as rotation vectors.
        pelvis: (T, 3) metres, camera axes.
        betas: (10,).
    """
    landmarks = figure.landmarks(local, pelvis, betas)
    cost = far_from_picture(seen, landmarks, K, settings) + bent_backwards(bend).sum()
    cost = cost + far_from_world(seen, landmarks, settings) + through_trunk(seen, landmarks, settings)
    if seen.guess is None:
        return cost + unusual(figure, bend, settings)
    return cost + far_from_guess(figure, seen.guess, local, betas, settings)


def residuals(seen: Evidence, landmarks: Tensor, K: Tensor) -> Tensor:
    """(T, 33) distance of a body's landmarks (T, 33, 3) from those in the picture, parts of the person's height."""
    projected = landmarks @ K.T
    pixels = projected[..., :2] / projected[..., 2:].clamp(min=0.1)
    squared = (pixels - seen.image).square().sum(dim=-1)
    return (squared + 1e-6).sqrt() / seen.height[:, None]


def far_from_picture(seen: Evidence, landmarks: Tensor, K: Tensor, settings: FitSettings) -> Tensor:
    """From the landmarks in the picture."""
    return picture_costs(seen, residuals(seen, landmarks, K), settings).sum()


def picture_costs(seen: Evidence, residual: Tensor, settings: FitSettings) -> Tensor:
    """(T,) of distances (T, 33) from the landmarks in the picture."""
    return (_robust(residual / settings.image) * seen.image_weight).sum(dim=1)


def far_from_world(seen: Evidence, landmarks: Tensor, settings: FitSettings) -> Tensor:
    """From BlazePose's own 3D."""
    across, along = settings.world
    hips = landmarks[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(dim=1, keepdim=True)
    deviation = torch.tensor([across, across, along], device=landmarks.device)
    centred = landmarks - hips
    apart = (centred - seen.world * _world_scale(seen, centred)) / deviation
    world = _robust(apart.square().sum(dim=-1).add(1e-6).sqrt()) * seen.world_weight
    return settings.world_weight * world.sum()


def _world_scale(seen: Evidence, about_hips: Tensor) -> Tensor:
    """BlazePose thinks of a person of another size: the scale that fits best over all frames."""
    weight = seen.world_weight.unsqueeze(-1)
    with torch.no_grad():
        extent = (weight * seen.world.square()).sum().clamp(min=1e-6)
        fitted = (weight * about_hips.square()).sum()
        return (fitted / extent).sqrt().clamp(0.5, 2.0)


def through_trunk(seen: Evidence, landmarks: Tensor, settings: FitSettings) -> Tensor:
    """Of wrists that the trunk hides, where they are not behind it."""
    least, deviation = settings.behind
    trunk = landmarks[:, TORSO]  # (T, 4, 3)
    behind = torch.einsum("twc,tc->tw", landmarks[:, WRISTS] - trunk.mean(dim=1, keepdim=True), _away(trunk))
    return 0.5 * (((least - behind).clamp(min=0) / deviation).square() * seen.behind).sum()


def _away(trunk: Tensor) -> Tensor:
    """(T, 3) unit vectors through trunks (T, 4, 3), away from the camera: across the chest, or back, as it is seen.

    A trunk that is seen from the side hides what is farther away, so that then the line of sight takes its place.
    """
    across, along = trunk[:, 0] + trunk[:, 3] - trunk[:, 1] - trunk[:, 2], trunk[:, :2].sum(1) - trunk[:, 2:].sum(1)
    normal = torch.nn.functional.normalize(torch.linalg.cross(across, along), dim=-1)
    normal = normal * normal[:, 2:].sign()
    ahead = torch.tensor([0.0, 0.0, 1.0], device=trunk.device)
    return torch.nn.functional.normalize(torch.lerp(ahead.expand_as(normal), normal, normal[:, 2:]), dim=-1)


def unusual(figure: Figure, bend: Tensor, settings: FitSettings) -> Tensor:
    """Of joints that turn as they seldom do, from rotation vectors (T, 24, 3)."""
    apart = (bend - figure.usual) / (settings.usual * figure.deviation)
    return 0.5 * apart[:, 1:].square().sum()


def far_from_guess(figure: Figure, guess: Tensor, local: Tensor, betas: Tensor, settings: FitSettings) -> Tensor:
    """From a network's joints and rotations, on the same body; both poses are (T, 24, 3, 3)."""
    rest = figure.body.rest_joints(betas[None])
    _, joints = figure.body.forward_kinematics(local, rest, -rest[:, 0].expand(len(local), -1))
    _, wanted = figure.body.forward_kinematics(guess, rest, -rest[:, 0].expand(len(local), -1))
    apart = (joints - wanted).square().sum() / settings.guess_joints**2
    # half the squared norm of a rotation matrix's change is the square of the angle
    turned = 0.5 * (local - guess).square().sum() / settings.guess_rotations**2
    return 0.5 * (apart + turned)


def accelerations(seen: Evidence, local: Tensor, pelvis: Tensor, settings: FitSettings) -> Tensor:
    """Of joints and bodies that change their speed as they seldom do, over three frames or more that follow on."""
    step = seen.times.diff()
    before, after = step[:-1], step[1:]
    share = (before + after) / 2

    def second(values: Tensor) -> Tensor:  # (T, ...) -> (T - 2, ...)
        shape = (-1,) + (1,) * (values.dim() - 1)
        rate = values.diff(dim=0) / step.view(shape)
        return rate.diff(dim=0) / share.view(shape)

    across, along = settings.acceleration
    deviation = torch.tensor([across, across, along], device=pelvis.device)
    if seen.turns is None:
        faster = second(pelvis)
    else:  # in axes that stand still, and then across and along the view again
        local = torch.cat(((seen.turns @ local[:, 0])[:, None], local[:, 1:]), dim=1)
        steady = (seen.turns @ pelvis.unsqueeze(-1)).squeeze(-1)
        faster = (seen.turns[1:-1].transpose(1, 2) @ second(steady).unsqueeze(-1)).squeeze(-1)
    # half the squared norm of a rotation matrix's change is the square of the angle
    turning = 0.5 * second(local).square().sum(dim=(-1, -2)) / settings.angular_acceleration**2
    moving = (faster / deviation).square().sum(dim=-1)
    per_second = 0.5 * (turning.sum(dim=-1) + moving)
    return (per_second * share * _USUAL_RATE).sum()


def unlikely_shape(seen: Evidence, betas: Tensor, settings: FitSettings) -> Tensor:
    """Of betas (10,) that few have; frames err together, so that it does not vanish beside many."""
    return 0.5 * len(seen) ** 0.5 * (betas / settings.beta).square().sum()


def _robust(residual: Tensor) -> Tensor:
    """Geman-McClure with its shoulder at three deviations: quadratic for what fits, flat for what cannot be right."""
    squared = residual.square()
    return 0.5 * 9 * squared / (9 + squared)
