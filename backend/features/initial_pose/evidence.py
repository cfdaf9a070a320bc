"""What was seen of a person, and what is believed of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.features.torso_occlusion import wrists_behind
from backend.people.tracks import LANDMARK_NAMES, Track

Floats = NDArray[np.floating[Any]]

#: Landmarks crowd on face and hands; together they should count like one or two limbs.
_LANDMARK_WEIGHT: dict[str, float] = {
    "nose": 0.5,
    "eye": 0.1,
    "ear": 0.4,
    "mouth": 0.1,
    "pinky": 0.25,
    "index": 0.25,
    "thumb": 0.15,
    "heel": 0.6,
    "foot": 0.6,
    "hip": 0.7,
}
#: How far BlazePose's 3D is believed where none of it is trusted.
_BARELY = 0.05


@dataclass(frozen=True, eq=False)
class Evidence:
    """T frames of one person, on the device where the fit is done.

    Attributes:
        times: (T,) seconds.
        observed: (T,) 1 where the person was seen, else 0.
        image: (T, 33, 2) pixels of the landmarks.
        image_weight: (T, 33) how much each counts.
        height: (T,) pixels, of the person in the picture.
        world: (T, 33, 3) BlazePose's 3D, metres, camera axes.
        world_weight: (T, 33) how much it counts.
        trusted: (T,) 1 where it may be believed, else 0.
        behind: (T, 2) from 0 to 1, how surely the trunk hides the left and the right wrist.
        turns: (T, 3, 3) from the camera's axes to axes that stand still; None if the camera does.
        guess: (T, 24, 3, 3) a network's local rotations; None without a network.
    """

    times: Tensor
    observed: Tensor
    image: Tensor
    image_weight: Tensor
    height: Tensor
    world: Tensor
    world_weight: Tensor
    trusted: Tensor
    behind: Tensor
    turns: Tensor | None
    guess: Tensor | None

    def __len__(self) -> int:
        return len(self.times)

    def of(self, frames: NDArray[np.intp]) -> Evidence:
        """Of some frames, by their indices."""
        chosen = torch.as_tensor(frames, device=self.times.device)
        known = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) is not None}
        return replace(self, **{name: value[chosen] for name, value in known.items()})


def evidence(
    track: Track,
    trusted_3d: NDArray[np.bool_],
    turns: Floats | None,
    guess: Floats | None,
    device: torch.device,
) -> Evidence:
    """Of a whole track.

    Args:
        track: landmarks with left and right set right.
        trusted_3d: (T,) where BlazePose's 3D may be believed.
        turns: (T, 3, 3) from the camera's axes to axes that stand still, or None.
        guess: (T, 24, 3, 3) a network's local rotations, or None.
        device: where the fit is done.
    """

    def tensor(array: NDArray[Any]) -> Tensor:
        return torch.tensor(np.asarray(array), dtype=torch.float32, device=device)

    weight = np.array([_landmark_weight(name) for name in LANDMARK_NAMES])
    seen = track.observed[:, None] * track.landmarks2d[..., 2] * weight  # (T, 33)
    world, world_weight = _filled_world(track, trusted_3d)
    if guess is not None:  # which knows more than what is barely believed
        world_weight = np.where(trusted_3d, world_weight, 0.0)
    return Evidence(
        times=tensor(track.timestamps_s - track.timestamps_s[0]),
        observed=tensor(track.observed),
        image=tensor(np.nan_to_num(track.landmarks2d[..., :2])),
        image_weight=tensor(seen),
        height=tensor(track.heights_px),
        world=tensor(world),
        world_weight=tensor(world_weight[:, None] * weight),
        trusted=tensor(trusted_3d),
        behind=tensor(wrists_behind(track)),
        turns=None if turns is None else tensor(turns),
        guess=None if guess is None else tensor(guess),
    )


def _landmark_weight(name: str) -> float:
    return next((weight for part, weight in _LANDMARK_WEIGHT.items() if part in name), 1.0)


def _filled_world(track: Track, trusted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(T, 33, 3) BlazePose's 3D, interpolated over frames that are not trusted, and (T,) how far to believe it."""
    if not trusted.any():  # everything was swapped or nothing is known: upright, facing the camera, barely believed
        return np.nan_to_num(track.landmarks3d), np.where(track.observed, _BARELY, 0.0)
    flat = track.landmarks3d.reshape(len(track), -1)
    times = track.timestamps_s
    filled = np.stack([np.interp(times, times[trusted], column[trusted]) for column in flat.T], axis=-1)
    return filled.reshape(track.landmarks3d.shape), np.where(trusted, 1.0, 0.0)
