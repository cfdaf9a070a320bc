import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from backend.body import TorchBody
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.models.mirroring import mirror_landmarks, mirror_rotations
from smpl_rig.body import Body
from smpl_rig.rotations import exp, to_matrix
from smpl_rig.skeleton import MIRROR

K = torch.tensor([[900.0, 0, 610], [0, 900, 360], [0, 0, 1]])


def drawn(seed: int) -> torch.Tensor:
    vectors = np.random.default_rng(seed).normal(0, 0.5, (1, 24, 3))
    return torch.tensor(to_matrix(exp(vectors)), dtype=torch.float32)


def test_a_mirrored_body_is_seen_in_the_mirror(torch_body: TorchBody, body: Body) -> None:
    """The joints of the mirrored pose are the joints in the mirror; so are the landmarks."""
    rotations, rest = drawn(0), torch_body.rest_joints(torch.zeros(1, 10))
    skin = LandmarkSkin(landmark_points(body))
    place = torch.tensor([[0.4, 0.1, 4.0]])
    across = torch.tensor([-1.0, 1.0, 1.0])

    def posed(local: torch.Tensor, pelvis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        turned, joints = torch_body.forward_kinematics(local, rest, pelvis - rest[:, 0])
        return joints, skin(turned, joints, rest, torch.zeros(1, 10))

    joints, points = posed(rotations, place)
    mirrored_joints, mirrored_points = posed(mirror_rotations(rotations), place * across)
    assert torch.allclose(mirrored_joints, (joints * across)[:, MIRROR], atol=0.01)

    def seen(points: torch.Tensor) -> torch.Tensor:
        pixels = points @ K.T
        return torch.cat((pixels[..., :2] / pixels[..., 2:], torch.ones_like(points[..., :1])), dim=-1)

    landmarks2d, landmarks3d = mirror_landmarks(seen(points), points, 610.0)
    assert (landmarks2d - seen(mirrored_points)).abs().max() < 5  # pixels; the body's halves differ by so little
    assert (landmarks3d - mirrored_points).abs().max() < 0.02


@given(st.integers(0, 10_000))
def test_the_mirrors_mirror_is_the_thing_itself(seed: int) -> None:
    rotations = drawn(seed)
    assert torch.allclose(mirror_rotations(mirror_rotations(rotations)), rotations)
    landmarks = torch.randn(4, 33, 3, generator=torch.Generator().manual_seed(seed))
    once = mirror_landmarks(landmarks, landmarks, 0.3)
    again = mirror_landmarks(*once, 0.3)
    assert torch.allclose(again[0], landmarks, atol=1e-5)
    assert torch.allclose(again[1], landmarks)
