"""What the fit and the networks make of a sequence, as a capture asks them: landmarks with left and right set right.

The embedded body and the networks are made once in every process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.body import TorchBody, limber_body
from backend.features.initial_pose import BodyInCamera, FitSettings, solve
from backend.features.landmark_points import LandmarkPoints, LandmarkSkin, landmark_points
from backend.features.swaps import repair_swaps
from backend.models.estimation import Asked, LandmarkNetwork, Together, estimate_body, with_mirror_image
from backend.models.weights import load_networks
from backend.people.tracks import Track
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.motion import Motion
from smpl_rig.rotations import from_matrix, log

from .simulated import Sequence, joints_of

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class SetRight:
    """A sequence's landmarks after the repair.

    Attributes:
        track: with left and right set right; 0 where the 3D is not known.
        trusted_3d: (T,) where the 3D is known and may be believed.
        K: (3, 3) pixels.
    """

    track: Track
    trusted_3d: NDArray[np.bool_]
    K: Floats


def set_right(sequence: Sequence) -> SetRight:
    """A sequence's landmarks as a capture has them."""
    return track_set_right(sequence.track, sequence.K)


def track_set_right(track: Track, K: Floats) -> SetRight:
    """Repairs swaps of left and right in a track seen by a camera (3, 3), where the 3D may be missing besides."""
    repaired, trusted = repair_swaps(track)
    trusted = trusted & np.isfinite(track.landmarks3d).all(axis=(1, 2))
    return SetRight(replace(repaired, landmarks3d=np.nan_to_num(repaired.landmarks3d)), trusted, K)


def fitted(seen: SetRight, guess: BodyInCamera | None = None, settings: FitSettings | None = None) -> BodyInCamera:
    """The fit, alone or from the answer of a network that knows the embedded body's shapes."""
    return _solved(seen, guess, settings, guess.betas if guess else None)


def fitted_with_own_shape(seen: SetRight, guess: BodyInCamera) -> BodyInCamera:
    """The fit from a network's answer to a body of the shape that the landmarks tell, as of bodies it does not know."""
    return _solved(seen, guess, None, None)


def _solved(
    seen: SetRight, guess: BodyInCamera | None, settings: FitSettings | None, betas: Floats | None
) -> BodyInCamera:
    worn = _worn()
    body, points = worn.torch_body, worn.points
    return solve(seen.track, seen.trusted_3d, seen.K, body, points, lambda _done: None, settings, guess, betas=betas)


def answered(name: str, seen: SetRight, asked: Asked = with_mirror_image) -> BodyInCamera:
    """The own answer of a network that ships, without the fit."""
    return answered_by(_network(name), seen, asked)


def answered_by(network: LandmarkNetwork | Together, seen: SetRight, asked: Asked = with_mirror_image) -> BodyInCamera:
    """A network's own answer, without the fit."""
    worn = _worn()
    return estimate_body(seen.track, seen.trusted_3d, seen.K, worn.torch_body, worn.skin, network, asked=asked)


def shared_joints(found: BodyInCamera) -> Floats:
    """(T, 12, 3) metres, camera axes: the joints that SMPL and BlazePose share."""
    return joints_of(found, embedded_body().rest_joints(found.betas))


def landmarks_of(found: BodyInCamera) -> Floats:
    """(T, 33, 3) metres, camera axes: where the landmarks lie on a body."""
    worn = _worn()
    local, betas, transl = (
        torch.tensor(array, dtype=torch.float32) for array in (found.rotations, found.betas[None], found.transl)
    )
    return np.asarray(worn.skin.of_pose(worn.torch_body, local, betas, transl).numpy())


def in_camera_motion(found: BodyInCamera, track: Track, K: Floats, body: Body) -> Motion:
    """A Motion whose world is the camera."""
    frames = len(track)
    local, rest = from_matrix(found.rotations.astype(np.float64)), body.rest_joints(found.betas)
    return Motion(
        poses=log(local).reshape(frames, -1),
        trans=found.transl,
        betas=found.betas,
        rest_joints=rest,
        mocap_framerate=(frames - 1) / float(track.timestamps_s[-1] - track.timestamps_s[0]),
        timestamps_s=track.timestamps_s,
        joints_world=forward_kinematics(local, rest, found.transl)[1],
        confidence=found.confidence,
        contacts=np.zeros((frames, 4)),
        image_size=np.rint(2 * K[:2, 2]).astype(int),
        K=K,
        world_from_camera=np.tile(np.eye(4), (frames, 1, 1)),
        landmarks2d=track.landmarks2d,
        boxes=track.boxes,
        observed=track.observed,
        body=body.name,
    )


def embedded_body() -> Body:
    """The body that the answers wear."""
    return _worn().body


@dataclass(frozen=True, eq=False)
class _Worn:
    body: Body
    torch_body: TorchBody
    points: LandmarkPoints
    skin: LandmarkSkin


@cache
def _worn() -> _Worn:
    body = limber_body()
    points = landmark_points(body)
    return _Worn(body, TorchBody(body), points, LandmarkSkin(points))


@cache
def _network(name: str) -> LandmarkNetwork | Together:
    return load_networks(name, torch.device("cpu"))
