"""Answers held against the truth on held-out motion, seen through a simulated detector.

Everybody sees the same landmarks: BlazePose's own 3D (as it is, and with swaps repaired and smoothed, which is the fair
rival), the per-frame solver and the networks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.features.initial_pose import BodyInCamera
from backend.people.tracks import Track
from backend.training.examples import Examples, ExampleSource
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.rotations import from_matrix
from smpl_rig.skeleton import INDEX

from .comparison import SHARED_JOINTS
from .metrics import (
    acceleration_error,
    auc,
    jitter,
    joint_distances,
    mean,
    pa_mpjpe,
    pck,
    per_joint,
    procrustes_distances,
)
from .rivals import fair, raw, shared_landmarks

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

#: Somebody whose hips' line is turned so far from the picture's (its cosine) shows their back.
BACK_COSINE = 0.5
_HIPS = [SHARED_JOINTS.index("left_hip"), SHARED_JOINTS.index("right_hip")]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One person's landmarks and the truth.

    Attributes:
        track: as the detector saw them.
        K: (3, 3) pixels.
        joints: (T, 24, 3) metres, camera axes, the truth.
        rotations: (T, 24, 3, 3) true local rotations, the pelvis's in camera axes.
        betas: (10,) true shape.
    """

    track: Track
    K: Floats
    joints: Floats
    rotations: Floats
    betas: Floats


def sequences(source: ExampleSource, count: int, frames: int) -> Iterator[Sequence]:
    """Draws sequences, several at a time."""
    drawn = 0
    while drawn < count:
        examples = source.draw(min(32, count - drawn), frames)
        for clip in range(len(examples.truth.betas)):
            yield _sequence(examples, clip)
        drawn += len(examples.truth.betas)


def _sequence(examples: Examples, clip: int) -> Sequence:
    seen = examples.observation
    observed = seen.observed[clip].numpy()
    landmarks2d = seen.landmarks2d[clip].numpy().copy()
    landmarks3d = seen.landmarks3d[clip].numpy().copy()
    landmarks2d[~observed] = (np.nan, np.nan, 0.0)
    # what is not trusted was taken away, as a swap's 3D is
    landmarks3d[~(observed & seen.trusted_3d[clip].numpy())] = np.nan
    low, high = landmarks2d[..., :2].min(axis=1), landmarks2d[..., :2].max(axis=1)
    track = Track(
        person=0,
        frames=np.arange(len(observed)),
        timestamps_s=seen.times_s[clip].numpy().astype(np.float64),
        landmarks2d=landmarks2d,
        landmarks3d=landmarks3d,
        boxes=np.concatenate((low, high - low), axis=-1),
        observed=observed,
    )
    truth = examples.truth
    return Sequence(track, *(part[clip].numpy() for part in (truth.K, truth.joints, truth.rotations, truth.betas)))


def score(joints: Floats, sequence: Sequence) -> dict[str, float]:
    """What the shared joints (T, 12, 3) of an answer are worth in the observed frames.

    An answer that knows nothing of a sequence is NaN, and so are its errors.

    Returns:
        ``pa_mpjpe``, ``mpjpe`` (mm), ``acc_err`` (mm/frame^2), ``pck`` at 150 mm, ``auc`` (percent), ``jitter`` (m/s^3,
        from the middle of the hips), and ``pa_mpjpe_back`` (mm) over the frames that show the person's back.
    """
    names = ("pa_mpjpe", "mpjpe", "acc_err", "pck", "auc", "jitter", "pa_mpjpe_back")
    if not np.isfinite(joints).all():
        return dict.fromkeys(names, np.nan)
    truth, observed = shared(sequence.joints), sequence.track.observed
    apart = _distances(joints, sequence)
    centred = about_hips(joints)
    figures = (
        pa_mpjpe(joints, truth, observed),
        mean(apart),
        acceleration_error(centred, about_hips(truth), observed),
        pck(apart),
        auc(apart),
        jitter(centred, sequence.track.timestamps_s, observed),
        pa_mpjpe(joints, truth, observed & shows_back(sequence.joints)),
    )
    return dict(zip(names, figures, strict=True))


def errors_by_joint(joints: Floats, sequence: Sequence) -> dict[str, tuple[float, ...]]:
    """``mpjpe_by_joint`` and ``pa_mpjpe_by_joint`` (mm), in the order of ``SHARED_JOINTS``; NaN as :func:`score`."""
    names = ("mpjpe_by_joint", "pa_mpjpe_by_joint")
    if not np.isfinite(joints).all():
        return dict.fromkeys(names, (np.nan,) * len(SHARED_JOINTS))
    aligned = procrustes_distances(joints, shared(sequence.joints), sequence.track.observed)
    distances = (_distances(joints, sequence), aligned)
    errors = (tuple(per_joint(SHARED_JOINTS, each).values()) for each in distances)
    return dict(zip(names, errors, strict=True))


def shows_back(joints: Floats) -> Mask:
    """(T,) from joints (T, 24, 3) in camera axes: the left hip is on the picture's left side of the right one."""
    across = joints[:, INDEX["left_hip"]] - joints[:, INDEX["right_hip"]]
    return np.asarray(across[:, 0] < -BACK_COSINE * np.linalg.norm(across, axis=-1))


def middle_of_hips(joints: Floats) -> Floats:
    """(T, 12, 3) shared joints -> (T, 3)."""
    return np.asarray(joints[:, _HIPS].mean(axis=1))


def about_hips(joints: Floats) -> Floats:
    """(T, 12, 3) shared joints, from the middle of the hips."""
    return joints - middle_of_hips(joints)[:, None]


def _distances(joints: Floats, sequence: Sequence) -> Floats:
    truth = shared(sequence.joints)
    return joint_distances(joints, truth, sequence.track.observed, middle_of_hips(joints), middle_of_hips(truth))


def blazepose(sequence: Sequence) -> Floats:
    """BlazePose's own 3D as it is; NaN where a clip has none."""
    return shared_landmarks(raw(sequence.track))


def blazepose_repaired(sequence: Sequence) -> Floats:
    """BlazePose's own 3D with swaps repaired, bridged where it is not to be trusted, and smoothed."""
    return shared_landmarks(fair(sequence.track))


def joints_of(body: BodyInCamera, rest_joints: Floats) -> Floats:
    """The shared joints of a fitted body."""
    _, joints = forward_kinematics(from_matrix(body.rotations.astype(np.float64)), rest_joints, body.transl)
    return shared(joints)


def shared(joints: Floats) -> Floats:
    """(T, 24, 3) -> (T, 12, 3), the joints that SMPL and BlazePose share."""
    return joints[:, [INDEX[name] for name in SHARED_JOINTS]]
