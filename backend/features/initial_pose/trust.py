"""Where a network's answer is believed, told by the picture.

A network answers as people move in what it learned from, and of a somersault it may be far from the truth. The fit
then cannot bring its answer onto the landmarks: a fit that is freed from it comes much nearer to them. Where the answer
is right, there is little to gain. So the fit is done a second time about the frames where that could matter, hardly
held by the answer, and taken for as long as it agrees with the picture so much better.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import energy
from .evidence import Evidence
from .rotation_vectors import to_matrix, to_vector
from .settings import FitSettings

#: How many times as far from the answer the second fit may be.
_FREEDOM = 4.0
#: What the answer costs in the picture where both fits count the same, for each landmark (minus the logarithm of its
#: likelihood), and over what change of that one takes the other's place.
_TOO_DEAR, _GRADUALLY = 0.15, 0.03
#: Of that change, what is less does not count.
_NEGLIGIBLE = 1 / (1 + math.exp(3))
#: Deviation of the Gaussian over time by which costs are judged: a network errs for longer than a landmark.
_FOR_S = 0.5
#: How far a second fit reaches beyond the frames that need it, by which it knows where they come from and go.
_BEYOND_S = 1.0


def doubting(settings: FitSettings) -> FitSettings:
    """The settings of a fit that is hardly held by the answer."""
    return replace(
        settings,
        guess_joints=_FREEDOM * settings.guess_joints,
        guess_rotations=_FREEDOM * settings.guess_rotations,
    )


def doubtful_parts(seen: Evidence, held: Tensor, settings: FitSettings) -> list[NDArray[np.intp]]:
    """Indices of the frames of each part that is worth a second fit, by distances (T, 33) from the landmarks.

    They are those in which agreeing with the picture altogether could gain enough, and some beside them. Without
    BlazePose's 3D there are none: then nothing but the answer tells depth, which the picture cannot speak against.
    """
    if not seen.trusted.any():
        return []
    possible = _weighed(_for_each_landmark(seen, energy.picture_costs(seen, held, settings))) > 0
    near = ((seen.times[:, None] - seen.times).abs() <= _BEYOND_S) & possible
    frames = np.flatnonzero(near.any(dim=1).cpu().numpy())
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return [part for part in parts if len(part)]


def doubt(seen: Evidence, held: Tensor, freed: Tensor, settings: FitSettings) -> Tensor:
    """(T,) from 0 to 1: how far the freed fit takes the held one's place.

    Args:
        seen: the evidence, T frames.
        held: (T, 33) distances of the fit that is held by the answer from the landmarks, parts of the person's height.
        freed: (T, 33) the same of the fit that is freed from it; as the other where there is none.
        settings: for the deviation of landmarks.
    """
    gain = energy.picture_costs(seen, held, settings) - energy.picture_costs(seen, freed, settings)
    return _weighed(_for_each_landmark(seen, gain))


def _weighed(gain: Tensor) -> Tensor:
    """From 0, and exactly that where little is gained, to 1."""
    share = torch.sigmoid((gain - _TOO_DEAR) / _GRADUALLY)
    return ((share - _NEGLIGIBLE) / (1 - _NEGLIGIBLE)).clamp(min=0)


def between(held: Tensor, freed: Tensor, share: Tensor) -> Tensor:
    """Rotations (T, 24, 3, 3) that lie by a share (T, 1) of the way from some to others."""
    turn = to_vector(held.transpose(-1, -2) @ freed)
    return held @ to_matrix(share[..., None] * turn)


def _for_each_landmark(seen: Evidence, costs: Tensor) -> Tensor:
    """(T,) costs of frames about each, by the weight of what was seen then."""
    near = torch.exp(-0.5 * ((seen.times[:, None] - seen.times) / _FOR_S).square())
    return (near @ costs) / (near @ seen.image_weight.sum(dim=1)).clamp(min=1e-3)
