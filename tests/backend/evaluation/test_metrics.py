import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.evaluation.metrics import acceleration_error, mpjpe, pa_mpjpe, procrustes
from smpl_rig import rotations


def cloud(seed: int, frames: int = 6, joints: int = 12) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, joints, 3))


@given(seed=st.integers(0, 50), scale=st.floats(0.2, 5), axis=st.tuples(*[st.floats(-2, 2)] * 3))
def test_procrustes_undoes_a_similarity(seed: int, scale: float, axis: tuple[float, float, float]) -> None:
    truth = cloud(seed, frames=1)[0]
    turn = rotations.to_matrix(rotations.exp(np.array(axis)))
    np.testing.assert_allclose(procrustes(scale * truth @ turn.T + 3.0, truth), truth, atol=1e-6)


def test_procrustes_does_not_mirror() -> None:
    truth = cloud(0, frames=1)[0]
    mirrored = truth * np.array([-1, 1, 1])
    assert np.abs(procrustes(mirrored, truth) - truth).max() > 0.1


def test_a_millimetre_is_a_millimetre() -> None:
    truth, everything = cloud(1), np.ones(6, dtype=bool)
    root = truth[:, 0]
    moved = truth + np.array([0.001, 0, 0])
    np.testing.assert_allclose(mpjpe(moved, truth, everything, root, root), 1.0, atol=1e-9)
    np.testing.assert_allclose(pa_mpjpe(moved, truth, everything), 0.0, atol=1e-9)


def test_acceleration_is_per_frame_squared() -> None:
    frames = np.arange(6.0)
    truth = np.zeros((6, 2, 3))
    falling = truth.copy()
    falling[..., 2] = (0.5 * 0.004 * frames**2)[:, None]
    np.testing.assert_allclose(acceleration_error(falling, truth, np.ones(6, dtype=bool)), 4.0, atol=1e-9)


def test_a_gap_never_becomes_an_acceleration() -> None:
    truth = np.zeros((7, 1, 3))
    joints = truth.copy()
    joints[3] = 100.0
    observed = np.ones(7, dtype=bool)
    observed[3] = False
    assert acceleration_error(joints, truth, observed) == 0
    assert mpjpe(joints, truth, observed, truth[:, 0], truth[:, 0]) == 0
