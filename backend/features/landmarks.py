"""What a network sees of BlazePose's landmarks: numbers for each frame, and the encoder that makes features of them.

The landmarks are told in a square box about the person, which moves and grows smoothly; beside them stand how well each
is seen, BlazePose's own 3D scaled to the picture, where the box lies before the camera and how it moves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from backend.models import crop_camera, rotation6d
from backend.models.frame_features import FrameFeatures
from backend.models.regressor import MEAN_CAMERA
from backend.people.tracks import LANDMARK_COUNT
from smpl_rig.skeleton import BETA_COUNT, JOINT_COUNT

#: Sides of the box are this many times the landmarks' extent.
BOX_MARGIN = 1.2
#: Deviation of the window over which boxes are averaged.
BOX_SMOOTHING_S = 0.1
#: Numbers that tell of one frame, see :func:`landmark_inputs`.
INPUT_SIZE = LANDMARK_COUNT * (2 + 1 + 3) + 1 + 1 + 3 + 3 + 1
FEATURE_SIZE = 512


@dataclass(frozen=True, eq=False)
class LandmarkInputs:
    """Frames as numbers.

    Attributes:
        values: (B, T, INPUT_SIZE).
        boxes: (B, T, 3) centre x, centre y and side, pixels.
        observed: (B, T) bool.
    """

    values: Tensor
    boxes: Tensor
    observed: Tensor


def landmark_inputs(
    landmarks2d: Tensor, landmarks3d: Tensor, trusted_3d: Tensor, observed: Tensor, times_s: Tensor, K: Tensor
) -> LandmarkInputs:
    """Brings landmarks into a form that is the same wherever in the picture a person is, and however large.

    Args:
        landmarks2d: (B, T, 33, 3) pixel x, pixel y, visibility.
        landmarks3d: (B, T, 33, 3) BlazePose's 3D, metres, camera axes.
        trusted_3d: (B, T) bool, where it may be believed; zeros stand elsewhere.
        observed: (B, T) bool; what the others hold where it is False is not read.
        times_s: (B, T) seconds.
        K: (B or 1, 3, 3) intrinsics, pixels.
    """
    landmarks2d = torch.where(observed[..., None, None], landmarks2d, 0.0)
    trusted_3d = trusted_3d & observed
    world = torch.where(trusted_3d[..., None, None], landmarks3d, 0.0)
    boxes = smooth_boxes(_boxes(landmarks2d), observed, times_s)
    half = boxes[..., 2, None, None] / 2
    places = (landmarks2d[..., :2] - boxes[..., None, :2]) / half  # (B, T, 33, 2) in [-1, 1]
    visibility = landmarks2d[..., 2]
    scale = _world_scale(world, places, visibility)  # (B, T)
    step = _steps(times_s)
    moved = torch.diff(boxes, dim=1, prepend=boxes[:, :1]) / (step * boxes[..., 2])[..., None]
    values = torch.cat(
        (
            places.flatten(-2),
            visibility,
            (world * scale[..., None, None]).flatten(-2),
            trusted_3d[..., None].float(),
            torch.where(trusted_3d, scale, MEAN_CAMERA[0])[..., None],
            crop_camera.box_information(boxes, K),
            moved.clamp(-5, 5),
            step.log()[..., None] + 3.4,  # 0 at 30 frames per second
        ),
        dim=-1,
    )
    return LandmarkInputs(values, boxes, observed)


def _steps(times_s: Tensor) -> Tensor:
    """(B, T) seconds since the frame before; the first frame's as the second's, a frame's alone as at 30 a second."""
    if times_s.shape[1] == 1:
        return torch.full_like(times_s, 1 / 30)
    steps = torch.diff(times_s, dim=1)
    return torch.cat((steps[:, :1], steps), dim=1).clamp_min(1e-3)


def _boxes(landmarks2d: Tensor) -> Tensor:
    """(B, T, 3) square boxes about all landmarks."""
    low, high = landmarks2d[..., :2].amin(-2), landmarks2d[..., :2].amax(-2)
    side = BOX_MARGIN * (high - low).amax(-1, keepdim=True).clamp_min(1.0)
    return torch.cat(((low + high) / 2, side), dim=-1)


