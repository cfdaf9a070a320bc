from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.evaluation import fit_weights
from backend.evaluation.fit_weights import ALONE, FROM_ANSWER, OWN_SHAPE, SHARED, table, varied, weights_of
from backend.features.initial_pose import FitSettings

WEIGHTS = SHARED + FROM_ANSWER + ALONE


def test_one_weight_at_a_time() -> None:
    usual = vars(FitSettings())
    settings = varied(WEIGHTS, (0.5, 2.0))
    assert len(settings) == 1 + 2 * len(WEIGHTS)
    assert settings.pop("in use") == FitSettings()
    for name, chosen in settings.items():
        weight, factor = name.split(" x ")
        (changed,) = [key for key, value in vars(chosen).items() if value != usual[key]]
        assert changed == weight
        was, now = (value if isinstance(value, tuple) else (value,) for value in (usual[weight], vars(chosen)[weight]))
        assert now == pytest.approx([float(factor) * part for part in was])


@pytest.mark.parametrize("network", ["mps-net", "per-frame"])
def test_every_weight_that_is_varied_counts(network: str, films: Path) -> None:
    (sequence,) = fit_weights.rendered(films, 1)
    settings = varied(weights_of(network), (4.0,))
    in_use, *others = fit_weights.errors(sequence, network, list(settings.values()))
    names = [*list(settings)[1:], *([] if network == "per-frame" else [OWN_SHAPE])]
    for name, changed in zip(names, others, strict=True):
        assert (changed != in_use).any(), name


def test_the_table_says_what_changes_and_how_sure_that_is() -> None:
    found = np.array([[[50.0, 70.0, 5.0], [52.0, 71.0, 5.0]], [[60.0, 80.0, 7.0], [66.0, 83.0, 7.0]]])
    *_, in_use, doubled = table(["in use", "image x 2"], {"films": found}).splitlines()
    assert "55.0 / 75.0 / 6.0" in in_use
    assert "+0.0 ± 0.0" in in_use
    # 2 and 6 more: 4 in the mean, and their deviation of 2 over the root of two films
    assert "59.0 / 77.0 / 6.0" in doubled
    assert "+4.0 ± 1.4" in doubled


def test_prints_a_row_for_each(
    films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fit_weights", "--renders", str(films), "--count", "1", "--weights", "image"]
    monkeypatch.setattr("sys.argv", [*arguments, "--factors", "4", "--workers", "1"])
    assert fit_weights.main() == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("in use", "image x 4"))]
    assert len(rows) == 2
    assert all(len(row.split()) >= 5 for row in rows)
    assert rows[0].split()[-3:] != rows[1].split()[-3:]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--motions", "nowhere"], "nowhere"),
        ([], "nothing to fit"),
        (["--network", "vibe"], "vibe"),
    ],
)
def test_what_cannot_be_fitted(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fit_weights", *arguments])
    assert fit_weights.main() == 1
    assert said in capsys.readouterr().err
