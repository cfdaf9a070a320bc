import numpy as np
import torch

from backend.features.initial_pose.first_pose import kabsch
from smpl_rig import rotations


def test_kabsch_finds_the_rotation_and_never_a_reflection() -> None:
    random = np.random.default_rng(1)
    points = random.normal(size=(20, 4, 3))
    turn = rotations.to_matrix(rotations.exp(random.normal(size=(20, 3))))
    found = kabsch(torch.tensor(points).float(), torch.tensor(points @ turn.swapaxes(1, 2)).float()).numpy()
    np.testing.assert_allclose(found, turn, atol=1e-4)
    mirrored = torch.tensor(points * np.array([-1, 1, 1])).float()
    np.testing.assert_allclose(torch.det(kabsch(torch.tensor(points).float(), mirrored)).numpy(), 1, atol=1e-5)