def smooth_boxes(boxes: Tensor, observed: Tensor, times_s: Tensor) -> Tensor:
    """Boxes (B, T, 3) averaged over time, the sides in their logarithm, from observed frames only."""
    frames = boxes.shape[1]
    if frames == 1:
        return boxes
    values = torch.cat((boxes[..., :2], boxes[..., 2:].log()), dim=-1)
    step = ((times_s[:, -1] - times_s[:, 0]) / (frames - 1)).amin().clamp_min(1e-3)
    reach = min(int(torch.ceil(3 * BOX_SMOOTHING_S / step)), frames - 1)
    weight_sum, value_sum = torch.zeros_like(times_s), torch.zeros_like(values)
    last = _last_observed(observed)
    held = torch.gather(values, 1, last[..., None].expand_as(values))
    seen = observed.to(values.dtype)
    for shift in range(-reach, reach + 1):
        # frame i sees frame i + shift
        here = slice(max(0, -shift), frames - max(0, shift))
        there = slice(max(0, shift), frames - max(0, -shift))
        apart = (times_s[:, there] - times_s[:, here]) / BOX_SMOOTHING_S
        weight = torch.exp(-0.5 * apart.square()) * seen[:, there]
        weight_sum[:, here] += weight
        value_sum[:, here] += weight[..., None] * values[:, there]
    # in the midst of a gap the last box stands
    smooth = (value_sum + 1e-6 * held) / (weight_sum + 1e-6)[..., None]
    return torch.cat((smooth[..., :2], smooth[..., 2:].exp()), dim=-1)


def _last_observed(observed: Tensor) -> Tensor:
    """(B, T) index of the last observed frame up to each frame, the first observed before it."""
    places = torch.arange(observed.shape[1], device=observed.device).expand_as(observed)
    last = torch.where(observed, places, torch.zeros_like(places)).cummax(1).values
    return torch.maximum(last, observed.int().argmax(1, keepdim=True))


def _world_scale(world: Tensor, places: Tensor, visibility: Tensor) -> Tensor:
    """(B, T): crop units in a metre of BlazePose's 3D, by least squares over what is seen."""
    weight = visibility[..., None]
    total = weight.sum(-2, keepdim=True).clamp_min(1e-6)
    across = world[..., :2] - (weight * world[..., :2]).sum(-2, keepdim=True) / total
    seen = places - (weight * places).sum(-2, keepdim=True) / total
    fitted = (weight * across * seen).sum((-1, -2)) / (weight * across.square()).sum((-1, -2)).clamp_min(1e-6)
    return fitted.clamp(0.2, 3.0)


class LandmarkEncoder(nn.Module):
    """A feature vector for each frame, from that frame alone, as ResNet-50 is in the papers; with a first estimate.

    Args:
        hidden: size of the layers and of the feature.
        blocks: residual blocks.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, hidden: int = FEATURE_SIZE, blocks: int = 3) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(INPUT_SIZE))
        self.register_buffer("deviation", torch.ones(INPUT_SIZE))
        self.first = nn.Linear(INPUT_SIZE, hidden)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.GELU(), nn.Dropout(0.05), nn.Linear(hidden, hidden)
            )
            for _ in range(blocks)
        )
        self.last = nn.LayerNorm(hidden)
        self.pose = nn.Linear(hidden, JOINT_COUNT * 6)
        self.shape = nn.Linear(hidden, BETA_COUNT)
        self.camera = nn.Linear(hidden, 3)
        for head in (self.pose, self.shape, self.camera):
            nn.init.xavier_uniform_(head.weight, gain=0.1)
        with torch.no_grad():
            self.pose.bias.copy_(rotation6d.identity(JOINT_COUNT).flatten())
            self.camera.bias.copy_(torch.tensor(MEAN_CAMERA))

    def forward(self, inputs: LandmarkInputs, K: Tensor) -> FrameFeatures:
        """Features of every frame.

        Args:
            inputs: of B clips.
            K: (B or 1, 3, 3) intrinsics, pixels.
        """
        hidden = self.first((inputs.values - self.mean) / self.deviation)  # (B, T, hidden)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        feature = self.last(hidden)
        return FrameFeatures(
            global_features=feature,
            observed=inputs.observed,
            initial_pose6d=self.pose(feature).unflatten(-1, (JOINT_COUNT, 6)),
            initial_betas=self.shape(feature),
            initial_camera=self.camera(feature),
            box_information=crop_camera.box_information(inputs.boxes, K),
        )
