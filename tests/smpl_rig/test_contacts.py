"""Contacts of feet whose motion is known, at any frame rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpl_rig.contacts import contact_probabilities, floor_height, level_heights, lines_of_sight

VIEW = np.array([0.0, 1.0, 0.0])


def one_step(times: np.ndarray) -> np.ndarray:
    """(T, 4, 3): the left foot swings 0.6 m to the right of the picture in 0.4 s, the right foot stands."""
    part = np.clip((times - 1.0) / 0.4, 0, 1)
    points = np.zeros((len(times), 4, 3))
    points[:, :2, 0] = (0.6 * (part - np.sin(2 * np.pi * part) / (2 * np.pi)))[:, None]
    points[:, :2, 2] = (0.12 * np.sin(np.pi * part) ** 2)[:, None]
    points[:, 1::2, 1] = -0.2  # toes before heels
    points[:, 2:, 0] = 0.3
    return points


@pytest.mark.parametrize("frame_rate", [12, 24, 29.97, 60, 240])
def test_a_step_is_seen_at_any_frame_rate(frame_rate: float) -> None:
    times = np.arange(round(2.4 * frame_rate)) / frame_rate
    contacts = contact_probabilities(one_step(times), times, np.ones(len(times), dtype=bool), VIEW)
    standing, swinging = (times < 0.9) | (times > 1.5), (times > 1.1) & (times < 1.3)
    assert (contacts[:, 2:] > 0.95).all()
    assert (contacts[standing, :2] > 0.95).all()
    assert (contacts[swinging, :2] < 0.05).all()


@given(seed=st.integers(0, 10**6))
def test_uneven_times_change_little(seed: int) -> None:
    """Frames dropped at random, as where a phone's frame rate varies."""
    random = np.random.default_rng(seed)
    times = np.arange(144) / 60
    kept = np.sort(random.choice(144, 100, replace=False))
    every = contact_probabilities(one_step(times), times, np.ones(144, dtype=bool), VIEW)
    some = contact_probabilities(one_step(times[kept]), times[kept], np.ones(100, dtype=bool), VIEW)
    # the frame in which the foot leaves the floor may be the one that was dropped
    assert (np.abs(some - every[kept]) > 0.5).mean() < 0.02
    assert np.abs(some - every[kept]).mean() < 0.02


def test_depth_that_wavers_does_not_lift_a_foot() -> None:
    """0.4 m/s along the view is what one camera's depth does by itself; as much across the view is a moving foot."""
    times = np.arange(60) / 30
    still, seen = np.zeros((60, 4, 3)), np.ones(60, dtype=bool)
    wavering = still + 0.4 * times[:, None, None] * VIEW
    sliding = still + 0.4 * times[:, None, None] * np.array([1.0, 0, 0])
    assert (contact_probabilities(wavering, times, seen, VIEW) > 0.9).all()
    assert (contact_probabilities(sliding, times, seen, VIEW) < 0.5).all()


@pytest.mark.parametrize("aside", [-1.5, 0.0, 2.0])
def test_depth_is_that_of_each_foot_not_of_the_middle_of_the_picture(aside: float) -> None:
    """At 1.5 m/s along its own line of sight a foot hardly moves in the picture, wherever it is in it."""
    times, seen = np.arange(30) / 30, np.ones(30, dtype=bool)
    camera = np.tile([aside, -4.0, 1.5], (30, 1))
    stands = np.tile([0.0, 0.2, 0.0], (30, 4, 1))
    away = stands + (1.5 * times / 4)[:, None, None] * (stands - camera[:, None])
    assert (contact_probabilities(away, times, seen, lines_of_sight(away, camera)) > 0.5).all()


def test_a_single_frame_is_judged_by_height() -> None:
    points = np.zeros((1, 4, 3))
    points[0, :2, 2] = 0.5
    contacts = contact_probabilities(points, np.zeros(1), np.ones(1, dtype=bool), VIEW)
    assert (contacts[0, :2] < 0.01).all()
    assert (contacts[0, 2:] > 0.9).all()


def test_the_floor_is_where_feet_stand_not_where_they_jump() -> None:
    points = np.full((100, 4, 3), -1.2)
    points[20:60, :, 2] = -0.8  # a long jump
    points[70, 0, 2] = -3.0  # one foot far off for a frame
    seen = np.ones(100, dtype=bool)
    assert floor_height(points, seen) == pytest.approx(-1.2)
    points[:30, :, 2], seen[:30] = -5.0, False  # where nobody was seen
    assert floor_height(points, seen) == pytest.approx(-1.2)


def fallen(times: np.ndarray, start_s: float, height: float) -> np.ndarray:
    """Heights of somebody who leaves a roof at a time and falls to the ground."""
    return np.maximum(height - 0.5 * 9.81 * np.maximum(times - start_s, 0) ** 2, 0.0)


def soles_at(heights: np.ndarray) -> np.ndarray:
    points = np.zeros((len(heights), 4, 3))
    points[..., 2] = heights[:, None]
    points[:, 2:, 2] += 0.05  # one foot higher than the other
    return points


def test_who_jumps_from_a_roof_stands_on_two_levels() -> None:
    times = np.arange(210) / 30
    heights = fallen(times, 4.0, 2.5)
    levels = level_heights(soles_at(heights), heights + 0.9, times, np.ones(210, dtype=bool))
    landed = heights == 0
    np.testing.assert_allclose(levels[times < 4], 2.5)
    np.testing.assert_allclose(levels[landed], 0.0)
    contacts = contact_probabilities(soles_at(heights - levels), times, np.ones(210, dtype=bool), VIEW)
    assert (contacts[times < 3.9, 0] > 0.9).all()
    assert (contacts[times > times[landed][0] + 0.1, 0] > 0.9).all()
    flying = (times > 4.2) & (times < times[landed][0] - 0.1)
    assert (contacts[flying] < 0.1).all()


def test_a_leap_a_handstand_and_a_slope_have_one_level() -> None:
    times, seen = np.arange(150) / 30, np.ones(150, dtype=bool)
    leap = np.where((times > 2) & (times < 3), np.maximum(1.2 - 0.5 * 9.81 * (times - 2.5) ** 2, 0.0), 0.0)
    handstand = np.where((times > 2) & (times < 4), 1.6, 0.0)
    slope = 0.3 * times
    for heights, pelvis in ((leap, leap + 0.9), (handstand, np.full(150, 0.9)), (slope, slope + 0.9)):
        points = soles_at(heights)
        np.testing.assert_allclose(level_heights(points, pelvis, times, seen), floor_height(points, seen))


def test_levels_of_a_single_frame_and_of_nobody() -> None:
    points = soles_at(np.array([0.4]))
    np.testing.assert_allclose(level_heights(points, np.ones(1), np.zeros(1), np.ones(1, dtype=bool)), [0.4])
    nobody = level_heights(soles_at(np.zeros(60)), np.ones(60), np.arange(60) / 30, np.zeros(60, dtype=bool))
    np.testing.assert_array_equal(nobody, np.zeros(60))
