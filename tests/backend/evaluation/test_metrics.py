import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.evaluation.metrics import (
    acceleration_error,
    auc,
    jitter,
    joint_distances,
    mpjpe,
    pa_mpjpe,
    pck,
    per_action,
    per_joint,
    procrustes,
    pve,
)
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


@given(seed=st.integers(0, 20), unseen=st.sets(st.integers(0, 5)))
def test_what_was_not_observed_counts_for_nothing(seed: int, unseen: set[int]) -> None:
    truth, observed = cloud(seed), np.ones(6, dtype=bool)
    joints = truth + np.array([0.002, 0, 0])
    observed[list(unseen)] = False
    joints[~observed] = np.nan
    root = truth[:, 0]
    for measured, expected in (
        (mpjpe(joints, truth, observed, root, root), 2.0),
        (pve(joints, truth, observed, root, root), 2.0),
        (pa_mpjpe(joints, truth, observed), 0.0),
        (pck(joint_distances(joints, truth, observed, root, root), 2.1), 100.0),
    ):
        np.testing.assert_allclose(measured, expected if observed.any() else np.nan, atol=1e-9)


def test_two_frames_have_no_acceleration_and_three_no_jerk() -> None:
    truth = cloud(0, frames=3)
    assert np.isnan(acceleration_error(truth[:2], truth[:2], np.ones(2, dtype=bool)))
    assert np.isnan(jitter(truth, np.arange(3.0), np.ones(3, dtype=bool)))
    assert np.isnan(jitter(truth[:1], np.arange(1.0), np.ones(1, dtype=bool)))


@given(
    apart_mm=st.lists(st.floats(0, 400), min_size=1, max_size=30), threshold_mm=st.sampled_from([50.0, 150.0, 150.5])
)
def test_pck_counts_who_is_near_enough(apart_mm: list[float], threshold_mm: float) -> None:
    near = sum(apart <= threshold_mm for apart in apart_mm)
    distances = np.array(apart_mm)[:, None]
    np.testing.assert_allclose(pck(distances, threshold_mm), 100 * near / len(apart_mm))


def test_area_under_the_curve() -> None:
    """31 thresholds from 0 to 150 mm; an error of 75 mm is within the last 16 of them."""
    assert auc(np.zeros((4, 2))) == 100
    assert auc(np.full((4, 2), 151.0)) == 0
    np.testing.assert_allclose(auc(np.full((4, 2), 75.0)), 100 * 16 / 31)


@given(
    steps=st.lists(st.floats(0.005, 0.2), min_size=3, max_size=20),
    jerk=st.floats(-50, 50),
    rest=st.tuples(*[st.floats(-5, 5)] * 3),
)
def test_jitter_is_the_third_derivative_however_frames_are_spaced(
    steps: list[float], jerk: float, rest: tuple[float, float, float]
) -> None:
    times = np.concatenate(([0.0], np.cumsum(steps)))
    along = rest[0] + rest[1] * times + rest[2] * times**2 + jerk / 6 * times**3
    joints = np.zeros((len(times), 2, 3))
    joints[..., 1] = along[:, None]
    np.testing.assert_allclose(jitter(joints, times, np.ones(len(times), dtype=bool)), abs(jerk), rtol=1e-6, atol=1e-3)


def test_a_gap_never_becomes_a_jerk() -> None:
    joints = np.zeros((9, 1, 3))
    joints[4] = 100.0
    observed = np.ones(9, dtype=bool)
    observed[4] = False
    assert jitter(joints, np.arange(9.0), observed) == 0


def test_errors_by_joint_and_by_action() -> None:
    distances = np.array([[1.0, 10.0], [3.0, 30.0]])
    assert per_joint(("hip", "wrist"), distances) == {"hip": 2.0, "wrist": 20.0}
    of_frames = np.array([[6.0, 6.0], [1.0, 3.0], [9.0, 9.0], [6.0, 6.0]])
    assert per_action(("walk", "sit", "walk", "walk"), of_frames) == {"sit": 2.0, "walk": 7.0}
    assert per_action((), np.zeros((0, 2))) == {}


@given(seed=st.integers(0, 20))
def test_procrustes_of_many_is_that_of_each(seed: int) -> None:
    points, target = cloud(seed), cloud(seed + 100)
    each = [procrustes(one, other) for one, other in zip(points, target, strict=True)]
    np.testing.assert_allclose(procrustes(points, target), each, atol=1e-9)
