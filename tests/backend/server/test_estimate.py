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


def test_time_for_building_the_body_is_not_counted() -> None:
    estimate = Estimate(has_preview=False)
    estimate.update("body", 0.5, 0.0)
    assert estimate.eta_s(60.0) is None
    estimate.update("people", 0.0, 60.0)
    estimate.update("people", 0.5, 70.0)
    assert estimate.eta_s(70.0) < 30  # type: ignore[operator]
