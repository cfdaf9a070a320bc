"""Where the real detector marks landmarks on bodies whose pose is known, beside where it is expected to.

``backend/features/landmark_points.py`` says where landmarks lie on a body. A landmark that it has in a wrong place
leans every pose that is read from it, and always the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import limber_body
from backend.features.landmark_points import LandmarkPoints, LandmarkSkin, landmark_points, side_and_part
from backend.people.tracks import LANDMARK_NAMES

from .bone_depths import true_landmarks
from .renders import Film

Floats = NDArray[np.floating[Any]]

#: Landmarks that are seen less well, or lie further off than this in metres, are mistakes and tell no place.
SEEN, MISTAKEN_M = 0.8, 0.15


def offsets(films: Iterable[Film], points: LandmarkPoints | None = None) -> dict[str, Floats]:
    """Least squares over all films of how far landmarks are marked from where a body has them.

    Args:
        films: with exact truth; those in which nobody was found tell nothing.
        points: where landmarks are expected on the embedded body; None is where the project expects them.

    Returns:
        Of each landmark, left and right taken together, (3,) metres on the resting body: outwards, up, ahead.
    """
    skin = LandmarkSkin(points or landmark_points(limber_body()))
    seen: dict[str, list[tuple[Floats, Floats]]] = {}
    for film in films:
        if film.track is None:
            continue
        slopes, apart, good = _equations(film, skin)
        for landmark, name in enumerate(LANDMARK_NAMES):
            chosen = good[:, landmark]
            side, part = side_and_part(name)
            mirror = (-1.0 if side == "right" else 1.0, 1.0, 1.0)
            seen.setdefault(part, []).append((slopes[chosen, landmark] * mirror, apart[chosen, landmark]))
    return {part: _least_squares(equations) for part, equations in seen.items()}


def _equations(film: Film, skin: LandmarkSkin) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """What a shift on the resting body does to landmarks in the picture, and how far off these are, by frame.

    Returns:
        (T, 33, 2, 3) without unit, (T, 33, 2) metres at the landmark's depth, and (T, 33) which frames tell.
    """
    truth = film.sequence()
    placed, turned = true_landmarks(truth, skin)
    landmarks = placed.double().numpy()  # (T, 33, 3)
    carried = torch.einsum("lj,tjab->tlab", skin.weights, turned).double().numpy()  # (T, 33, 3, 3)
    rays = landmarks[..., :2] / landmarks[..., 2:]
    slopes = carried[..., :2, :] - rays[..., None] * carried[..., 2:, :]
    detected = truth.track.landmarks2d
    focal, centre = film.intrinsics[0, 0], film.intrinsics[:2, 2]
    apart = ((detected[..., :2] - centre) / focal - rays) * landmarks[..., 2:]
    close = np.nan_to_num(np.linalg.norm(apart, axis=-1), nan=np.inf) < MISTAKEN_M
    return slopes, apart, close & (detected[..., 2] > SEEN) & truth.track.observed[:, None]


def _least_squares(equations: list[tuple[Floats, Floats]]) -> Floats:
    slopes = np.concatenate([slope.reshape(-1, 3) for slope, _ in equations])
    apart = np.concatenate([each.reshape(-1) for _, each in equations])
    if len(apart) < 3:
        return np.full(3, np.nan)
    return np.asarray(np.linalg.lstsq(slopes, apart, rcond=None)[0])
