"""Pose without a network: a body fitted to the landmarks of every frame, all frames of a clip at once.

A maximum a-posteriori fit (in the manner of SMPLify, Bogo et al. 2016, and of its successors over time): the landmarks
in the picture are the evidence, BlazePose's own 3D is weak evidence of what the picture cannot tell, and beside them
stand what is known of bodies: one shape for each person, how far joints bend, and how fast limbs and bodies change
their speed. The last term is physical and set wide, so that it decides only where the evidence is silent (depth, hidden
limbs, gaps); it does not smooth what was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backend.body import TorchBody
from backend.people.tracks import LANDMARK_INDEX, LANDMARK_NAMES, Track
from smpl_rig.rotations import from_matrix, log
from smpl_rig.skeleton import BETA_COUNT, INDEX, JOINT_COUNT, JOINT_NAMES

from .landmark_points import LandmarkPoints, LandmarkSkin
from .torso_occlusion import TORSO, WRISTS, wrists_behind

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class BodyInCamera:
    """A person in the camera's axes (OpenCV).

    Attributes:
        rotations: (T, 24, 3, 3) local rotations; the pelvis's is its orientation in camera axes.
        betas: (10,) shape, the same in every frame.
        transl: (T, 3) metres; the pelvis lies at ``rest_joints[0] + transl``.
        confidence: (T, 24) in [0, 1].
    """

    rotations: Floats
    betas: Floats
    transl: Floats
    confidence: Floats


@dataclass(frozen=True)
class FitSettings:
    """Deviations that say how much each kind of evidence is believed.

    Attributes:
        image: of landmarks in the picture, as a part of the person's height in it.
        world: of BlazePose's 3D, metres, across and along the line of sight.
        world_weight: how much a landmark of BlazePose's 3D counts beside the same one in the picture.
        usual: of joints from how they usually turn, in the deviations that each joint has of its own.
        angular_acceleration: of joints, rad/s^2.
        acceleration: of the body across and along the line of sight, m/s^2.
        beta: of the shape coefficients.
        iterations: of Adam for the pose; the shape takes half as many.
        frames_at_once: longest stretch that is fitted together; neighbours overlap by ``overlap`` frames.
        guess_joints: of a network's joints from the pelvis, metres.
        guess_rotations: of a network's rotations, radians.
        behind: how far a wrist that the trunk hides lies behind the trunk's middle at least, metres, and how far it may
            be from that.
    """

    image: float = 0.02
    world: tuple[float, float] = (0.15, 0.35)
    world_weight: float = 0.3
    usual: float = 1.4
    angular_acceleration: float = 60.0
    acceleration: tuple[float, float] = (12.0, 6.0)
    beta: float = 1.0
    iterations: int = 200
    frames_at_once: int = 400
    overlap: int = 40
    frames_for_shape: int = 100
    guess_joints: float = 0.09
    guess_rotations: float = 0.6
    behind: tuple[float, float] = (0.12, 0.04)


#: How far each joint usually turns from the T-pose, radians about its x, y and z axes (body frame). The middle of the
#: range comes first, then the deviation. Left side; the right side mirrors y and z.
_USUAL: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "hip": ((-0.3, 0.0, 0.0), (0.9, 0.5, 0.4)),
    "knee": ((0.4, 0.0, 0.0), (0.9, 0.12, 0.12)),
    "ankle": ((0.0, 0.0, 0.0), (0.4, 0.25, 0.25)),
    "foot": ((0.0, 0.0, 0.0), (0.15, 0.05, 0.05)),
    "spine1": ((0.05, 0.0, 0.0), (0.25, 0.15, 0.15)),
    "spine2": ((0.05, 0.0, 0.0), (0.25, 0.15, 0.15)),
    "spine3": ((0.0, 0.0, 0.0), (0.15, 0.15, 0.15)),
    "neck": ((0.0, 0.0, 0.0), (0.35, 0.4, 0.25)),
    "head": ((0.0, 0.0, 0.0), (0.3, 0.4, 0.2)),
    "collar": ((0.0, 0.0, -0.05), (0.1, 0.2, 0.2)),
    "shoulder": ((0.0, -0.2, -0.8), (0.7, 0.7, 0.8)),
    "elbow": ((0.0, -0.6, 0.0), (0.4, 0.9, 0.2)),
    "wrist": ((0.0, 0.0, 0.0), (0.2, 0.3, 0.3)),
    "hand": ((0.0, 0.0, 0.0), (0.05, 0.05, 0.05)),
}
#: Hinges do not bend backwards: joint, axis and the sign in which the left one bends.
_HINGES = (("knee", 0, 1.0, 1.0), ("elbow", 1, -1.0, 1.0))
_HINGE_DEVIATION = 0.05
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
#: Limbs whose first direction is read from BlazePose's 3D: joint, landmarks at its two ends.
_LIMBS = (
    ("shoulder", "shoulder", "elbow"),
    ("elbow", "elbow", "wrist"),
    ("hip", "hip", "knee"),
    ("knee", "knee", "ankle"),
)
_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
#: Landmarks by whose visibility each joint is judged; joints left out follow their parents.
_SEEN_BY: dict[str, tuple[str, ...]] = {
    "pelvis": ("left_hip", "right_hip"),
    "spine1": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
    "neck": ("nose", "left_ear", "right_ear"),
    "left_collar": ("left_shoulder",),
    "right_collar": ("right_shoulder",),
    **{
        f"{side}_{joint}": tuple(f"{side}_{landmark}" for landmark in landmarks)
        for side in ("left", "right")
        for joint, landmarks in {
            "hip": ("hip", "knee"),
            "knee": ("knee", "ankle"),
            "ankle": ("ankle", "heel", "foot_index"),
            "shoulder": ("shoulder", "elbow"),
            "elbow": ("elbow", "wrist"),
            "wrist": ("wrist", "index", "pinky"),
        }.items()
    },
}


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
            answer onto the landmarks in the picture, and a little nearer to BlazePose's 3D.
        turns: (T, 3, 3) from the camera's axes in each frame to axes that stand still, in which bodies change their
            speed as bodies do; None if the camera stands still.
    """
    settings = settings or FitSettings()
    fit = _Fit(track, trusted_3d, K, body, points, settings, guess, turns)
    sample = fit.sample_for_shape()
    betas = torch.zeros(BETA_COUNT, device=fit.device) if guess is None else fit.guessed_betas
    shaping = fit.run(sample, betas, settings.iterations // 2, shape_is_free=True)
    betas = shaping.betas
    local = np.empty((len(track), JOINT_COUNT, 3, 3), dtype=np.float32)
    transl = np.empty((len(track), 3), dtype=np.float32)
    residual = np.empty((len(track), len(LANDMARK_NAMES)), dtype=np.float32)
    for keep, stretch in _stretches(len(track), settings):
        done = fit.run(np.arange(stretch.start, stretch.stop), betas, settings.iterations, shape_is_free=False)
        inside = slice(keep.start - stretch.start, keep.stop - stretch.start)
        local[keep] = done.local[inside].cpu().numpy()
        transl[keep] = done.transl[inside].cpu().numpy()
        residual[keep] = done.residual[inside].cpu().numpy()
        progress(keep.stop / len(track))
    return BodyInCamera(local, betas.cpu().numpy(), transl, confidence(track, residual, settings))


def confidence(track: Track, residual: Floats, settings: FitSettings) -> Floats:
    """(T, 24): visibility of a joint's landmarks, less where the fit lies far from them; 0 where not observed.

    Args:
        track: the landmarks.
        residual: (T, 33) distance of fit and landmark, parts of the person's height.
        settings: for the deviation of landmarks.
    """
    agreement = np.exp(-0.5 * (residual / (3 * settings.image)) ** 2)
    seen = track.landmarks2d[..., 2] * np.nan_to_num(agreement) * track.observed[:, None]  # (T, 33)
    result = np.zeros((len(track), JOINT_COUNT))
    # joints without landmarks of their own follow the nearest joint above that has them
    follows = {"spine2": "spine1", "spine3": "spine1", "head": "neck"}
    for joint, name in enumerate(JOINT_NAMES):
        source = follows.get(name, name.replace("foot", "ankle").replace("hand", "wrist"))
        result[:, joint] = seen[:, [LANDMARK_INDEX[landmark] for landmark in _SEEN_BY[source]]].mean(axis=1)
    return np.clip(result, 0, 1)


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
class _Solution:
    local: Tensor  # (T, 24, 3, 3)
    transl: Tensor  # (T, 3)
    betas: Tensor  # (10,)
    residual: Tensor  # (T, 33)


class _Fit:
    """The evidence of one track as tensors, and the fit of any of its frames."""

    def __init__(
        self,
        track: Track,
        trusted_3d: NDArray[np.bool_],
        K: Floats,
        body: TorchBody,
        points: LandmarkPoints,
        settings: FitSettings,
        guess: BodyInCamera | None,
        turns: Floats | None,
    ) -> None:
        self.device = body.v_template.device
        self._body, self._settings, self._track = body, settings, track
        self._skin = LandmarkSkin(points).to(self.device)
        self._K = self._tensor(K)
        weight = np.array([_landmark_weight(name) for name in LANDMARK_NAMES])
        seen = track.observed[:, None] * track.landmarks2d[..., 2] * weight  # (T, 33)
        self._image = self._tensor(np.nan_to_num(track.landmarks2d[..., :2]))
        self._image_weight = self._tensor(seen)
        self._height = self._tensor(track.heights_px)
        self._trusted = self._tensor(trusted_3d.astype(float))
        self._behind = self._tensor(wrists_behind(track))
        world, world_weight = _filled_world(track, trusted_3d)
        if guess is not None:  # which knows more than what is barely believed
            world_weight = np.where(trusted_3d, world_weight, 0.0)
        self._world, self._world_weight = self._tensor(world), self._tensor(world_weight[:, None] * weight)
        self._times = self._tensor(track.timestamps_s - track.timestamps_s[0])
        middle, spread = _usual_pose()
        self._usual, self._spread = self._tensor(middle), self._tensor(spread)
        self._turns = None if turns is None else self._tensor(turns)
        self._guess = None if guess is None else self._tensor(guess.rotations)
        self.guessed_betas = self._tensor(np.zeros(BETA_COUNT) if guess is None else guess.betas)

    def _tensor(self, array: Floats) -> Tensor:
        return torch.tensor(np.asarray(array), dtype=torch.float32, device=self.device)

    def sample_for_shape(self) -> NDArray[np.intp]:
        """Indices of frames in which the whole person is seen best, spread over the track."""
        observed = np.flatnonzero(self._track.observed)
        count = min(len(observed), self._settings.frames_for_shape)
        return observed[np.linspace(0, len(observed) - 1, count).astype(int)]

    def run(self, frames: NDArray[np.intp], betas: Tensor, iterations: int, shape_is_free: bool) -> _Solution:
        """Fits the frames (indices into the track); without a free shape they must be consecutive."""
        chosen = torch.as_tensor(frames, device=self.device)
        base, bend = self._first_pose(chosen, betas)
        turn = torch.zeros_like(bend[:, 0])
        transl = self._first_transl(chosen, base, bend, betas)
        depth = transl[:, 2:].clamp(min=0.3).log()
        ray = transl[:, :2] / transl[:, 2:].clamp(min=0.3)
        free = [turn, bend, ray, depth] + ([betas := betas.clone()] if shape_is_free else [])
        for parameter in free:
            parameter.requires_grad_(True)
        optimiser = torch.optim.Adam(
            [
                {"params": [turn, bend], "lr": 0.05},
                {"params": [ray, depth], "lr": 0.01},
                {"params": free[4:], "lr": 0.05},
            ]
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, [0.06, 0.012, 0.06], total_steps=iterations, pct_start=0.2, final_div_factor=50
        )
        for _ in range(iterations):
            optimiser.zero_grad(set_to_none=True)
            transl = torch.cat((ray, torch.ones_like(depth)), dim=1) * depth.exp()
            loss = self._loss(chosen, self._local(base, turn, bend), transl, betas, bend, coupled=not shape_is_free)
            loss.backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            local = self._local(base, turn, bend)
            transl = torch.cat((ray, torch.ones_like(depth)), dim=1) * depth.exp()
            residual = self._residual(chosen, self._landmarks(local, transl, betas))
            return _Solution(local, transl - self._body.rest_joints(betas[None])[0, 0], betas.detach(), residual)

    @staticmethod
    def _local(base: Tensor, turn: Tensor, bend: Tensor) -> Tensor:
        """(T, 24, 3, 3): the pelvis turns from its first orientation, the other joints from the T-pose."""
        root = base @ matrix_from_rotation_vector(turn)
        return torch.cat((root[:, None], matrix_from_rotation_vector(bend[:, 1:])), dim=1)

    def _landmarks(self, local: Tensor, pelvis: Tensor, betas: Tensor) -> Tensor:
        """(T, 33, 3) in camera axes, from the pelvis's place (T, 3)."""
        joints = self._body.rest_joints(betas[None])  # (1, 24, 3)
        turned, places = self._body.forward_kinematics(local, joints, pelvis - joints[:, 0])
        return self._skin(turned, places, joints, betas[None])

    def _residual(self, chosen: Tensor, landmarks: Tensor) -> Tensor:
        """(T, 33) distance in the picture, parts of the person's height."""
        projected = landmarks @ self._K.T
        pixels = projected[..., :2] / projected[..., 2:].clamp(min=0.1)
        squared = (pixels - self._image[chosen]).square().sum(dim=-1)
        return (squared + 1e-6).sqrt() / self._height[chosen, None]

    def _loss(
        self, chosen: Tensor, local: Tensor, pelvis: Tensor, betas: Tensor, bend: Tensor, coupled: bool
    ) -> Tensor:
        settings = self._settings
        landmarks = self._landmarks(local, pelvis, betas)
        image = _robust(self._residual(chosen, landmarks) / settings.image) * self._image_weight[chosen]
        loss = image.sum() + self._hinges(bend).sum()
        loss = loss + self._far_from_world(chosen, landmarks) + self._through_trunk(chosen, landmarks)
        if self._guess is None:
            loss = loss + self._unusual(bend)
        else:
            loss = loss + self._far_from_guess(self._guess[chosen], local, betas)
        if coupled and len(chosen) > 2:
            loss = loss + self._accelerations(chosen, local, pelvis)
        return loss + 0.5 * len(chosen) ** 0.5 * (betas / settings.beta).square().sum()

    def _far_from_world(self, chosen: Tensor, landmarks: Tensor) -> Tensor:
        """From BlazePose's own 3D."""
        across, along = self._settings.world
        hips = landmarks[:, [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]].mean(dim=1, keepdim=True)
        deviation = torch.tensor([across, across, along], device=self.device)
        apart = (landmarks - hips - self._world[chosen] * self._world_scale(landmarks, hips, chosen)) / deviation
        world = _robust(apart.square().sum(dim=-1).add(1e-6).sqrt()) * self._world_weight[chosen]
        return self._settings.world_weight * world.sum()

    def _through_trunk(self, chosen: Tensor, landmarks: Tensor) -> Tensor:
        """Of wrists that the trunk hides, where they are not behind it."""
        least, deviation = self._settings.behind
        trunk = landmarks[:, TORSO]  # (T, 4, 3)
        behind = torch.einsum("twc,tc->tw", landmarks[:, WRISTS] - trunk.mean(dim=1, keepdim=True), _away(trunk))
        return 0.5 * (((least - behind).clamp(min=0) / deviation).square() * self._behind[chosen]).sum()

    def _unusual(self, bend: Tensor) -> Tensor:
        apart = (bend - self._usual) / (self._settings.usual * self._spread)
        return 0.5 * apart[:, 1:].square().sum()

    def _far_from_guess(self, guess: Tensor, local: Tensor, betas: Tensor) -> Tensor:
        """From a network's joints and rotations, on the same body."""
        rest = self._body.rest_joints(betas[None])
        _, joints = self._body.forward_kinematics(local, rest, -rest[:, 0].expand(len(local), -1))
        _, wanted = self._body.forward_kinematics(guess, rest, -rest[:, 0].expand(len(local), -1))
        apart = (joints - wanted).square().sum() / self._settings.guess_joints**2
        # half the squared norm of a rotation matrix's change is the square of the angle
        turned = 0.5 * (local - guess).square().sum() / self._settings.guess_rotations**2
        return 0.5 * (apart + turned)

    def _world_scale(self, landmarks: Tensor, hips: Tensor, chosen: Tensor) -> Tensor:
        """BlazePose thinks of a person of another size: the scale that fits best over all frames."""
        weight = self._world_weight[chosen].unsqueeze(-1)
        world = self._world[chosen]
        with torch.no_grad():
            extent = (weight * world.square()).sum().clamp(min=1e-6)
            fitted = (weight * (landmarks - hips).square()).sum()
            return (fitted / extent).sqrt().clamp(0.5, 2.0)

    def _accelerations(self, chosen: Tensor, local: Tensor, pelvis: Tensor) -> Tensor:
        step = self._times[chosen].diff()
        before, after = step[:-1], step[1:]
        share = (before + after) / 2

        def second(values: Tensor) -> Tensor:  # (T, ...) -> (T - 2, ...)
            shape = (-1,) + (1,) * (values.dim() - 1)
            rate = values.diff(dim=0) / step.view(shape)
            return rate.diff(dim=0) / share.view(shape)

        deviation = torch.tensor(
            [self._settings.acceleration[0]] * 2 + [self._settings.acceleration[1]], device=self.device
        )
        if self._turns is None:
            faster = second(pelvis)
        else:  # in axes that stand still, and then across and along the view again
            turns = self._turns[chosen]
            local = torch.cat(((turns @ local[:, 0])[:, None], local[:, 1:]), dim=1)
            steady = (turns @ pelvis.unsqueeze(-1)).squeeze(-1)
            faster = (turns[1:-1].transpose(1, 2) @ second(steady).unsqueeze(-1)).squeeze(-1)
        # half the squared norm of a rotation matrix's change is the square of the angle
        turning = 0.5 * second(local).square().sum(dim=(-1, -2)) / self._settings.angular_acceleration**2
        moving = (faster / deviation).square().sum(dim=-1)
        per_second = 0.5 * (turning.sum(dim=-1) + moving)
        return (per_second * share * 30).sum()

    @staticmethod
    def _hinges(bend: Tensor) -> Tensor:
        penalties = []
        for name, axis, left, mirrored in _HINGES:
            for side, sign in (("left", left), ("right", left * (mirrored if axis == 0 else -mirrored))):
                wrong_way = (-sign * bend[:, INDEX[f"{side}_{name}"], axis]).clamp(min=0)
                penalties.append(0.5 * (wrong_way / _HINGE_DEVIATION).square())
        return torch.stack(penalties, dim=1)

    def _first_pose(self, chosen: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Pelvis (T, 3, 3), and rotation vectors (T, 24, 3) of the other joints.

        From a guess, limbs begin half-way to where BlazePose's 3D points them: the fit finds a pose near by that agrees
        with the picture, and there are others.
        """
        if self._guess is None:
            return self._pose_by_world(chosen, betas)
        bend = rotation_vector_from_matrix(self._guess[chosen])
        _, pointed = self._pose_by_world(chosen, betas)
        limbs = [INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint, _, _ in _LIMBS]
        part = 0.5 * self._trusted[chosen, None, None]  # (T, 1, 1)
        bend[:, limbs] = torch.lerp(bend[:, limbs], pointed[:, limbs], part)
        return self._guess[chosen, 0], bend

    def _pose_by_world(self, chosen: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
        """Pelvis (T, 3, 3) from the torso of BlazePose's 3D, and rotation vectors (T, 24, 3) that point the limbs."""
        world = self._world[chosen]
        rest = self._skin.template + self._skin.shapedirs @ betas  # (33, 3)
        torso = [LANDMARK_INDEX[name] for name in _TORSO]
        root = kabsch(rest[torso].expand(len(world), -1, -1), world[:, torso])
        bend = self._usual.expand(len(world), -1, -1).clone()
        above: dict[str, Tensor] = {}
        for side in ("left", "right"):
            for joint, start, end in _LIMBS:
                ends = [LANDMARK_INDEX[f"{side}_{start}"], LANDMARK_INDEX[f"{side}_{end}"]]
                parent = above.get(f"{side}_{ {'elbow': 'shoulder', 'knee': 'hip'}.get(joint, '') }", root)
                wanted = world[:, ends[1]] - world[:, ends[0]]
                local_wanted = (parent.transpose(1, 2) @ wanted.unsqueeze(-1)).squeeze(-1)
                vector = _swing(rest[ends[1]] - rest[ends[0]], local_wanted)
                bend[:, INDEX[f"{side}_{joint}"]] = vector
                above[f"{side}_{joint}"] = parent @ matrix_from_rotation_vector(vector)
        return root, bend

    def _first_transl(self, chosen: Tensor, base: Tensor, bend: Tensor, betas: Tensor) -> Tensor:
        """(T, 3) pelvis: least squares of the pinhole equations, which are linear in it."""
        local = self._local(base, torch.zeros_like(bend[:, 0]), bend)
        points = self._landmarks(local, torch.zeros_like(bend[:, 0]), betas)  # about the pelvis
        rays = torch.linalg.solve(self._K, homogeneous(self._image[chosen]).transpose(1, 2)).transpose(1, 2)
        weight = self._image_weight[chosen].clamp(min=1e-4)
        rows, targets = [], []
        for axis in (0, 1):
            row = torch.zeros_like(points)
            row[..., axis] = 1
            row[..., 2] = -rays[..., axis]
            rows.append(row * weight.unsqueeze(-1))
            targets.append((rays[..., axis] * points[..., 2] - points[..., axis]) * weight)
        system, target = torch.cat(rows, dim=1), torch.cat(targets, dim=1).unsqueeze(-1)
        gram = system.transpose(1, 2) @ system + 1e-8 * torch.eye(3, device=self.device)
        transl = torch.linalg.solve(gram, system.transpose(1, 2) @ target).squeeze(-1)
        return self._bridge(chosen, transl)

    def _bridge(self, chosen: Tensor, transl: Tensor) -> Tensor:
        """Takes the place of frames that saw nobody, or saw them nowhere, from their neighbours in time."""
        places, times = transl.cpu().numpy(), self._times[chosen].cpu().numpy()
        good = self._track.observed[chosen.cpu().numpy()] & (places[:, 2] > 0.3) & (places[:, 2] < 200)
        if not good.any():
            places, good = np.tile([0.0, 0.0, 4.0], (len(places), 1)), np.ones(len(places), dtype=bool)
        if self._turns is None:
            return self._tensor(_interpolated(places, times, good))
        turns = self._turns[chosen].cpu().numpy()
        steady = _interpolated(np.einsum("tij,tj->ti", turns, places), times, good)
        return self._tensor(np.einsum("tji,tj->ti", turns, steady))


def _interpolated(places: Floats, times: Floats, good: NDArray[np.bool_]) -> Floats:
    """(T, 3) straight ways over the frames that are not good."""
    return np.stack([np.interp(times, times[good], places[good, axis]) for axis in range(3)], axis=-1)


def _landmark_weight(name: str) -> float:
    return next((weight for part, weight in _LANDMARK_WEIGHT.items() if part in name), 1.0)


def _filled_world(track: Track, trusted: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(T, 33, 3) BlazePose's 3D, interpolated over frames that are not trusted, and (T,) how far to believe it."""
    if not trusted.any():  # everything was swapped or nothing is known: upright, facing the camera, barely believed
        return np.nan_to_num(track.landmarks3d), np.where(track.observed, 0.05, 0.0)
    flat = track.landmarks3d.reshape(len(track), -1)
    times = track.timestamps_s
    filled = np.stack([np.interp(times, times[trusted], column[trusted]) for column in flat.T], axis=-1)
    return filled.reshape(track.landmarks3d.shape), np.where(trusted, 1.0, 0.0)


def _usual_pose() -> tuple[Floats, Floats]:
    """(24, 3) middle and spread of each joint's rotation vector."""
    middle, spread = np.zeros((JOINT_COUNT, 3)), np.ones((JOINT_COUNT, 3))
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        side, _, part = name.rpartition("_")
        middle[joint], spread[joint] = _USUAL[part]
        if side == "right":
            middle[joint] *= (1, -1, -1)
    return middle, spread


def _away(trunk: Tensor) -> Tensor:
    """(T, 3) unit vectors through trunks (T, 4, 3), away from the camera: across the chest, or back, as it is seen.

    A trunk that is seen from the side hides what is farther away, so that then the line of sight takes its place.
    """
    across, along = trunk[:, 0] + trunk[:, 3] - trunk[:, 1] - trunk[:, 2], trunk[:, :2].sum(1) - trunk[:, 2:].sum(1)
    normal = torch.nn.functional.normalize(torch.linalg.cross(across, along), dim=-1)
    normal = normal * normal[:, 2:].sign()
    ahead = torch.tensor([0.0, 0.0, 1.0], device=trunk.device)
    return torch.nn.functional.normalize(torch.lerp(ahead.expand_as(normal), normal, normal[:, 2:]), dim=-1)


def _robust(residual: Tensor) -> Tensor:
    """Geman-McClure with its shoulder at three deviations: quadratic for what fits, flat for what cannot be right."""
    squared = residual.square()
    return 0.5 * 9 * squared / (9 + squared)


def homogeneous(pixels: Tensor) -> Tensor:
    """(..., 2) -> (..., 3)."""
    return torch.cat((pixels, torch.ones_like(pixels[..., :1])), dim=-1)


def matrix_from_rotation_vector(vector: Tensor) -> Tensor:
    """Rodrigues' formula, (..., 3) radians -> (..., 3, 3)."""
    angle = (vector.square().sum(dim=-1, keepdim=True) + 1e-12).sqrt()
    x, y, z = (vector / angle).unbind(dim=-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).reshape(*x.shape, 3, 3)
    sine, versine = angle.sin().unsqueeze(-1), (1 - angle.cos()).unsqueeze(-1)
    return torch.eye(3, device=vector.device) + sine * cross + versine * (cross @ cross)


def rotation_vector_from_matrix(matrix: Tensor) -> Tensor:
    """(..., 3, 3) -> (..., 3) radians, through quaternions, which are safe at half turns."""
    quaternion = from_matrix(matrix.cpu().double().numpy())
    return torch.tensor(log(quaternion), dtype=matrix.dtype, device=matrix.device)


def kabsch(source: Tensor, target: Tensor) -> Tensor:
    """The rotations (T, 3, 3) that bring centred (T, N, 3) source points nearest to the target (Kabsch 1976)."""
    a, b = source - source.mean(dim=1, keepdim=True), target - target.mean(dim=1, keepdim=True)
    u, _, v = torch.linalg.svd(b.transpose(1, 2) @ a)
    sign = torch.ones(len(a), 3, device=a.device)
    sign[:, 2] = torch.det(u @ v).sign()
    return (u * sign.unsqueeze(1)) @ v


def _swing(rest: Tensor, wanted: Tensor) -> Tensor:
    """Rotation vectors (T, 3) that turn direction ``rest`` (3,) the shortest way to directions ``wanted`` (T, 3)."""
    a = (rest / rest.norm()).expand_as(wanted)
    b = wanted / wanted.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    axis = torch.linalg.cross(a, b)
    sine, cosine = axis.norm(dim=-1, keepdim=True), (a * b).sum(dim=-1, keepdim=True)
    return axis / sine.clamp(min=1e-6) * torch.atan2(sine, cosine)
