from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.people.sort import BoxFilter, match, overlaps


def box_at(x: float, y: float, side: float = 100.0) -> np.ndarray:
    return np.array([x - side / 2, y - side / 2, side, side])


def follow(rate: float, seconds: float, speed: float) -> BoxFilter:
    """A box that moves right by ``speed`` pixels a second."""
    box_filter = BoxFilter(box_at(0, 0))
    for frame in range(1, round(seconds * rate) + 1):
        box_filter.predict(1 / rate)
        box_filter.update(box_at(speed * frame / rate, 0))
    return box_filter


@pytest.mark.parametrize("rate", [10.0, 30.0, 120.0])
def test_prediction_goes_on_at_constant_velocity_whatever_the_rate(rate: float) -> None:
    box_filter = follow(rate, seconds=2, speed=150)
    box_filter.predict(0.5)
    np.testing.assert_allclose(box_filter.box, box_at(375, 0), atol=6)


def test_one_long_step_predicts_what_many_short_ones_do() -> None:
    at_once, by_and_by = follow(30, 2, 150), follow(30, 2, 150)
    at_once.predict(1.0)
    for _ in range(30):
        by_and_by.predict(1 / 30)
    np.testing.assert_allclose(at_once.box, by_and_by.box, atol=1e-6)


def test_noise_is_smoothed() -> None:
    rng = np.random.default_rng(0)
    box_filter, errors = BoxFilter(box_at(0, 0)), []
    for frame in range(1, 200):
        box_filter.predict(1 / 30)
        errors.append(box_filter.box[0] + 50 - 5 * frame)
        box_filter.update(box_at(*rng.normal((5 * frame, 0), 4)))
    assert abs(np.mean(errors[50:])) < 1
    assert np.std(errors[50:]) < 4 * np.sqrt(2)


@given(st.lists(st.floats(-400, 400), min_size=1, max_size=6), st.floats(20, 2000))
def test_box_stays_a_box(moves: list[float], side: float) -> None:
    box_filter = BoxFilter(box_at(0, 0, side))
    for move in moves:
        box_filter.predict(0.3)
        box_filter.update(box_at(move, -move, max(side + move, 5)))
    box_filter.predict(3.0)
    assert np.isfinite(box_filter.box).all()
    assert (box_filter.box[2:] > 0).all()


def test_overlaps() -> None:
    boxes = np.array([box_at(0, 0), box_at(50, 0), box_at(300, 0)])
    np.testing.assert_allclose(overlaps(boxes, boxes[:1])[:, 0], [1, 1 / 3, 0])


def test_matching_has_the_greatest_sum() -> None:
    """Each by itself would take the left one."""
    predicted = [box_at(0, 0), box_at(20, 0)]
    seen = [box_at(5, 0), box_at(-25, 0)]
    assert sorted(match(predicted, seen, [200.0, 200.0])) == [(0, 1), (1, 0)]


def test_matching_keeps_to_reach_and_overlap() -> None:
    assert match([box_at(0, 0)], [box_at(30, 0)], [40.0]) == [(0, 0)]
    assert match([box_at(0, 0)], [box_at(30, 0)], [20.0]) == []
    assert match([box_at(0, 0)], [box_at(90, 0)], [200.0]) == []
    assert match([], [box_at(0, 0)], []) == []
    assert match([box_at(0, 0)], [], [20.0]) == []


def test_crossing_boxes_keep_their_own() -> None:
    """Two walk through each other; velocity tells who is who."""
    filters = [BoxFilter(box_at(-300, 0)), BoxFilter(box_at(300, 10))]
    for frame in range(1, 121):
        places = [-300 + 5 * frame, 300 - 5 * frame]
        seen = [box_at(places[1], 10), box_at(places[0], 0)]
        for box_filter in filters:
            box_filter.predict(1 / 30)
        for index, number in match([one.box for one in filters], seen, [60.0, 60.0]):
            filters[index].update(seen[number])
    assert filters[0].box[0] > 200
    assert filters[1].box[0] < -300
