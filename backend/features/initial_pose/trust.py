"""Where a network's answer is believed, told by the picture.

A network answers as people move in what it learned from, and of a somersault it may be far from the truth. The fit
then cannot bring its answer onto the landmarks: a fit that is freed from it comes much nearer to them. Where the answer
is right, there is little to gain. So the fit is done a second time where that could matter, hardly held by the answer,
and taken for as long as it agrees with the picture so much better.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from . import energy
from .evidence import Evidence
from .rotation_vectors import to_matrix, to_vector
from .settings import FitSettings

#: How many times as far from the answer the second fit may be.
_FREEDOM = 4.0
#: What the answer costs in the picture where both fits count the same, for each landmark (minus the logarithm of its
#: likelihood), and over what change of that one takes the other's place.
_TOO_DEAR, _GRADUALLY = 0.25, 0.03
#: Deviation of the Gaussian over time by which costs are judged: a network errs for longer than a landmark.
_FOR_S = 0.5


def doubting(settings: FitSettings) -> FitSettings:
    """The settings of a fit that is hardly held by the answer."""
    return replace(
        settings,
        guess_joints=_FREEDOM * settings.guess_joints,
        guess_rotations=_FREEDOM * settings.guess_rotations,
    )


def gain_is_possible(seen: Evidence, held: Tensor, settings: FitSettings) -> bool:
    """Whether agreeing with the picture altogether could gain enough, by distances (T, 33) from the landmarks.

    Without BlazePose's 3D it cannot: then nothing but the answer tells depth, which the picture cannot speak against.
    """
    if not seen.trusted.any():
        return False
    cost = _for_each_landmark(seen, energy.picture_costs(seen, held, settings))
    return bool((cost > _TOO_DEAR - 3 * _GRADUALLY).any())


def doubt(seen: Evidence, held: Tensor, freed: Tensor, settings: FitSettings) -> Tensor:
    """(T,) from 0 to 1: how far the freed fit takes the held one's place.

    Args:
        seen: the evidence, T frames.
        held: (T, 33) distances of the fit that is held by the answer from the landmarks, parts of the person's height.
        freed: (T, 33) the same of the fit that is freed from it.
        settings: for the deviation of landmarks.
    """
    gain = energy.picture_costs(seen, held, settings) - energy.picture_costs(seen, freed, settings)
    return torch.sigmoid((_for_each_landmark(seen, gain) - _TOO_DEAR) / _GRADUALLY)


def between(held: Tensor, freed: Tensor, share: Tensor) -> Tensor:
    """Rotations (T, 24, 3, 3) that lie by a share (T, 1) of the way from some to others."""
    turn = to_vector(held.transpose(-1, -2) @ freed)
    return held @ to_matrix(share[..., None] * turn)


def _for_each_landmark(seen: Evidence, costs: Tensor) -> Tensor:
    """(T,) costs of frames about each, by the weight of what was seen then."""
    near = torch.exp(-0.5 * ((seen.times[:, None] - seen.times) / _FOR_S).square())
    return (near @ costs) / (near @ seen.image_weight.sum(dim=1)).clamp(min=1e-3)
