"""The fit itself: Adam on poses, places and one shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkPoints
from backend.people.tracks import LANDMARK_NAMES, Track
from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

from . import energy
from .body_in_camera import BodyInCamera, confidence
from .evidence import Evidence, evidence
from .figure import Figure, local_rotations
from .first_pose import NEAREST_M, first_place, first_pose
from .settings import FitSettings
from .trust import between, doubt, doubtful_parts, doubting

Floats = NDArray[np.floating[Any]]

#: The learning rates of rotations, of places and of the shape, at their highest.
_TURNING, _MOVING, _SHAPING = 0.06, 0.012, 0.06

#: From the betas (10,) that were seen to those of the body that is posed.
Reshaping = Callable[[Floats], Floats]


def as_seen(betas: Floats) -> Floats:
    """The shape that was seen, where nothing else is known."""
    return betas


def solve(
    track: Track,
    trusted_3d: NDArray[np.bool_],
    K: Floats,
    body: TorchBody,
    points: LandmarkPoints,
    progress: Callable[[float], None],
    settings: FitSettings | None = None,
    guess: BodyInCamera | None = None,
    turns: Floats | None = None,
    betas: Floats | None = None,
    shaped: Reshaping = as_seen,
) -> BodyInCamera:
    """Fits a body to a track.

    Args:
        track: landmarks with left and right set right.
        trusted_3d: (T,) where BlazePose's 3D may be believed.
        K: (3, 3) pinhole camera, pixels.
        body: where the work is done is where this module lies.
        points: where the landmarks lie on this body.
        progress: is told the fraction done.
        settings: how much each kind of evidence is believed.
        guess: what a network answers for the same frames. It takes the place of what is usual: the fit then brings its
            answer onto the landmarks in the picture, and a little nearer to BlazePose's 3D. Where the picture speaks
            against it, it is believed less.
        turns: (T, 3, 3) from the camera's axes in each frame to axes that stand still, in which bodies change their
            speed as bodies do; None if the camera stands still.
        betas: (10,) shape, from whoever knows it better than the fit would, as networks do that learned from shapes of
            this very body; None has the landmarks tell it.
        shaped: what is known of the body beside that; the poses are those of the body that it gives.
    """
    settings = settings or FitSettings()
    figure = Figure.of(body, points)
    intrinsics = torch.tensor(np.asarray(K), dtype=torch.float32, device=figure.device)
    seen = evidence(track, trusted_3d, turns, None if guess is None else guess.rotations, figure.device)
    if betas is None:
        betas = _fit_shape(seen.of(_frames_for_shape(track, settings)), figure, intrinsics, settings).cpu().numpy()
    shape = torch.tensor(shaped(betas), dtype=torch.float32, device=figure.device)
    rest = figure.body.rest_joints(shape[None])[0, 0]
    local = np.empty((len(track), JOINT_COUNT, 3, 3), dtype=np.float32)
    transl = np.empty((len(track), 3), dtype=np.float32)
    residual = np.empty((len(track), len(LANDMARK_NAMES)), dtype=np.float32)
    for keep, stretch in _stretches(len(track), settings):
        frames = np.arange(stretch.start, stretch.stop)
        done = _fit_stretch(seen.of(frames), figure, intrinsics, shape, settings)
        inside = slice(keep.start - stretch.start, keep.stop - stretch.start)
        local[keep] = done.local[inside].cpu().numpy()
        transl[keep] = (done.pelvis[inside] - rest).cpu().numpy()
        residual[keep] = done.residual[inside].cpu().numpy()
        progress(keep.stop / len(track))
    return BodyInCamera(local, shape.cpu().numpy(), transl, confidence(track, residual, settings))


def _frames_for_shape(track: Track, settings: FitSettings) -> NDArray[np.intp]:
    """Indices of frames in which the person was seen, spread over the track."""
    observed = np.flatnonzero(track.observed)
    count = min(len(observed), settings.frames_for_shape)
    return observed[np.linspace(0, len(observed) - 1, count).astype(int)]


def _stretches(frames: int, settings: FitSettings) -> list[tuple[slice, slice]]:
    """What to keep, and what to fit for it: stretches that overlap, so that no seam is seen."""
    step = settings.frames_at_once
    return [
        (
            slice(start, min(start + step, frames)),
            slice(max(start - settings.overlap, 0), min(start + step + settings.overlap, frames)),
        )
        for start in range(0, frames, step)
    ]


@dataclass(frozen=True, eq=False)
class _Unknowns:
    """What Adam moves.

    Attributes:
        base: (T, 3, 3) first orientation of the pelvis, which stays.
        turn: (T, 3) rotation vectors of the pelvis from there.
        bend: (T, 24, 3) rotation vectors of the joints.
        ray: (T, 2) where the pelvis is seen, as x / z and y / z.
        depth: (T, 1) logarithm of its z.
    """

    base: Tensor
    turn: Tensor
    bend: Tensor
    ray: Tensor
    depth: Tensor

    @classmethod
    def first(cls, seen: Evidence, figure: Figure, K: Tensor, betas: Tensor) -> _Unknowns:
        """From which the fit begins."""
        base, bend = first_pose(seen, figure, betas)
        pelvis = first_place(seen, figure, K, base, bend, betas)
        z = pelvis[:, 2:].clamp(min=NEAREST_M)
        free = (torch.zeros_like(bend[:, 0]), bend, pelvis[:, :2] / z, z.log())
        return cls(base, *(each.requires_grad_(True) for each in free))

    @property
    def pelvis(self) -> Tensor:
        """(T, 3) metres, camera axes."""
        return torch.cat((self.ray, torch.ones_like(self.depth)), dim=1) * self.depth.exp()

    @property
    def local(self) -> Tensor:
        """(T, 24, 3, 3)."""
        return local_rotations(self.base, self.turn, self.bend)

    @property
    def steps(self) -> list[tuple[list[Tensor], float]]:
        """What is moved, by which learning rate at most."""
        return [([self.turn, self.bend], _TURNING), ([self.ray, self.depth], _MOVING)]


@dataclass(frozen=True, eq=False)
class _Poses:
    local: Tensor  # (T, 24, 3, 3)
    pelvis: Tensor  # (T, 3)
    residual: Tensor  # (T, 33)


def _fit_shape(seen: Evidence, figure: Figure, K: Tensor, settings: FitSettings) -> Tensor:
    """(10,) betas, by frames that need not follow on each other."""
    betas = torch.zeros(BETA_COUNT, device=figure.device)
    unknowns = _Unknowns.first(seen, figure, K, betas)
    betas.requires_grad_(True)

    def cost() -> Tensor:
        pelvis, local = unknowns.pelvis, unknowns.local
        frames = energy.of_frames(seen, figure, K, settings, local, unknowns.bend, pelvis, betas)
        return frames + energy.unlikely_shape(seen, betas, settings)

    _descend(cost, [*unknowns.steps, ([betas], _SHAPING)], settings.iterations // 2)
    return betas.detach()


def _fit_stretch(seen: Evidence, figure: Figure, K: Tensor, betas: Tensor, settings: FitSettings) -> _Poses:
    """Poses in consecutive frames, nearer to the picture where a network's answer proves wrong."""
    held = _fit_poses(seen, figure, K, betas, settings)
    parts = [] if seen.guess is None else doubtful_parts(seen, held.residual, settings)
    if not parts:
        return held
    local, pelvis, residual = held.local.clone(), held.pelvis.clone(), held.residual.clone()
    for part in parts:
        freed = _fit_poses(seen.of(part), figure, K, betas, doubting(settings))
        local[part], pelvis[part], residual[part] = freed.local, freed.pelvis, freed.residual
    share = doubt(seen, held.residual, residual, settings)[:, None]
    return _posed(seen, figure, K, betas, between(held.local, local, share), torch.lerp(held.pelvis, pelvis, share))


