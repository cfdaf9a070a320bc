from __future__ import annotations

from pathlib import Path

import pytest

from backend.evaluation import fit_weights
from backend.evaluation.fit_weights import WEIGHTS, simulated, varied
from backend.features.initial_pose import FitSettings
from backend.training.variety import Clips


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


def test_the_same_seed_simulates_the_same(standing: Clips) -> None:
    one, again, other = (simulated(standing, 1, 0.3, seed)[0] for seed in (1, 1, 2))
    assert (one.joints == again.joints).all()
    assert (one.joints != other.joints).any()


def test_motions_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fit_weights", "--motions", str(tmp_path / "nowhere")])
    assert fit_weights.main() == 1
    assert "nowhere" in capsys.readouterr().err
