import json
from pathlib import Path

import numpy as np
import pytest

from backend.evaluation.comparison import SHARED_JOINTS
from backend.evaluation.rivals import FAIR
from backend.evaluation.scores import (
    METRICS,
    TRUTH,
    Row,
    ScoresError,
    as_captured,
    comparison,
    mean_by_joint,
    mean_of,
    read_scores,
    report,
    table,
    table_by_act,
    table_by_joint,
    told_worse,
    worse_than,
    write_rows,
)
from backend.machine import machine

OURS, THEIRS = "net, fitted, smoothed", "per-frame"


def row(act: str, sequence: int, answer: str, pa_mpjpe: float, acc_err: float, pve: float = np.nan) -> Row:
    by_joint = tuple(pa_mpjpe + 10 * name.startswith("left") for name in SHARED_JOINTS)
    return Row(act, sequence, answer, pa_mpjpe, 90.0, pve, acc_err, 98.0, 60.0, 12.5, np.nan, (1.0,) * 12, by_joint)


@pytest.fixture
def rows() -> list[Row]:
    return [
        row("walk", 0, TRUTH, 0.0, 0.0, 0.0),
        row("walk", 0, OURS, 40.0, 4.0, 45.0),
        row("walk", 0, THEIRS, 80.0, 8.0),
        row("sit", 1, TRUTH, 0.0, 0.0, 0.0),
        row("sit", 1, OURS, 60.0, 6.0),
        row("sit", 1, THEIRS, 50.0, 5.0),
    ]


def cells(text: str, answer: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"{answer} "))
    return line.removeprefix(answer).split()


def test_tables_tell_means(rows: list[Row]) -> None:
    told = table(rows)
    assert told.splitlines()[0].split("  ")[-1].strip() == METRICS["pa_mpjpe_back"]
    assert cells(told, OURS) == ["50.0", "90.0", "45.0", "5.0", "98.0", "60.0", "12.5"], "pve of the one that has it"
    assert cells(told, THEIRS) == ["65.0", "90.0", "6.5", "98.0", "60.0", "12.5"]
    assert cells(told, TRUTH) == ["12.5"], "the truth has no error to speak of"
    assert told.endswith("2 sequences")


def test_errors_by_act_and_by_joint(rows: list[Row]) -> None:
    assert cells(table_by_act(rows, "acc_err"), OURS) == ["4.0", "6.0"]
    assert mean_of(rows, THEIRS, "pa_mpjpe", "sit") == 50
    assert mean_by_joint(rows, OURS) == dict.fromkeys(("shoulder", "elbow", "wrist", "hip", "knee", "ankle"), 55.0)
    assert cells(table_by_joint(rows), THEIRS) == ["70.0"] * 6
    assert TRUTH not in table_by_act(rows) + table_by_joint(rows)


def test_an_answer_is_held_against_its_rivals(rows: list[Row]) -> None:
    assert cells(comparison(rows, OURS, [THEIRS]), f"of {THEIRS}")[:3] == ["0.77", "0.77", "0.85"]
    assert [each.sequence for each in worse_than(rows, OURS, THEIRS, 1.1)] == [1]
    assert worse_than(rows, OURS, THEIRS, 1.3) == []
    said = told_worse(rows, OURS, THEIRS).splitlines()
    assert said == [
        f"{OURS} is worse than {THEIRS} by more than 10% in 1 of 2 sequences",
        "  1 (sit): 60.0 against 50.0 mm",
    ]


def test_a_report_holds_the_default_against_whoever_was_asked(rows: list[Row]) -> None:
    assert f"of {THEIRS}" in report(rows, OURS)
    assert FAIR not in report(rows, OURS), "it was not asked"
    assert "is worse than" not in report(rows, "another")


def test_what_a_user_sees_is_smoothed() -> None:
    assert as_captured("tar") == "tar, fitted, smoothed"
    assert as_captured("per-frame") == "per-frame, smoothed"


def test_scores_are_written_with_the_machine_they_come_from(rows: list[Row], tmp_path: Path) -> None:
    write_rows(rows, tmp_path / "scores.json", {"seed": 3})
    text = (tmp_path / "scores.json").read_text()
    assert "NaN" not in text
    written = json.loads(text)
    assert written["settings"] == {"seed": 3}
    assert written["joints"] == list(SHARED_JOINTS)
    assert written["rows"][1]["pa_mpjpe_back"] is None
    scores = read_scores(tmp_path / "scores.json")
    assert scores.machine == machine()
    assert scores.rows == rows


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("glTF", "holds no scores"),
        ("[]", "holds no scores"),
        ('{"machine": "a laptop"}', "lacks 'rows'"),
        ('{"machine": "a laptop", "rows": [{"pa_mpjpe": "?"}]}', "holds no scores"),
    ],
)
def test_what_holds_no_scores_is_refused(content: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ScoresError, match=said) as refusal:
        read_scores(path)
    assert str(path) in str(refusal.value)
    assert "limber evaluate simulated --json" in str(refusal.value)


def test_scores_that_lack_a_figure_are_refused(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_rows(rows, path, {})
    written = json.loads(path.read_text())
    del written["rows"][2]["jitter"]
    path.write_text(json.dumps(written))
    with pytest.raises(ScoresError, match="lacks 'jitter'"):
        read_scores(path)
