import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.models.turns import nearest, turns

from ..features.seen_track import seen_track

BOX = np.array([10.0, 10, 20, 40])


@st.composite
def sightings(draw: st.DrawFn) -> np.ndarray:
    """(T,) bool; a track begins and ends with the person in sight."""
    between = draw(st.lists(st.booleans(), max_size=60))
    return np.array([True, *between, True]) if draw(st.booleans()) else np.array([True])


@given(observed=sightings(), rate=st.sampled_from([12.0, 24, 29.97, 30, 50, 60, 120, 240]))
def test_each_frame_is_read_once_at_a_rate_near_the_usual(observed: np.ndarray, rate: float) -> None:
    chosen = turns(seen_track(np.arange(len(observed)) / rate, BOX, observed))
    read = np.concatenate(chosen)
    assert len(set(read.tolist())) == len(read)
    assert set(np.flatnonzero(observed)) <= set(read.tolist())
    for frames in chosen:
        assert observed[frames[0]]
        assert len(set(np.diff(frames))) <= 1
        if len(frames) > 1:
            assert rate / (frames[1] - frames[0]) <= 45


@pytest.mark.parametrize(("rate", "runs"), [(25, 1), (30, 1), (50, 2), (60, 2), (120, 4)])
def test_faster_footage_is_read_in_turns(rate: int, runs: int) -> None:
    chosen = turns(seen_track(np.arange(40) / rate, BOX))
    assert [frames.tolist() for frames in chosen] == [list(range(turn, 40, runs)) for turn in range(runs)]


def test_a_turn_in_which_nobody_was_seen_is_left_out() -> None:
    chosen = turns(seen_track(np.arange(3) / 60, BOX, np.array([True, False, True])))
    assert [frames.tolist() for frames in chosen] == [[0, 2]]


@given(answered=st.lists(st.booleans(), min_size=1, max_size=50).filter(any))
def test_a_frame_without_an_answer_takes_the_nearest(answered: list[bool]) -> None:
    there = np.flatnonzero(answered)
    for frame, taken in enumerate(nearest(np.array(answered))):
        assert taken in there
        assert abs(taken - frame) == np.abs(there - frame).min()
