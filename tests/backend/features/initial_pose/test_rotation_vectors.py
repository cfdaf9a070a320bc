import numpy as np
import torch

from backend.features.initial_pose import rotation_vectors
from smpl_rig import rotations


def test_matrices_agree_with_numpy() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 3))
    expected = rotations.to_matrix(rotations.exp(vectors))
    np.testing.assert_allclose(rotation_vectors.to_matrix(torch.tensor(vectors)).numpy(), expected, atol=1e-6)


def test_vectors_come_back_from_matrices() -> None:
    """Those shorter than half a turn."""
    vectors = np.random.default_rng(1).uniform(-1.8, 1.8, size=(50, 3))
    found = rotation_vectors.to_vector(rotation_vectors.to_matrix(torch.tensor(vectors)))
    np.testing.assert_allclose(found.numpy(), vectors, atol=1e-6)


def test_a_swing_is_the_shortest_way() -> None:
    random = np.random.default_rng(2)
    start, ends = random.normal(size=3), random.normal(size=(20, 3))
    vectors = rotation_vectors.swing(torch.tensor(start), torch.tensor(ends))
    turned = (rotation_vectors.to_matrix(vectors) @ torch.tensor(start)).numpy()
    cosine = (ends @ start) / np.linalg.norm(ends, axis=-1) / np.linalg.norm(start)
    np.testing.assert_allclose(turned / np.linalg.norm(start), ends / np.linalg.norm(ends, axis=-1)[:, None], atol=1e-6)
    np.testing.assert_allclose(vectors.norm(dim=-1).numpy(), np.arccos(cosine), atol=1e-6)
