"""How far joints are from the truth, as the papers count it. All results are in millimetres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
MILLIMETRES = 1000.0


def mpjpe(joints: Floats, truth: Floats, observed: NDArray[np.bool_], root: Floats, true_root: Floats) -> float:
    """Mean per joint position error after the roots are laid on each other (Ionescu et al. 2014).

    Args:
        joints: (T, J, 3) metres.
        truth: (T, J, 3) metres, in the same axes.
        observed: (T,) frames that count.
        root: (T, 3) pelvis of ``joints``.
        true_root: (T, 3) pelvis of ``truth``.
    """
    apart = (joints - root[:, None]) - (truth - true_root[:, None])
    return float(np.linalg.norm(apart[observed], axis=-1).mean() * MILLIMETRES)


def pa_mpjpe(joints: Floats, truth: Floats, observed: NDArray[np.bool_]) -> float:
    """The same after the best similarity transform of every frame (Procrustes analysis)."""
    errors = [
        np.linalg.norm(procrustes(frame, true) - true, axis=-1).mean()
        for frame, true in zip(joints[observed], truth[observed], strict=True)
    ]
    return float(np.mean(errors) * MILLIMETRES)


def procrustes(points: Floats, target: Floats) -> Floats:
    """(J, 3) points turned, scaled and moved to lie nearest to the target (Umeyama 1991)."""
    centre, target_centre = points.mean(axis=0), target.mean(axis=0)
    source, wanted = points - centre, target - target_centre
    u, singular, v = np.linalg.svd(wanted.T @ source)
    sign = np.ones(3)
    sign[2] = np.sign(np.linalg.det(u @ v))
    scale = (singular * sign).sum() / max(float((source**2).sum()), 1e-12)
    aligned: Floats = scale * source @ ((u * sign) @ v).T + target_centre
    return aligned


def acceleration_error(joints: Floats, truth: Floats, observed: NDArray[np.bool_]) -> float:
    """ACC-ERR (Kanazawa et al. 2019): mean difference of the second differences, mm/frame^2.

    Papers state it for 30 frames per second. A frame counts if it and both its neighbours were observed, so that a gap
    never becomes an acceleration.
    """
    counted = observed[:-2] & observed[1:-1] & observed[2:]
    apart = np.diff(joints, 2, axis=0) - np.diff(truth, 2, axis=0)
    return float(np.linalg.norm(apart[counted], axis=-1).mean() * MILLIMETRES)
