from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from backend.evaluation import scores_plot
from backend.evaluation.rivals import FAIR, RAW
from backend.evaluation.scores import TRUTH, Row, write_rows
from backend.models import choose_network

ERRORS = (3.0,) * 12


@pytest.fixture
def rows() -> list[Row]:
    default = choose_network("auto")
    answers = (TRUTH, RAW, FAIR, "per-frame", default, f"{default}, fitted", f"{default}, fitted, smoothed")
    return [
        Row(act, number, answer, 10.0 * place, 20.0, np.nan, 5.0 + place, 98.0, 60.0, 12.0, 30.0, ERRORS, ERRORS)
        for number, act in enumerate(("walk", "sit"))
        for place, answer in enumerate(answers)
    ]


def test_every_answer_but_the_truth_is_in_the_picture(rows: list[Row]) -> None:
    axes = Figure().subplots()
    scores_plot._every_answer(axes, rows)
    markers = {line.get_marker() for line in axes.lines if line.get_xdata() is not None}
    assert {"o", "s", "D"} <= markers
    places = {(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if len(line.get_xdata())}
    assert {(5.0 + place, 10.0 * place) for place in range(1, 7)} <= places
    assert (5.0, 0.0) not in places, "the truth"


def test_the_command_draws_what_was_written(
    rows: list[Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(rows, tmp_path / "scores.json", {})
    assert scores_plot.main([str(tmp_path / "scores.json"), str(tmp_path / "scores.png")]) == 0
    with Image.open(tmp_path / "scores.png") as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 200
    assert scores_plot.main([str(tmp_path / "none.json"), str(tmp_path / "scores.png")]) == 1
    assert "none.json" in capsys.readouterr().err
