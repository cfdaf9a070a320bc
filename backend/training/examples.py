"""Examples to learn from: bodies whose motion is known, filmed by a camera and seen by a detector."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin
from backend.features.landmarks import LandmarkInputs, landmark_inputs

from .cameras import CameraVariety, draw_cameras
from .detector import DetectorErrors, Observation, detect, misplacement, self_occlusion
from .occlusion import draw_boxes, hide_landmarks
from .variety import BodyMotion, Clips, MotionVariety, draw_motion


@dataclass(frozen=True)
class Variety:
    """All that is drawn anew for every clip.

    Attributes:
        motion: how library motion is stretched.
        camera: how it is filmed.
        detector: how it is seen.
        beta: deviation of the shape coefficients.
    """

    motion: MotionVariety = field(default_factory=MotionVariety)
    camera: CameraVariety = field(default_factory=CameraVariety)
    detector: DetectorErrors = field(default_factory=DetectorErrors)
    beta: float = 1.0


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of B clips of T frames, in the camera's axes (OpenCV).

    Attributes:
        rotations: (B, T, 24, 3, 3) local rotations, the pelvis's in camera axes.
        betas: (B, 10) shape.
        joints: (B, T, 24, 3) metres.
        landmarks: (B, T, 33, 3) metres, where BlazePose's landmarks really are.
        K: (B, 3, 3) pixels.
        image_size: (B, 2) pixels.
    """

    rotations: Tensor
    betas: Tensor
    joints: Tensor
    landmarks: Tensor
    K: Tensor
    image_size: Tensor


@dataclass(frozen=True, eq=False)
class Examples:
    """What is seen and what is true.

    Attributes:
        observation: what the detector saw.
        inputs: the same as a network reads it.
        truth: of all clips.
        occluded: the first clips once more, with parts of the person hidden; None if none were asked for.
    """

    observation: Observation
    inputs: LandmarkInputs
    truth: Truth
    occluded: LandmarkInputs | None = None


class ExampleSource:
    """Draws examples from clips of a motion library.

    Args:
        clips: the library's part for training, or for testing.
        body: the body that moves.
        skin: where the landmarks lie on it.
        variety: what is drawn anew.
        seed: the same seed draws the same examples.
    """

    def __init__(self, clips: Clips, body: TorchBody, skin: LandmarkSkin, variety: Variety, seed: int) -> None:
        self._clips, self._body, self._skin, self._variety = clips, body, skin, variety
        self._generator = torch.Generator(clips.rotations.device).manual_seed(seed)

    @torch.no_grad()
    def draw(self, count: int, frames: int, occluded: int = 0) -> Examples:
        """``count`` clips of ``frames`` frames, and ``occluded`` of them once more with parts of the person hidden."""
        motion = draw_motion(self._clips, count, frames, self._variety.motion, self._generator)
        truth = self._film(motion)
        errors = self._variety.detector
        observation = detect(
            self._misplaced(truth, errors),
            self_occlusion(truth.landmarks),
            truth.K,
            motion.times_s,
            truth.image_size,
            errors,
            self._generator,
        )
        inputs = _inputs(observation, truth.K)
        hidden = self._occluded(observation, inputs.boxes[..., 2], occluded) if occluded else None
        return Examples(observation, inputs, truth, None if hidden is None else _inputs(hidden, truth.K[:occluded]))

    def state(self) -> Tensor:
        """Where chance has come to; :meth:`restore` goes on from there."""
        return self._generator.get_state()

    def restore(self, state: Tensor) -> None:
        self._generator.set_state(state)

    def reseed(self, step: int) -> None:
        """Draws examples from here on that neither this source nor another one has drawn by that step of a run."""
        self._generator.manual_seed(self._generator.initial_seed() + 1_000_000_007 * step)

    def _occluded(self, seen: Observation, crop_sides: Tensor, count: int) -> Observation:
        """The first clips with boxes over some of their landmarks (:mod:`backend.training.occlusion`)."""
        landmarks2d, landmarks3d = seen.landmarks2d[:count], seen.landmarks3d[:count]
        visible = landmarks2d[..., 2] > 0
        boxes = draw_boxes(landmarks2d[..., :2], visible, crop_sides[:count], self._generator)
        landmarks2d, landmarks3d = hide_landmarks(landmarks2d, landmarks3d, boxes, self._generator)
        return Observation(
            landmarks2d, landmarks3d, seen.trusted_3d[:count], seen.observed[:count], seen.times_s[:count]
        )

    def _film(self, motion: BodyMotion) -> Truth:
        count = len(motion.times_s)
        betas = self._variety.beta * self._normal(count, 10)
        cameras = draw_cameras(motion.pelvis, motion.times_s, self._variety.camera, self._generator)
        rotations = motion.rotations.clone()
        rotations[:, :, 0] = cameras.camera_from_world @ rotations[:, :, 0]
        pelvis = (cameras.camera_from_world @ motion.pelvis.unsqueeze(-1)).squeeze(-1) + cameras.transl
        joints, landmarks = self._pose(rotations, betas, pelvis, None)
        return Truth(rotations, betas, joints, landmarks, cameras.K, cameras.image_size)

    def _misplaced(self, truth: Truth, errors: DetectorErrors) -> Tensor:
        """(B, T, 33, 3): the landmarks where the detector thinks that they lie on the body."""
        misplaced = misplacement(errors, len(truth.betas), self._generator)
        _, landmarks = self._pose(truth.rotations, truth.betas, truth.joints[:, :, 0], misplaced)
        return landmarks

    def _pose(
        self, rotations: Tensor, betas: Tensor, pelvis: Tensor, misplaced: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Joints (B, T, 24, 3) and landmarks (B, T, 33, 3) of bodies whose pelvis is at ``pelvis`` (B, T, 3)."""
        count, frames = rotations.shape[:2]
        each = betas.repeat_interleave(frames, 0)  # (B * T, 10)
        rest = self._body.rest_joints(each)
        turned, places = self._body.forward_kinematics(rotations.flatten(0, 1), rest, pelvis.flatten(0, 1) - rest[:, 0])
        offsets = None if misplaced is None else misplaced.repeat_interleave(frames, 0)
        landmarks = self._skin(turned, places, rest, each, offsets)
        return places.unflatten(0, (count, frames)), landmarks.unflatten(0, (count, frames))

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._generator, device=self._clips.rotations.device)


def _inputs(seen: Observation, K: Tensor) -> LandmarkInputs:
    return landmark_inputs(seen.landmarks2d, seen.landmarks3d, seen.trusted_3d, seen.observed, seen.times_s, K)
