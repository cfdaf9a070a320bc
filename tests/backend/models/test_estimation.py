from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.features.landmarks import LandmarkEncoder
from backend.models import rotation6d
from backend.models.estimation import (
    Asked,
    LandmarkNetwork,
    Together,
    estimate_body,
    once,
    place_before_camera,
    with_mirror_image,
)
from backend.models.frame_features import Estimate, FrameFeatures
from backend.models.temporal_network import Frames, TemporalNetwork, one_frame_out
from backend.people.tracks import Track
from smpl_rig import rotations
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX

K = np.array([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]])
#: Rotations about x by such an angle, of every joint.
ANGLE = 0.1
KNEES = [INDEX[f"{side}_knee"] for side in ("left", "right")]
BETAS = torch.linspace(-0.5, 0.5, 10)


class AlwaysBent(TemporalNetwork):
    """Answers the same whatever it sees."""

    window = one_frame_out(3, 1)

    def per_frame(self, features: FrameFeatures) -> dict[str, torch.Tensor]:
        return {"seen": features.global_features}

    def over_window(self, frames: Frames) -> Estimate:
        count = len(frames.observed)
        return Estimate(
            rotation6d.from_matrix(bent(count, 1)),
            BETAS.expand(count, 1, -1),
            torch.tensor([0.9, 0.0, 0.0]).expand(count, 1, -1),
            frames.frame_indices[:, 1:2],
        )


def bent(*shape: int) -> torch.Tensor:
    cos, sin = np.cos(ANGLE), np.sin(ANGLE)
    return torch.tensor([[1, 0, 0], [0, cos, -sin], [0, sin, cos]], dtype=torch.float32).expand(*shape, 24, 3, 3)


@pytest.fixture(scope="module")
def skin(body: Body) -> LandmarkSkin:
    return LandmarkSkin(landmark_points(body))


@pytest.fixture(scope="module")
def seen(torch_body: TorchBody, skin: LandmarkSkin) -> Callable[[np.ndarray, np.ndarray], Track]:
    """The bent body at places (T, 3), seen without any error in the frames that are observed."""

    def see(pelvis: np.ndarray, observed: np.ndarray) -> Track:
        count = len(pelvis)
        rest = torch_body.rest_joints(BETAS[None])
        turned, joints = torch_body.forward_kinematics(
            bent(count), rest.expand(count, -1, -1), torch.tensor(pelvis, dtype=torch.float32) - rest[:, 0]
        )
        points = skin(turned, joints, rest.expand(count, -1, -1), BETAS.expand(count, -1)).numpy()
        pixels = points @ K.T
        landmarks2d = np.concatenate((pixels[..., :2] / pixels[..., 2:], np.ones((count, 33, 1))), axis=-1)
        landmarks2d[~observed] = (np.nan, np.nan, 0.0)
        low, high = landmarks2d[..., :2].min(axis=1), landmarks2d[..., :2].max(axis=1)
        landmarks3d = np.where(observed[:, None, None], points - points.mean(axis=1, keepdims=True), np.nan)
        boxes = np.concatenate((low, high - low), axis=-1)
        return Track(0, np.arange(count), np.arange(count) / 30, landmarks2d, landmarks3d, boxes, observed)

    return see


Seen = Callable[[np.ndarray, np.ndarray], Track]


def path(count: int) -> np.ndarray:
    """Past the camera, nearer and nearer."""
    along = np.linspace(0, 1, count)
    return np.stack((-0.8 + 1.6 * along, 0.1 + 0 * along, 5.0 - 1.5 * along), axis=-1)


