"""The comparison of filters, on captures whose noise is known."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation import smoothing
from backend.evaluation.simulated import shared
from backend.evaluation.smoothing import LEARNED, OURS, UNFILTERED, Curve, curves, margins, mpjpe_at
from backend.evaluation.smoothing_captures import Collection, Seen, in_films
from backend.evaluation.smoothing_plot import plot
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion
from smpl_rig.smoothness import DEFAULT_SMOOTHNESS


@pytest.fixture(scope="module")
def found(make_motion: Callable[..., Motion]) -> dict[str, list[Curve]]:
    def seen(number: int) -> Seen:
        truth = make_motion(frames=40, seed=number)
        noisy = make_motion(frames=40, seed=number, noise_rad=0.03)
        return Seen(replace(noisy, timestamps_s=truth.timestamps_s), shared(truth.joints_world))

    return {"white noise": curves(Collection([seen(2)], [seen(1)], [seen(0)]))}


def test_curves_are_compared_where_they_are_equally_smooth() -> None:
    curve = ((20, 100), (10, 90), (5, 95))
    assert mpjpe_at(15, curve) == pytest.approx(95)
    assert mpjpe_at(7.5, curve) == pytest.approx(92.5)
    assert np.isnan(mpjpe_at(4, curve))


def test_each_setting_is_held_against_the_best_rival_of_its_smoothness() -> None:
    ours, rivals = ((12, 90), (8, 91), (4, 93)), [((20, 100), (12, 92), (8, 88)), ((20, 100), (12, 91), (6, 89))]
    # at 4 nobody is as smooth: the one at 6 is nearest
    assert margins(ours, rivals) == pytest.approx([-1, 3, 4])


def test_on_white_noise_the_slider_smooths_more_and_more_and_nears_the_truth(found: dict[str, list[Curve]]) -> None:
    raw, *slider = next(curve for curve in found["white noise"] if curve.name == OURS).points
    assert [point.strength for point in slider] == list(smoothing.SLIDER)
    accelerations = [point.acc_err for point in (raw, *slider)]
    to_default = accelerations[: 2 + smoothing.SLIDER.index(DEFAULT_SMOOTHNESS)]
    assert to_default == sorted(to_default, reverse=True)
    assert max(accelerations[len(to_default) :]) < 0.1 * raw.acc_err  # and nothing is left to rise from
    default = next(point for point in slider if point.strength == DEFAULT_SMOOTHNESS)
    assert default.mpjpe < raw.mpjpe
    assert default.pa_mpjpe < raw.pa_mpjpe


def test_every_filter_is_there_with_what_was_chosen_for_it(found: dict[str, list[Curve]]) -> None:
    assert [curve.name for curve in found["white noise"]] == [
        UNFILTERED,
        OURS,
        "Gaussian",
        "Savitzky-Golay",
        "Butterworth",
        "One-Euro",
        LEARNED,
    ]
    assert all(curve.constants.startswith("over ") for curve in found["white noise"][2:])


def test_tables_figures_and_picture_are_written(found: dict[str, list[Curve]], tmp_path: Path) -> None:
    assert "white noise" in smoothing.table(found)
    assert smoothing.slider_table(found).count("\n") == len(smoothing.SLIDER) + 2
    stored = json.loads(json.dumps(smoothing.report(found, {"seed": 0}), allow_nan=False))
    assert stored["eyes"]["white noise"]["curves"][1]["name"] == OURS
    plot(found, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_one_film_cannot_both_tune_and_be_measured() -> None:
    with pytest.raises(LimberError, match="found in 0 of the films"):
        in_films([], ["per-frame"], 1)
