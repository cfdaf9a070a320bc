import dataclasses
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig import rotations
from smpl_rig.body_parts import BODY_PARTS
from smpl_rig.errors import LimberError
from smpl_rig.kinematics import global_rotations
from smpl_rig.motion import Motion
from smpl_rig.refine import open_gaps, refine
from smpl_rig.skeleton import INDEX, MIRROR

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


@pytest.mark.parametrize("noise_rad", [0.003, 0.01, 0.05])
@pytest.mark.parametrize("speed", [1.0, 4.0, 8.0])
def test_acceleration_comes_nearer_to_the_truth_all_the_way_up(
    make_motion: MakeMotion, noise_rad: float, speed: float
) -> None:
    truth, noisy = (make_motion(frames=150, noise_rad=noise, speed=speed) for noise in (0.0, noise_rad))
    bent = np.diff(truth.joints_world, 2, axis=0)
    errors = [
        float(np.linalg.norm(np.diff(refine(noisy, smoothness).joints_world, 2, axis=0) - bent, axis=-1).mean())
        for smoothness in np.linspace(0, 1, 11)
    ]
    assert all(later < earlier + 0.002 * errors[0] for earlier, later in pairwise(errors))
    assert errors[-1] < 0.5 * errors[0]


def test_the_upper_half_smooths_what_moves_and_shakes(make_motion: MakeMotion) -> None:
    truth, noisy = (make_motion(frames=150, noise_rad=noise, speed=6) for noise in (0.0, 0.01))
    least = acceleration(truth)
    at_default, at_end = (acceleration(refine(noisy, smoothness)) - least for smoothness in (0.5, 1))
    assert at_end < 0.5 * at_default


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


@pytest.mark.parametrize("smoothness", [np.zeros(12), np.full(12, 0.0)])
def test_zero_at_every_frame_is_the_capture_too(make_motion: MakeMotion, smoothness: np.ndarray) -> None:
    motion = make_motion(frames=12, noise_rad=0.1)
    assert refine(motion, smoothness, {"arms": 0}) is motion


def test_refuses_a_smoothness_for_another_number_of_frames(make_motion: MakeMotion) -> None:
    with pytest.raises(LimberError, match=r"shape \(11,\), expected one number or \(12,\)"):
        refine(make_motion(frames=12), np.full(11, 0.5))


@pytest.mark.parametrize(("parts", "said"), [({"tail": 0.5}, "called 'tail'"), ({"arms": 2}, "Smoothness of the arms")])
def test_refuses_parts_that_are_not_there(make_motion: MakeMotion, parts: dict[str, float], said: str) -> None:
    with pytest.raises(LimberError, match=said):
        refine(make_motion(frames=12), 0.5, parts)


def test_a_part_with_no_smoothness_keeps_its_directions(make_motion: MakeMotion) -> None:
    noisy = make_motion(noise_rad=0.05)
    captured = global_rotations(noisy.local_rotations)
    refined = global_rotations(refine(noisy, 0.7, {"arms": 0}).local_rotations)
    apart = np.linalg.norm(rotations.log(rotations.multiply(rotations.conjugate(captured), refined)), axis=-1)
    arms = [INDEX[name] for name in BODY_PARTS["arms"]]
    assert apart[:, arms].max() < 1e-6  # float32 in the file
    assert apart[:, INDEX["spine1"]].mean() > 0.01


def test_the_smoothness_of_each_frame_is_its_own(make_motion: MakeMotion) -> None:
    noisy = make_motion(frames=240, noise_rad=0.05)
    each = np.where(np.arange(240) < 120, 0.0, 0.8)
    refined = refine(noisy, each)
    assert distance(refined, noisy)[:118].max() < 1e-5
    np.testing.assert_allclose(refined.joints_world[150:], refine(noisy, 0.8).joints_world[150:], atol=2e-3)


def test_less_is_paid_for_acceleration_at_every_step_up_the_slider_whatever_the_noise(make_motion: MakeMotion) -> None:
    for seed in range(5):
        noisy = make_motion(frames=90, noise_rad=0.02 + 0.02 * seed, seed=seed, speed=1 + 2 * seed)
        accelerations = [acceleration(refine(noisy, smoothness)) for smoothness in (0, *SLIDER)]
        assert all(later < earlier for earlier, later in pairwise(accelerations))


@given(rate=st.sampled_from([24.0, 30.0, 60.0]), seed=st.integers(0, 20))
def test_quaternions_stay_unit_and_continuous(make_motion: MakeMotion, rate: float, seed: int) -> None:
    local = refine(make_motion(frames=20, noise_rad=0.3, seed=seed, frame_rate=rate), 0.8).local_rotations
    np.testing.assert_allclose(np.linalg.norm(local, axis=-1), 1, atol=1e-12)
    assert (np.sum(local[1:] * local[:-1], axis=-1) > 0).all()


