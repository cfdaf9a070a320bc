import dataclasses
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion
from smpl_rig.refine import refine

MakeMotion = Callable[..., Motion]
SLIDER = (0.1, 0.25, 0.5, 0.75, 1.0)


def acceleration(motion: Motion) -> float:
    """Mean joint acceleration, metres per frame squared."""
    return float(np.linalg.norm(np.diff(motion.joints_world, 2, axis=0), axis=-1).mean())


def distance(a: Motion, b: Motion) -> np.ndarray:
    """(T, 24) metres."""
    return np.asarray(np.linalg.norm(a.joints_world.astype(float) - b.joints_world, axis=-1))


def test_zero_is_the_capture_bit_for_bit(make_motion: MakeMotion) -> None:
    motion = make_motion(noise_rad=0.1)
    assert refine(motion, 0) is motion


@pytest.mark.parametrize("smoothness", [-0.1, 1.1, float("nan")])
def test_refuses_a_smoothness_out_of_range(make_motion: MakeMotion, smoothness: float) -> None:
    with pytest.raises(LimberError, match="Smoothness is"):
        refine(make_motion(frames=5), smoothness)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 33])
def test_short_motions_keep_their_length(make_motion: MakeMotion, frames: int) -> None:
    refined = refine(make_motion(frames=frames), 0.5)
    assert len(refined) == frames


@given(smoothness=st.floats(0, 1), seed=st.integers(0, 10))
def test_a_constant_pose_is_a_fixed_point(make_motion: MakeMotion, smoothness: float, seed: int) -> None:
    still = make_motion(frames=12, seed=seed, speed=0)
    still = still.with_pose(still.local_rotations, np.repeat(still.trans[:1], 12, axis=0))
    assert distance(refine(still, smoothness), still).max() < 1e-5


def test_less_acceleration_at_every_step_up_the_slider(make_motion: MakeMotion) -> None:
    noisy = make_motion(frames=120, noise_rad=0.05)
    accelerations = [acceleration(refine(noisy, smoothness)) for smoothness in (0, *SLIDER)]
    assert all(later < earlier for earlier, later in pairwise(accelerations))


def test_default_is_nearer_to_the_truth_than_the_noisy_capture(make_motion: MakeMotion) -> None:
    truth, noisy = make_motion(frames=120), make_motion(frames=120, noise_rad=0.05)
    assert distance(refine(noisy), truth).mean() < 0.7 * distance(noisy, truth).mean()


@given(axis=st.tuples(*[st.floats(-1, 1)] * 3), smoothness=st.sampled_from(SLIDER))
def test_turning_the_world_commutes_with_refinement(
    make_motion: MakeMotion, axis: tuple[float, float, float], smoothness: float
) -> None:
    motion = make_motion(frames=20, noise_rad=0.05)
    turn = rotations.exp(np.array(axis) * 2)

    def turned(original: Motion) -> Motion:
        local = original.local_rotations.copy()
        local[:, 0] = rotations.multiply(turn, local[:, 0])
        trans = rotations.rotate(turn, original.pelvis_world) - original.rest_joints[0]
        return original.with_pose(local, trans)

    assert distance(refine(turned(motion), smoothness), turned(refine(motion, smoothness))).max() < 2e-5


@pytest.mark.parametrize("smoothness", SLIDER)
def test_means_the_same_at_every_frame_rate(make_motion: MakeMotion, smoothness: float) -> None:
    fast, slow = make_motion(frames=241, frame_rate=60), make_motion(frames=121, frame_rate=30)
    difference = refine(fast, smoothness).joints_world[::2] - refine(slow, smoothness).joints_world
    assert np.linalg.norm(difference, axis=-1)[6:-6].max() < 0.002


def test_what_was_not_seen_follows_its_motion_not_its_noise(make_motion: MakeMotion) -> None:
    truth = make_motion(frames=60)
    local, confidence = truth.local_rotations.copy(), np.ones((60, 24))
    local[28:32, 16] = rotations.multiply(local[28:32, 16], rotations.exp(np.array([0, 0, 2.0])))
    confidence[28:32, 16] = 0
    wrong = dataclasses.replace(truth.with_pose(local, truth.trans), confidence=confidence)
    assert distance(wrong, truth).max() > 0.4
    assert distance(refine(wrong, 0.5), truth).max() < 0.02


def test_zero_confidence_everywhere_stays_finite(make_motion: MakeMotion) -> None:
    blind = dataclasses.replace(
        make_motion(frames=30), confidence=np.zeros((30, 24)), observed=np.zeros(30, dtype=bool)
    )
    assert np.isfinite(refine(blind, 1).joints_world).all()
