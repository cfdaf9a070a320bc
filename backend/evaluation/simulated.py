"""Answers held against the truth on held-out motion, seen through a simulated detector.

Everybody sees the same landmarks: BlazePose's own 3D (as it is, and with swaps repaired and smoothed, which is the fair
rival), the per-frame solver and the networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from .metrics import acceleration_error, mpjpe, pa_mpjpe
from .rivals import fair, raw, shared_landmarks

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One person's landmarks and the truth.

    Attributes:
        track: as the detector saw them.
        K: (3, 3) pixels.
        joints: (T, 24, 3) metres, camera axes, the truth.
    """

    track: Track
    K: Floats
    joints: Floats


#: Gives the places of the shared joints (T, 12, 3), metres, camera axes.
Answer = Callable[[Sequence], Floats]


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
    return Sequence(track, examples.truth.K[clip].numpy(), examples.truth.joints[clip].numpy())


def score(joints: Floats, sequence: Sequence) -> dict[str, float]:
    """PA-MPJPE, MPJPE (mm) and ACC-ERR (mm/frame^2) of the shared joints (T, 12, 3) in the observed frames.

    An answer that knows nothing of a sequence is NaN, and so are its errors.
    """
    if not np.isfinite(joints).all():
        return {"pa_mpjpe": np.nan, "mpjpe": np.nan, "acc_err": np.nan}
    truth, observed = sequence.joints[:, [INDEX[name] for name in SHARED_JOINTS]], sequence.track.observed
    hips = [SHARED_JOINTS.index("left_hip"), SHARED_JOINTS.index("right_hip")]
    root, true_root = joints[:, hips].mean(axis=1), truth[:, hips].mean(axis=1)
    return {
        "pa_mpjpe": pa_mpjpe(joints, truth, observed),
        "mpjpe": mpjpe(joints, truth, observed, root, true_root),
        "acc_err": acceleration_error(joints - root[:, None], truth - true_root[:, None], observed),
    }


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