def answered(track: Track, body: TorchBody, skin: LandmarkSkin, betas: np.ndarray | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    torch.manual_seed(0)
    network = LandmarkNetwork(LandmarkEncoder(), AlwaysBent()).eval()
    return estimate_body(track, track.observed, K, body, skin, network, betas)


def test_a_body_is_placed_where_it_is_seen(torch_body: TorchBody, skin: LandmarkSkin, seen: Seen) -> None:
    track = seen(path(12), np.ones(12, dtype=bool))
    transl, residual = place_before_camera(track, K, bent(12), BETAS, torch_body, skin)
    pelvis = transl + torch_body.rest_joints(BETAS[None])[0, 0].numpy()
    assert np.allclose(pelvis, path(12), atol=2e-3)
    assert residual.max() < 1e-4


def test_gaps_are_bridged_in_a_straight_line(torch_body: TorchBody, skin: LandmarkSkin, seen: Seen) -> None:
    observed = np.ones(12, dtype=bool)
    observed[4:9] = False
    transl, _ = place_before_camera(seen(path(12), observed), K, bent(12), BETAS, torch_body, skin)
    assert np.allclose(transl + torch_body.rest_joints(BETAS[None])[0, 0].numpy(), path(12), atol=2e-3)


def test_a_frame_that_shows_something_else_tells_no_place(
    torch_body: TorchBody, skin: LandmarkSkin, seen: Seen
) -> None:
    """Least squares would bring landmarks that are in no body's order right before the camera."""
    track = seen(path(12), np.ones(12, dtype=bool))
    track.landmarks2d[6] = track.landmarks2d[6, np.random.default_rng(0).permutation(33)]
    transl, residual = place_before_camera(track, K, bent(12), BETAS, torch_body, skin)
    assert np.allclose(transl + torch_body.rest_joints(BETAS[None])[0, 0].numpy(), path(12), atol=2e-3)
    assert residual[6].mean() > 0.2, "and is not believed"
    everywhere = replace(track, landmarks2d=np.roll(track.landmarks2d, 7, axis=1))
    assert np.isfinite(place_before_camera(everywhere, K, bent(12), BETAS, torch_body, skin)[0]).all()


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_networks_answer_becomes_a_body_before_the_camera(
    count: int, torch_body: TorchBody, skin: LandmarkSkin, seen: Seen
) -> None:
    found = answered(seen(path(count), np.ones(count, dtype=bool)), torch_body, skin)
    assert np.allclose(found.rotations, bent(count).numpy(), atol=1e-5)
    assert np.allclose(found.betas, BETAS, atol=1e-6)
    assert np.allclose(found.transl + torch_body.rest_joints(BETAS[None])[0, 0].numpy(), path(count), atol=2e-3)
    assert found.confidence.min() > 0.9


def test_frames_before_the_person_appears_hold_the_first_answer(
    torch_body: TorchBody, skin: LandmarkSkin, seen: Seen
) -> None:
    observed = np.arange(20) >= 5
    found = answered(seen(path(20), observed), torch_body, skin)
    assert np.isfinite(found.rotations).all()
    assert np.isfinite(found.transl).all()
    assert (found.confidence[:5] == 0).all()
    assert (found.confidence[5:] > 0.9).all()


def test_another_body_has_a_shape_of_its_own(torch_body: TorchBody, skin: LandmarkSkin, seen: Seen) -> None:
    track = seen(path(5), np.ones(5, dtype=bool))
    found = answered(track, torch_body, skin, np.zeros(10))
    assert (found.betas == 0).all()
    # this one is larger than the one that was seen: so it is thought to be farther away
    heights = [float(np.ptp(torch_body.rest_joints(torch.tensor(betas)[None].float())[0, :, 1].numpy())) for betas in
               (np.zeros(10), BETAS.numpy())]  # fmt: skip
    depth = found.transl[0, 2] / path(5)[0, 2]
    assert depth == pytest.approx(heights[0] / heights[1], rel=0.05)


def test_fast_footage_gives_what_every_second_frame_gives(
    torch_body: TorchBody, skin: LandmarkSkin, seen: Seen
) -> None:
    """A network that answers by what it sees, at 60 frames per second."""

    class Seeing(AlwaysBent):
        def over_window(self, frames: Frames) -> Estimate:
            estimate = super().over_window(frames)
            lean = frames.work["seen"][:, :, :144].mean(1, keepdim=True).unflatten(-1, (24, 6))
            return replace(estimate, pose6d=estimate.pose6d + 0.1 * lean)

    torch.manual_seed(0)
    network = LandmarkNetwork(LandmarkEncoder(), Seeing()).eval()
    slow = seen(path(21), np.ones(21, dtype=bool))
    fast = seen(path(41), np.ones(41, dtype=bool))
    fast = replace(fast, timestamps_s=fast.timestamps_s / 2)
    one = estimate_body(slow, slow.observed, K, torch_body, skin, network)
    two = estimate_body(fast, fast.observed, K, torch_body, skin, network)
    assert np.allclose(two.rotations[::2], one.rotations, atol=1e-4)


def test_several_networks_answer_with_their_mean(torch_body: TorchBody, skin: LandmarkSkin, seen: Seen) -> None:
    class AlwaysStraight(AlwaysBent):
        def over_window(self, frames: Frames) -> Estimate:
            estimate = super().over_window(frames)
            straight = rotation6d.identity(24).expand_as(estimate.pose6d)
            return replace(estimate, pose6d=straight, betas=-BETAS.expand_as(estimate.betas))

    torch.manual_seed(0)
    together = Together([LandmarkNetwork(LandmarkEncoder(), part).eval() for part in (AlwaysBent(), AlwaysStraight())])
    track = seen(path(9), np.ones(9, dtype=bool))
    found = estimate_body(track, track.observed, K, torch_body, skin, together)
    cos, sin = np.cos(ANGLE / 2), np.sin(ANGLE / 2)
    assert np.allclose(found.rotations, [[1, 0, 0], [0, cos, -sin], [0, sin, cos]], atol=1e-4)
    assert np.allclose(found.betas, 0, atol=1e-6)


def test_a_network_that_favours_one_side_is_set_right_by_the_mirror_image(
    torch_body: TorchBody, skin: LandmarkSkin, seen: Seen
) -> None:
    class BendsTheLeft(AlwaysBent):
        """Whatever it sees, the left knee is bent and the right one straight."""

        def over_window(self, frames: Frames) -> Estimate:
            estimate = super().over_window(frames)
            pose = rotation6d.identity(24).repeat(*estimate.pose6d.shape[:2], 1, 1)
            pose[:, :, KNEES[0]] = estimate.pose6d[:, :, KNEES[0]]
            return replace(estimate, pose6d=pose)

    torch.manual_seed(0)
    network = LandmarkNetwork(LandmarkEncoder(), BendsTheLeft()).eval()
    track = seen(path(9), np.ones(9, dtype=bool))

    def angles(asked: Asked) -> tuple[float, float]:
        found = estimate_body(track, track.observed, K, torch_body, skin, network, asked=asked)
        left, right = (rotations.log(rotations.from_matrix(found.rotations[4, knee].astype(float))) for knee in KNEES)
        return float(np.linalg.norm(left)), float(np.linalg.norm(right))

    assert angles(once) == pytest.approx((ANGLE, 0.0), abs=1e-4)
    assert angles(with_mirror_image) == pytest.approx((ANGLE / 2, ANGLE / 2), abs=1e-4)