def test_uneven_times_mean_the_same_as_even_ones(make_motion: MakeMotion) -> None:
    even = make_motion(frames=481, frame_rate=120)
    random = np.random.default_rng(0)
    chosen = np.cumsum(random.integers(2, 6, 150))  # 24 to 60 frames per second
    chosen = chosen[chosen < 481]
    uneven = at_frames(even, chosen)
    apart = np.linalg.norm(refine(uneven, 0.5).joints_world - refine(even, 0.5).joints_world[chosen], axis=-1)
    assert apart[6:-6].max() < 0.002


@pytest.mark.parametrize("frame_rate", [24.0, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("lasting_s", [0.15, 0.2, 0.3])
def test_a_punch_keeps_its_speed(make_motion: MakeMotion, frame_rate: float, lasting_s: float) -> None:
    punch = make_punch(make_motion, frame_rate, lasting_s)
    assert speed_of_hand(punch).max() > 2.5
    assert speed_of_hand(refine(punch)).max() > 0.95 * speed_of_hand(punch).max()


@pytest.mark.parametrize("frame_rate", [24.0, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("height_m", [0.15, 0.3, 0.5])
def test_a_jump_keeps_its_height(make_motion: MakeMotion, frame_rate: float, height_m: float) -> None:
    jump = make_jump(make_motion, frame_rate, height_m)
    before, after = (float((motion.trans[:, 2] - jump.trans[0, 2]).max()) for motion in (jump, refine(jump)))
    assert before == pytest.approx(height_m, rel=0.02)
    assert abs(after - before) < 0.05 * before


def test_a_single_frame_pop_is_taken_out_not_averaged_in(make_motion: MakeMotion) -> None:
    truth = make_motion(frames=60)
    local = truth.local_rotations.copy()
    local[30, [16, 18]] = rotations.multiply(local[30, [16, 18]], rotations.exp(np.array([0, 1.0, 1.0])))
    popped = truth.with_pose(local, truth.trans)
    assert distance(popped, truth).max() > 0.3
    for smoothness in SLIDER:
        assert distance(refine(popped, smoothness), refine(truth, smoothness)).max() < 0.02


def test_a_flip_front_to_back_is_repaired(make_motion: MakeMotion) -> None:
    truth = make_motion(frames=60)
    local = truth.local_rotations.copy()
    local[20:26] = local[20:26, MIRROR]  # left taken for right, and so the back for the front
    local[20:26, 0] = rotations.multiply(rotations.exp(np.array([0, 0, np.pi])), truth.local_rotations[20:26, 0])
    flipped = truth.with_pose(local, truth.trans)
    assert distance(flipped, truth).max() > 0.4
    assert distance(refine(flipped, 0.5), truth).max() < 0.04


@pytest.mark.parametrize("frame_rate", [24.0, 30.0, 60.0])
def test_a_short_gap_is_filled_with_the_motion_that_was_not_seen(make_motion: MakeMotion, frame_rate: float) -> None:
    truth = make_motion(frames=round(3 * frame_rate), frame_rate=frame_rate)
    gap = slice(round(frame_rate), round(1.4 * frame_rate))
    lost = unseen(truth, gap)
    assert distance(lost, truth).max() > 0.2
    assert open_gaps(lost) == []
    assert distance(refine(lost, 0.5), truth).max() < 0.04


def test_a_long_gap_stays_open_and_is_told(make_motion: MakeMotion) -> None:
    truth = make_motion(frames=120)
    lost = unseen(truth, slice(40, 70))
    refined = refine(lost, 0.5)
    assert open_gaps(lost) == [(pytest.approx(40 / 30), pytest.approx(69 / 30))]
    assert not refined.observed[40:70].any()
    assert distance(refined, lost)[40:70].max() < 1e-5
    # and nothing of it reaches what was seen
    other = refine(unseen(truth, slice(40, 70), lean=-0.7), 0.5)
    assert distance(refined, other)[:40].max() < 1e-5
    assert distance(refined, other)[70:].max() < 1e-5


def test_what_was_not_trusted_never_spreads(make_motion: MakeMotion) -> None:
    truth = make_motion(frames=90)
    local, confidence = truth.local_rotations.copy(), np.ones((90, 24))
    local[40:45, 18] = rotations.exp(np.random.default_rng(0).normal(size=(5, 3)))
    confidence[40:45, 18] = 0
    wild = dataclasses.replace(truth.with_pose(local, truth.trans), confidence=confidence)
    refined, smooth = refine(wild, 0.5), refine(truth, 0.5)
    others = [joint for joint in range(24) if joint not in (18, 20, 22)]
    assert distance(refined, smooth)[:, others].max() < 0.001
    assert distance(refined, smooth)[:30].max() < 0.002
    assert distance(refined, smooth)[55:].max() < 0.002


@pytest.mark.parametrize("smoothness", SLIDER)
def test_feet_that_rest_do_not_begin_to_slide(make_motion: MakeMotion, smoothness: float) -> None:
    standing = make_motion(frames=150, speed=0)
    sway = 0.03 * np.sin(2 * np.pi * 0.7 * standing.timestamps_s)
    local = standing.local_rotations.copy()
    # the body leans from side to side over feet that rest: hips and root turn against each other
    lean = rotations.exp(np.stack((0 * sway, 0 * sway, sway), axis=-1))
    local[:, 0] = rotations.multiply(local[:, 0], lean)
    local[:, 1], local[:, 2] = (rotations.multiply(rotations.conjugate(lean), local[:, hip]) for hip in (1, 2))
    leaning = standing.with_pose(local, standing.trans[:1].repeat(150, axis=0))
    anchored = leaning.with_pose(local, leaning.trans - (leaning.joints_world[:, 7] - leaning.joints_world[0, 7]))
    noise = np.random.default_rng(1).normal(size=(150, 3)) * (0.01, 0.03, 0.005)
    noisy = anchored.with_pose(local, anchored.trans + noise)
    noisy = dataclasses.replace(noisy, contacts=np.tile([1.0, 1.0, 0.0, 0.0], (150, 1)))
    before, after = (sliding_speed(motion) for motion in (noisy, refine(noisy, smoothness)))
    assert after < before * (1 - 0.5 * smoothness)
    # the same where nothing slid to begin with
    resting = dataclasses.replace(anchored, contacts=noisy.contacts)
    assert sliding_speed(refine(resting, smoothness)) < 0.004


def sliding_speed(motion: Motion) -> float:
    """Of the left ankle, metres per second."""
    return float(np.linalg.norm(np.diff(motion.joints_world[:, 7], axis=0), axis=-1).mean() * 30)


def unseen(motion: Motion, frames: slice, lean: float = 0.7) -> Motion:
    """The person leans to the side in frames in which nobody was seen."""
    local, observed = motion.local_rotations.copy(), np.ones(len(motion), dtype=bool)
    local[frames, 3] = rotations.exp(np.array([0, 0, lean]))
    observed[frames] = False
    return dataclasses.replace(motion.with_pose(local, motion.trans), observed=observed)


def at_frames(motion: Motion, frames: np.ndarray) -> Motion:
    values = vars(motion)
    changed = {key: value[frames] for key, value in values.items() if np.shape(value)[:1] == (len(motion),)}
    return Motion(**values | changed)


def ease(part: np.ndarray) -> np.ndarray:
    """From 0 to 1 without a jerk at either end (Perlin's smootherstep)."""
    x = np.clip(part, 0, 1)
    return np.asarray(x**3 * (x * (6 * x - 15) + 10))


def make_punch(make_motion: MakeMotion, frame_rate: float, lasting_s: float) -> Motion:
    """From the guard, the right arm is stretched out and taken back."""
    still = make_motion(frames=round(2.5 * frame_rate), frame_rate=frame_rate, speed=0)
    times = still.timestamps_s
    out = ease((times - 1) / lasting_s) - ease((times - 1.02 - lasting_s) / (1.4 * lasting_s))
    local, none = still.local_rotations.copy(), np.zeros_like(times)
    raised = rotations.exp(np.stack((none, 0.9 * out, none), axis=-1))
    lowered = rotations.exp(np.stack((none, none, 1.2 * (1 - out)), axis=-1))
    local[:, INDEX["right_shoulder"]] = rotations.multiply(raised, lowered)
    local[:, INDEX["right_elbow"]] = rotations.exp(np.stack((none, 2.2 * (1 - out) + 0.1, none), axis=-1))
    return still.with_pose(local, still.trans[:1].repeat(len(times), axis=0))


def speed_of_hand(motion: Motion) -> np.ndarray:
    """(T-1,) metres per second, of the right wrist from the pelvis."""
    hand = motion.joints_world[:, INDEX["right_wrist"]] - motion.joints_world[:, 0]
    return np.asarray(np.linalg.norm(np.diff(hand, axis=0), axis=-1) * motion.mocap_framerate)


def make_jump(make_motion: MakeMotion, frame_rate: float, height_m: float) -> Motion:
    """The pelvis sinks, is pushed up, flies at one g and lands softly."""
    still = make_motion(frames=round(3 * frame_rate), frame_rate=frame_rate, speed=0)
    times, start, push_s, gravity = still.timestamps_s, 1.2, 0.25, 9.81
    speed = np.sqrt(2 * gravity * height_m)
    flight_s, since = 2 * speed / gravity, times - start
    part = np.clip(since / push_s + 1, 0, 1)
    pushed = -0.3 * (1 - 3 * part**2 + 2 * part**3) + (part**3 - part**2) * speed * push_s
    flying = speed * since - gravity / 2 * since**2
    landed = since - flight_s
    sinking = -speed * landed * np.exp(-landed / 0.12)
    phases = [since < -push_s, since < 0, since < flight_s]
    height = np.select(phases, [-0.3 * ease((since + push_s + 0.5) / 0.5), pushed, flying], sinking)
    trans = still.trans[:1].repeat(len(times), axis=0) + np.stack((0 * height, 0 * height, height), axis=-1)
    return still.with_pose(still.local_rotations, trans)
