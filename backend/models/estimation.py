"""A person's landmarks in, their body in every frame out, by one of the temporal networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backend.body import TorchBody
from backend.features.initial_pose import BodyInCamera, FitSettings, confidence, tell_place
from backend.features.landmark_maps import landmark_maps
from backend.features.landmark_points import LandmarkSkin
from backend.features.landmarks import LandmarkEncoder, LandmarkInputs, landmark_inputs
from backend.people.tracks import Track
from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from . import rotation6d
from .frame_features import Estimate, FrameFeatures
from .mirroring import mirror_landmarks, mirror_rotations
from .sliding_window import run
from .temporal_network import TemporalNetwork
from .turns import nearest, turns

Floats = NDArray[np.floating[Any]]


class LandmarkNetwork(nn.Module):
    """A temporal network and the encoder whose features it reads."""

    def __init__(self, encoder: LandmarkEncoder, network: TemporalNetwork) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network

    @torch.no_grad()
    def forward(self, inputs: LandmarkInputs, K: Tensor) -> Estimate:
        """The estimate of every frame of one sequence, (1, T, ...)."""
        return run(self.network, self.features(inputs, K))

    def features(self, inputs: LandmarkInputs, K: Tensor) -> FrameFeatures:
        """What the network reads of B sequences."""
        features = self.encoder(inputs, K)
        if "local_maps" not in self.network.needs:
            return features
        return FrameFeatures(**features.tensors(), local_maps=landmark_maps(inputs))


class Together(nn.Module):
    """Several networks; their answer is the mean of theirs."""

    def __init__(self, networks: Sequence[LandmarkNetwork]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    @torch.no_grad()
    def forward(self, inputs: LandmarkInputs, K: Tensor) -> Estimate:
        """The mean of the estimates of every frame of one sequence, (1, T, ...)."""
        answers: list[Estimate] = [network(inputs, K) for network in self.networks]
        rotations = torch.stack([rotation6d.to_matrix(answer.pose6d) for answer in answers]).mean(dim=0)
        return Estimate(
            rotation6d.from_matrix(rotation6d.to_matrix(rotation6d.from_matrix(rotations))),
            torch.stack([answer.betas for answer in answers]).mean(dim=0),
            torch.stack([answer.camera for answer in answers]).mean(dim=0),
            answers[0].frame_indices,
        )


class Seen(NamedTuple):
    """What the detector saw in T frames of one sequence, as :func:`landmark_inputs` takes it.

    Attributes:
        landmarks2d: (1, T, 33, 3) pixel x, pixel y, visibility.
        landmarks3d: (1, T, 33, 3) metres.
        trusted_3d: (1, T) bool.
        observed: (1, T) bool.
        times_s: (1, T) seconds.
    """

    landmarks2d: Tensor
    landmarks3d: Tensor
    trusted_3d: Tensor
    observed: Tensor
    times_s: Tensor


def once(network: LandmarkNetwork | Together, seen: Seen, K: Tensor) -> Estimate:
    """A network's estimate of every frame of one sequence, (1, T, ...)."""
    return network(landmark_inputs(*seen, K), K)


def with_mirror_image(network: LandmarkNetwork | Together, seen: Seen, K: Tensor) -> Estimate:
    """The mean of the estimate of what is seen and of that of what a mirror would show of it, (1, T, ...)."""
    estimate, mirrored = once(network, seen, K), once(network, _mirrored(seen, float(K[0, 0, 2])), K)
    back = rotation6d.from_matrix(mirror_rotations(rotation6d.to_matrix(mirrored.pose6d)))
    return replace(estimate, pose6d=(estimate.pose6d + back) / 2, betas=(estimate.betas + mirrored.betas) / 2)


#: One of the two ways to ask a network.
Asked = Callable[[LandmarkNetwork | Together, Seen, Tensor], Estimate]


def estimate_body(
    track: Track,
    trusted_3d: NDArray[np.bool_],
    K: Floats,
    body: TorchBody,
    skin: LandmarkSkin,
    network: LandmarkNetwork | Together,
    betas: Floats | None = None,
    asked: Asked = with_mirror_image,
) -> BodyInCamera:
    """Runs a network over a track.

    Args:
        track: landmarks with left and right set right.
        trusted_3d: (T,) where BlazePose's 3D may be believed.
        K: (3, 3) pinhole camera, pixels.
        body: where the work is done is where this module lies.
        skin: where the landmarks lie on this body.
        network: with its encoder, or several.
        betas: (10,) shape, for a body to which the network's answer, the embedded body's shape, means nothing.
        asked: how the network is asked.
    """
    local = np.empty((len(track), JOINT_COUNT, 3, 3), dtype=np.float32)
    shapes = np.empty((len(track), BETA_COUNT), dtype=np.float32)
    answered = np.zeros(len(track), dtype=bool)
    intrinsics = _tensor(K, body)[None]
    for chosen in turns(track):
        estimate = asked(network, _seen(track, trusted_3d, chosen, body.v_template.device), intrinsics)
        local[chosen] = rotation6d.to_matrix(estimate.pose6d)[0].cpu().numpy()
        shapes[chosen] = estimate.betas[0].cpu().numpy()
        answered[chosen] = True
    shape = np.median(shapes[track.observed], axis=0) if betas is None else betas
    return body_in_camera(track, K, local[nearest(answered)], shape, body, skin)