def _fit_poses(seen: Evidence, figure: Figure, K: Tensor, betas: Tensor, settings: FitSettings) -> _Poses:
    """Poses of a body of known shape in consecutive frames."""
    unknowns = _Unknowns.first(seen, figure, K, betas)

    def cost() -> Tensor:
        pelvis, local = unknowns.pelvis, unknowns.local
        frames = energy.of_frames(seen, figure, K, settings, local, unknowns.bend, pelvis, betas)
        return frames if len(seen) < 3 else frames + energy.accelerations(seen, local, pelvis, settings)

    _descend(cost, unknowns.steps, settings.iterations)
    with torch.no_grad():
        return _posed(seen, figure, K, betas, unknowns.local, unknowns.pelvis)


def _posed(seen: Evidence, figure: Figure, K: Tensor, betas: Tensor, local: Tensor, pelvis: Tensor) -> _Poses:
    return _Poses(local, pelvis, energy.residuals(seen, figure.landmarks(local, pelvis, betas), K))


def _descend(cost: Callable[[], Tensor], steps: list[tuple[list[Tensor], float]], iterations: int) -> None:
    """Brings a cost down in place, by Adam (Kingma and Ba 2015) with one cycle of learning rates (Smith 2018)."""
    optimiser = torch.optim.Adam([{"params": moved} for moved, _ in steps])
    rates = [rate for _, rate in steps]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rates, total_steps=iterations, pct_start=0.2, final_div_factor=50
    )
    for _ in range(iterations):
        optimiser.zero_grad(set_to_none=True)
        cost().backward()
        optimiser.step()
        schedule.step()
