"""Flaws are put in by hand; mocap-like motion, however fast, holds none."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.flaws import flawed_positions, flawed_rotations
from smpl_rig.motion import Motion

MakeMotion = Callable[..., Motion]


def turned_away(local: np.ndarray, frames: slice, joint: int, angle: float) -> np.ndarray:
    changed = local.copy()
    changed[frames, joint] = rotations.multiply(changed[frames, joint], rotations.exp(np.array([0, angle, 0.0])))
    return changed


@given(
    frame=st.integers(1, 57),
    joint=st.integers(1, 23),
    angle=st.floats(0.8, 3.0),
    rate=st.sampled_from([24.0, 30.0, 60.0, 120.0]),
)
def test_a_pop_of_one_frame_is_found_and_nothing_else(
    make_motion: MakeMotion, frame: int, joint: int, angle: float, rate: float
) -> None:
    motion = make_motion(frame_rate=rate)
    expected = np.zeros((60, 24), dtype=bool)
    expected[frame, joint] = True
    popped = turned_away(motion.local_rotations, slice(frame, frame + 1), joint, angle)
    np.testing.assert_array_equal(flawed_rotations(popped, motion.timestamps_s), expected)


@given(noise=st.floats(0, 0.05), speed=st.floats(0, 8), rate=st.sampled_from([12.0, 24.0, 30.0, 60.0]))
def test_fast_and_noisy_motion_holds_no_flaw(make_motion: MakeMotion, noise: float, speed: float, rate: float) -> None:
    motion = make_motion(frame_rate=rate, noise_rad=noise * 30 / max(rate, 30), speed=speed)
    assert not flawed_rotations(motion.local_rotations, motion.timestamps_s).any()


@pytest.mark.parametrize("lasting_s", [0.05, 0.2, 0.35])
def test_a_flip_of_the_root_takes_the_whole_body_with_it(make_motion: MakeMotion, lasting_s: float) -> None:
    motion = make_motion()
    frames = slice(20, 20 + round(lasting_s * 30))
    flipped = turned_away(motion.local_rotations, frames, 0, np.pi)
    flawed = flawed_rotations(flipped, motion.timestamps_s)
    assert flawed[frames].all()
    assert flawed.sum() == 24 * (frames.stop - frames.start)


def test_a_turn_that_stays_is_no_flaw(make_motion: MakeMotion) -> None:
    motion = make_motion()
    turned = turned_away(motion.local_rotations, slice(30, None), 16, 2.0)
    assert not flawed_rotations(turned, motion.timestamps_s).any()


def test_good_frames_between_two_pops_are_kept(make_motion: MakeMotion) -> None:
    motion = make_motion(frame_rate=60)
    popped = turned_away(motion.local_rotations, slice(20, 21), 18, 1.5)
    popped = turned_away(popped, slice(23, 24), 18, 1.5)
    flawed = flawed_rotations(popped, motion.timestamps_s)
    np.testing.assert_array_equal(np.flatnonzero(flawed[:, 18]), [20, 23])


def test_a_leap_of_the_root_is_found_and_a_jump_of_the_person_is_not() -> None:
    times = np.arange(60) / 30
    flight = np.clip(times - 1, 0, 0.6)
    path = np.stack((times, 0 * times, 2.943 * flight - 4.905 * flight**2), axis=-1)
    assert not flawed_positions(path, times).any()
    path[33] += (0.4, 0, 0)
    np.testing.assert_array_equal(np.flatnonzero(flawed_positions(path, times)), [33])