def body_in_camera(
    track: Track, K: Floats, local: Floats, betas: Floats, body: TorchBody, skin: LandmarkSkin
) -> BodyInCamera:
    """A body in poses (T, 24, 3, 3), of shape (10,), where its landmarks are seen and as sure as they agree."""
    transl, residual = place_before_camera(track, K, _tensor(local, body), _tensor(betas, body), body, skin)
    return BodyInCamera(local, betas, transl, confidence(track, residual, FitSettings()))


def _seen(track: Track, trusted_3d: NDArray[np.bool_], chosen: NDArray[np.intp], device: torch.device) -> Seen:
    def tensor(array: NDArray[Any]) -> Tensor:
        return torch.tensor(np.nan_to_num(array[chosen])[None], dtype=torch.float32, device=device)

    return Seen(
        tensor(track.landmarks2d),
        tensor(track.landmarks3d),
        tensor(trusted_3d) > 0,
        tensor(track.observed) > 0,
        tensor(track.timestamps_s - track.timestamps_s[0]),
    )


def _mirrored(seen: Seen, centre_x: float) -> Seen:
    landmarks2d, landmarks3d = mirror_landmarks(seen.landmarks2d, seen.landmarks3d, centre_x)
    return seen._replace(landmarks2d=landmarks2d, landmarks3d=landmarks3d)


def place_before_camera(
    track: Track, K: Floats, local: Tensor, betas: Tensor, body: TorchBody, skin: LandmarkSkin
) -> tuple[Floats, Floats]:
    """Where a posed body stands so that its landmarks are seen where they are.

    Returns:
        ``transl`` (T, 3) metres, camera axes, and the distance (T, 33) between landmarks seen and projected, parts of
        the person's height.
    """
    points = skin.of_pose(body, local, betas[None], torch.zeros_like(local[:, 0, 0]))  # (T, 33, 3)
    pixels = _tensor(np.nan_to_num(track.landmarks2d[..., :2]), body)
    weights = _tensor(track.landmarks2d[..., 2] * track.observed[:, None], body)
    intrinsics = _tensor(K, body)
    heights = _tensor(track.heights_px, body)[:, None]

    def residual(transl: Tensor) -> Tensor:
        projected = (points + transl[:, None]) @ intrinsics.T
        return (projected[..., :2] / projected[..., 2:].clamp_min(0.1) - pixels).norm(dim=-1) / heights

    transl = places_before_camera(points, pixels, weights, intrinsics)
    told = track.observed & tell_place(residual(transl), weights).cpu().numpy()
    transl = _filled(transl, told if told.any() else track.observed)
    return transl.cpu().numpy(), residual(transl).cpu().numpy()


def places_before_camera(points: Tensor, pixels: Tensor, weights: Tensor, K: Tensor) -> Tensor:
    """How far points have to be moved, together, to be seen where they were: (T, 3) metres.

    The pinhole equations are linear in the place: x = X + tx - u (Z + tz) = 0 for every point seen along the ray u.

    Args:
        points: (T, P, 3) metres, camera axes, about any origin.
        pixels: (T, P, 2) where they were seen.
        weights: (T, P).
        K: (3, 3) pixels.
    """
    rays = (pixels - K[:2, 2]) / K.diagonal()[:2]  # (T, P, 2)
    zero, one = torch.zeros_like(rays[..., 0]), torch.ones_like(rays[..., 0])
    rows = torch.stack(
        (torch.stack((one, zero, -rays[..., 0]), -1), torch.stack((zero, one, -rays[..., 1]), -1)), dim=2
    )  # (T, P, 2, 3)
    wanted = rays * points[..., 2:] - points[..., :2]  # (T, P, 2)
    weighted = rows * weights[..., None, None]
    normal = torch.einsum("tlij,tlik->tjk", weighted, rows) + 1e-6 * torch.eye(3, device=rows.device)
    return torch.linalg.solve(normal, torch.einsum("tlij,tli->tj", weighted, wanted))


def _filled(transl: Tensor, told: NDArray[np.bool_]) -> Tensor:
    """Places (T, 3) with a straight line over the frames that are not told."""
    known = np.flatnonzero(told)
    values = transl.cpu().numpy()
    filled = np.stack([np.interp(np.arange(len(told)), known, values[known, axis]) for axis in range(3)], axis=-1)
    return torch.tensor(filled, dtype=transl.dtype, device=transl.device)


def _tensor(array: Floats, body: TorchBody) -> Tensor:
    return torch.tensor(np.asarray(array), dtype=torch.float32, device=body.v_template.device)
