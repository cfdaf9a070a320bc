from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.server.estimate import STAGE_SHARES, Estimate

NEWS = st.lists(st.tuples(st.sampled_from([*STAGE_SHARES, "body"]), st.floats(0, 1)))


@given(NEWS, st.booleans())
def test_fraction_never_falls_nor_leaves_its_range(news: list[tuple[str, float]], has_preview: bool) -> None:
    estimate, before = Estimate(has_preview), 0.0
    for second, (stage, fraction) in enumerate(news):
        estimate.update(stage, fraction, float(second))
        assert before <= estimate.fraction <= 1
        before = estimate.fraction
        left = estimate.eta_s(second + 1.0)
        assert left is None or left >= 0


@pytest.mark.parametrize("has_preview", [True, False])
def test_all_stages_make_a_whole(has_preview: bool) -> None:
    estimate = Estimate(has_preview)
    for stage in STAGE_SHARES:
        if stage != "preview" or has_preview:
            estimate.update(stage, 1.0, 1.0)
    assert estimate.fraction == pytest.approx(1)
    assert estimate.eta_s(2.0) == pytest.approx(0)


def test_steady_work_is_foreseen() -> None:
    """Stages that take exactly their shares of a hundred seconds."""
    estimate, now_s = Estimate(has_preview=True), 1000.0
    for stage, share in STAGE_SHARES.items():
        for step in range(101):
            estimate.update(stage, step / 100, now_s + share * step)
            left = estimate.eta_s(now_s + share * step)
            if left is not None:
                assert left == pytest.approx(1100 - now_s - share * step, abs=1e-6)
        now_s += 100 * share


def test_people_who_are_posed_and_placed_in_turn() -> None:
    estimate = Estimate(has_preview=False)
    estimate.update("people", 1.0, 0.0)
    for person in range(4):
        estimate.update("pose", (person + 1) / 4, 1.0)
        before = estimate.fraction
        estimate.update("placement", (person + 1) / 4, 1.0)
        assert estimate.fraction > before


def follow(lengths_s: dict[str, float], has_preview: bool, report_s: float = 0.1) -> list[tuple[float, float, float]]:
    """A capture whose stages go steadily: at each report the time, the seconds told and the seconds truly left."""
    estimate, began_s, found = Estimate(has_preview), 0.0, []
    whole_s = sum(lengths_s.values())
    for stage, length_s in lengths_s.items():
        steps = max(round(length_s / report_s), 1)
        for step in range(steps + 1):
            now_s = began_s + length_s * step / steps
            estimate.update(stage, step / steps, now_s)
            told_s = estimate.eta_s(now_s)
            if told_s is not None:
                found.append((now_s, told_s, whole_s - now_s))
        began_s += length_s
    return found


def seconds(of_whole_s: float, **factors: float) -> dict[str, float]:
    """Stages that take their shares of so many seconds, but for some that take so many times as long."""
    return {stage: of_whole_s * share * factors.get(stage, 1.0) for stage, share in STAGE_SHARES.items()}


@pytest.mark.parametrize(
    ("slower", "has_preview"),
    [
        ({"pose": 0.05}, True),  # a graphics card
        ({"pose": 10.0}, True),  # many people
        ({"people": 8.0}, False),  # large frames
        ({"preview": 0.1}, True),
        ({"people": 0.1, "pose": 3.0}, False),
    ],
)
def test_stages_of_other_lengths_than_foreseen_make_no_jumps(slower: dict[str, float], has_preview: bool) -> None:
    lengths_s = seconds(120, **slower) | ({} if has_preview else {"preview": 0.0})
    told = follow({stage: length for stage, length in lengths_s.items() if length}, has_preview)
    for (before_s, one_s, _), (now_s, other_s, _) in pairwise(told):
        passed_s = now_s - before_s
        assert abs(other_s - max(one_s - passed_s, 0)) <= (0.2 * one_s + 1) * passed_s + 1e-9


@pytest.mark.parametrize("factor", [0.5, 3, 10])
@pytest.mark.parametrize("has_preview", [True, False])
def test_a_stage_is_foreseen_at_its_own_pace_once_it_is_under_way(factor: float, has_preview: bool) -> None:
    """The last long stage: what comes after it is a matter of a second or two."""
    name = "preview" if has_preview else "pose"
    lengths_s = seconds(120, **{name: factor})
    if not has_preview:
        del lengths_s["preview"]
    began_s = lengths_s["people"] + (lengths_s["pose"] + lengths_s["placement"] if has_preview else 0)
    for now_s, told_s, left_s in follow(lengths_s, has_preview):
        if began_s + 0.4 * lengths_s[name] < now_s < began_s + 0.8 * lengths_s[name]:
            assert told_s == pytest.approx(left_s, rel=0.3, abs=4)


def test_silence_lets_the_time_left_grow_slowly_again() -> None:
    estimate = Estimate(has_preview=False)
    for step in range(51):
        estimate.update("people", step / 100, step / 10)
    at_once_s = estimate.eta_s(5.0)
    assert at_once_s is not None
    told = [estimate.eta_s(5.0 + silence / 10) or 0.0 for silence in range(600)]
    assert told[-1] > 2 * at_once_s
    assert max(abs(after - before) for before, after in pairwise(told)) < 1
    assert all(each >= 0 for each in told)


@given(
    st.lists(st.tuples(st.sampled_from([*STAGE_SHARES]), st.floats(0, 1), st.floats(0, 5))),
    st.booleans(),
)
def test_nothing_that_is_reported_makes_it_jump(news: list[tuple[str, float, float]], has_preview: bool) -> None:
    estimate, now_s, told_s = Estimate(has_preview), 0.0, None
    for stage, fraction, pause_s in news:
        if stage == "preview" and not has_preview:
            continue
        now_s += pause_s
        estimate.update(stage, fraction, now_s)
        after_s = estimate.eta_s(now_s)
        if told_s is not None:
            assert after_s == pytest.approx(max(told_s - pause_s, 0), abs=(0.2 * told_s + 1) * pause_s + 1e-6)
        told_s = after_s


def test_time_for_building_the_body_is_not_counted() -> None:
    estimate = Estimate(has_preview=False)
    estimate.update("body", 0.5, 0.0)
    assert estimate.eta_s(60.0) is None
    estimate.update("people", 0.0, 60.0)
    estimate.update("people", 0.5, 70.0)
    assert estimate.eta_s(70.0) < 30  # type: ignore[operator]
