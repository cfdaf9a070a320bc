"""How far joints are from the truth, as the papers count it. All results are in millimetres.

Every measure heeds a mask of frames: what was not observed counts for nothing, and a gap never becomes a movement.
Where no frame counts, the result is NaN. Distances of single joints in single frames are given too, so that several
sequences can be put together as the papers do, who take the mean over all frames of a dataset, and so that errors can
be told apart by joint and by action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
MILLIMETRES = 1000.0
#: A joint counts as correct within this distance (Mehta et al. 2017, sec. 6).
PCK_THRESHOLD_MM = 150.0
#: The thresholds of the area under the curve of PCK (the same).
AUC_THRESHOLDS_MM = np.arange(0.0, PCK_THRESHOLD_MM + 1, 5.0)


def mpjpe(joints: Floats, truth: Floats, observed: Mask, root: Floats, true_root: Floats) -> float:
    """Mean per joint position error after the roots are laid on each other (Ionescu et al. 2014).

    Args:
        joints: (T, J, 3) metres.
        truth: (T, J, 3) metres, in the same axes.
        observed: (T,) frames that count.
        root: (T, 3) pelvis of ``joints``.
        true_root: (T, 3) pelvis of ``truth``.
    """
    return mean(joint_distances(joints, truth, observed, root, true_root))


def pve(vertices: Floats, truth: Floats, observed: Mask, root: Floats, true_root: Floats) -> float:
    """Per vertex error: the same over the (T, V, 3) vertices of two bodies of one topology."""
    return mean(joint_distances(vertices, truth, observed, root, true_root))


def pa_mpjpe(joints: Floats, truth: Floats, observed: Mask) -> float:
    """The error after the best similarity transform of every frame (Procrustes analysis)."""
    return mean(procrustes_distances(joints, truth, observed))


def acceleration_error(joints: Floats, truth: Floats, observed: Mask) -> float:
    """ACC-ERR (Kanazawa et al. 2019): mean difference of the second differences, mm/frame^2.

    Papers state it for 30 frames per second. A frame counts if it and both its neighbours were observed, so that a gap
    never becomes an acceleration.
    """
    return mean(acceleration_distances(joints, truth, observed))


def pck(distances_mm: Floats, threshold_mm: float = PCK_THRESHOLD_MM) -> float:
    """Percentage of correct joints: those of :func:`joint_distances` that are not above the threshold."""
    return mean(100.0 * (distances_mm <= threshold_mm))


def auc(distances_mm: Floats) -> float:
    """Area under the curve of PCK over its threshold, in percent (Mehta et al. 2017, sec. 6)."""
    return float(np.mean([pck(distances_mm, threshold) for threshold in AUC_THRESHOLDS_MM]))


def jitter(joints: Floats, times_s: Floats, observed: Mask) -> float:
    """Mean size of the third derivative, m/s^3 (jerk; Flash and Hogan 1985). It needs no truth.

    Taken from divided differences, so that frames need not be evenly spaced. Four neighbouring frames count together
    if all were observed.

    Args:
        joints: (T, J, 3) metres.
        times_s: (T,) increasing.
        observed: (T,) frames that count.
    """
    divided = joints
    for order in range(1, 4):
        divided = np.diff(divided, axis=0) / (times_s[order:] - times_s[:-order])[:, None, None]
    counted = _all_observed(observed, 4)
    return mean(6.0 * np.linalg.norm(divided[counted], axis=-1))


def joint_distances(joints: Floats, truth: Floats, observed: Mask, root: Floats, true_root: Floats) -> Floats:
    """(N, J) mm between the joints of the N frames that count, roots laid on each other; arguments as :func:`mpjpe`."""
    apart = (joints - root[:, None]) - (truth - true_root[:, None])
    return np.linalg.norm(apart[observed], axis=-1) * MILLIMETRES


def procrustes_distances(joints: Floats, truth: Floats, observed: Mask) -> Floats:
    """(N, J) mm between the joints of the N frames that count, each frame aligned by itself."""
    return np.linalg.norm(procrustes(joints[observed], truth[observed]) - truth[observed], axis=-1) * MILLIMETRES


def acceleration_distances(joints: Floats, truth: Floats, observed: Mask) -> Floats:
    """(N, J) mm/frame^2 between the second differences about the N frames whose neighbours were observed too."""
    apart = np.diff(joints, 2, axis=0) - np.diff(truth, 2, axis=0)
    return np.linalg.norm(apart[_all_observed(observed, 3)], axis=-1) * MILLIMETRES


def procrustes(points: Floats, target: Floats) -> Floats:
    """(..., J, 3) points turned, scaled and moved to lie nearest to the target (Umeyama 1991)."""
    centre, target_centre = points.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    source, wanted = points - centre, target - target_centre
    u, singular, v = np.linalg.svd(np.swapaxes(wanted, -1, -2) @ source)
    sign = np.ones_like(singular)
    sign[..., 2] = np.sign(np.linalg.det(u @ v))
    scale = (singular * sign).sum(axis=-1) / np.maximum((source**2).sum(axis=(-1, -2)), 1e-12)
    turned = source @ np.swapaxes((u * sign[..., None, :]) @ v, -1, -2)
    aligned: Floats = scale[..., None, None] * turned + target_centre
    return aligned


def per_joint(names: Sequence[str], distances: Floats) -> dict[str, float]:
    """The mean of each column of (N, J) distances."""
    return {name: mean(column) for name, column in zip(names, distances.T, strict=True)}


def per_action(actions: Sequence[str] | NDArray[np.str_], distances: Floats) -> dict[str, float]:
    """The mean of the rows of each action, in alphabetical order: of N frames' actions and (N, J) distances."""
    of_frames = np.asarray(actions, dtype=np.str_)
    return {str(action): mean(distances[of_frames == action]) for action in np.unique(of_frames)}


def mean(values: Floats) -> float:
    """The mean; NaN of nothing."""
    return float(values.mean()) if values.size else float("nan")


def _all_observed(observed: Mask, count: int) -> Mask:
    """(T - count + 1,) whether ``count`` neighbouring frames were all observed."""
    if len(observed) < count:
        return np.zeros(0, dtype=bool)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(observed, count).all(axis=-1))
