"""Scores of every answer on every sequence: tables, JSON, and how answers stand to each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backend.json_reports import known
from backend.machine import machine
from backend.models import PER_FRAME
from backend.text_table import aligned
from smpl_rig.errors import LimberError
from smpl_rig.whole_files import whole_file

from .comparison import SHARED_JOINTS
from .rivals import FAIR, RAW

#: What the truth itself is called; all that can be said of it is its jitter.
TRUTH = "the truth"
#: Each figure's heading. Millimetres; mm/frame^2, percent and m/s^3 where no lengths are meant.
METRICS = {
    "pa_mpjpe": "PA-MPJPE",
    "mpjpe": "MPJPE",
    "pve": "PVE",
    "acc_err": "ACC-ERR",
    "pck": "PCK@150",
    "auc": "AUC",
    "jitter": "jitter",
    "pa_mpjpe_back": "PA, back",
}
#: An answer that is worse than the solver by this factor is told of.
NOTABLY_WORSE = 1.1
_BY_JOINT = ("mpjpe_by_joint", "pa_mpjpe_by_joint")
_AGAIN = "Name what limber evaluate simulated --json wrote."


class ScoresError(LimberError):
    """A file holds no scores, or not all of them."""


@dataclass(frozen=True)
class Row:
    """One answer's scores on one sequence; NaN where there is nothing to tell.

    Attributes:
        act: what is done in the sequence.
        sequence: its number.
        answer: whose it is.
        pa_mpjpe: mm.
        mpjpe: mm.
        pve: mm; NaN for answers without a body.
        acc_err: mm/frame^2.
        pck: percent, at 150 mm.
        auc: percent.
        jitter: m/s^3, from the middle of the hips.
        pa_mpjpe_back: mm, over the frames that show the person's back; NaN if there are none.
        mpjpe_by_joint: mm, in the order of ``SHARED_JOINTS``.
        pa_mpjpe_by_joint: mm, in the same order.
    """

    act: str
    sequence: int
    answer: str
    pa_mpjpe: float
    mpjpe: float
    pve: float
    acc_err: float
    pck: float
    auc: float
    jitter: float
    pa_mpjpe_back: float
    mpjpe_by_joint: tuple[float, ...]
    pa_mpjpe_by_joint: tuple[float, ...]


def as_captured(network: str) -> str:
    """What the answer is called that a user of a network sees: fitted, and smoothed by the default amount."""
    return f"{network}, smoothed" if network == PER_FRAME.name else f"{network}, fitted, smoothed"


def asked_once(network: str) -> str:
    """What a network's own answer is called where it was not asked for the mirror image, too."""
    return f"{network}, asked once"


def answers_in(rows: Iterable[Row]) -> list[str]:
    """Whose answers were scored, in the order in which they were asked."""
    return list(dict.fromkeys(row.answer for row in rows))


def mean_of(rows: Iterable[Row], answer: str, metric: str, act: str | None = None) -> float:
    """The mean of an answer's figure over the sequences, or over those of one act; NaN if it has none."""
    return _mean(getattr(row, metric) for row in rows if row.answer == answer and act in (None, row.act))


def mean_by_joint(rows: Iterable[Row], answer: str) -> dict[str, float]:
    """An answer's PA-MPJPE by joint, left and right together."""
    found = np.array([row.pa_mpjpe_by_joint for row in rows if row.answer == answer])
    parts = [name.partition("_")[2] for name in SHARED_JOINTS]
    return {part: _mean(found[:, [p == part for p in parts]].ravel()) for part in dict.fromkeys(parts)}


def table(rows: Sequence[Row]) -> str:
    """Means over the sequences."""

    def figure(answer: str, metric: str) -> float:
        return np.nan if answer == TRUTH and metric != "jitter" else mean_of(rows, answer, metric)

    body = _figures(answers_in(rows), METRICS.values(), lambda answer: [figure(answer, name) for name in METRICS])
    return f"{body}\n{len({row.sequence for row in rows})} sequences"


def table_by_act(rows: Sequence[Row], metric: str = "pa_mpjpe") -> str:
    """One figure's mean for each act and answer."""
    acts = list(dict.fromkeys(row.act for row in rows))
    return _figures(_judged(rows), acts, lambda answer: [mean_of(rows, answer, metric, act) for act in acts])


def table_by_joint(rows: Sequence[Row]) -> str:
    """PA-MPJPE for each joint and answer, left and right together."""
    names = list(mean_by_joint(rows, rows[0].answer))
    return _figures(_judged(rows), names, lambda answer: list(mean_by_joint(rows, answer).values()))


def worse_than(rows: Sequence[Row], answer: str, rival: str, by: float) -> list[Row]:
    """The answer's rows of sequences in which its PA-MPJPE is more than ``by`` times its rival's."""
    rivals = {row.sequence: row.pa_mpjpe for row in rows if row.answer == rival}
    return [row for row in rows if row.answer == answer and row.pa_mpjpe > by * rivals[row.sequence]]


def report(rows: Sequence[Row], default: str) -> str:
    """All tables, and how the answer that a user gets by default stands to its rivals."""
    answers = answers_in(rows)
    rivals = [name for name in (RAW, FAIR, PER_FRAME.name, as_captured(PER_FRAME.name)) if name in answers]
    parts = [
        table(rows),
        f"PA-MPJPE by act, mm\n{table_by_act(rows)}",
        f"PA-MPJPE by joint, mm\n{table_by_joint(rows)}",
    ]
    if default in answers:
        parts += [comparison(rows, default, rivals), told_worse(rows, default, PER_FRAME.name)]
    return "\n\n".join(parts)


def comparison(rows: Sequence[Row], answer: str, rivals: Sequence[str]) -> str:
    """What part of each rival's errors an answer has: of the means, and of PA-MPJPE in single sequences."""
    lines = [[f"{answer} has", "PA-MPJPE", "ACC-ERR", "PA-MPJPE: median", "four of five"]]
    for rival in rivals:
        pa, acc = (mean_of(rows, answer, name) / mean_of(rows, rival, name) for name in ("pa_mpjpe", "acc_err"))
        low, middle, high = np.nanquantile(_ratios(rows, answer, rival), (0.1, 0.5, 0.9))
        lines.append([f"of {rival}", f"{pa:.2f}", f"{acc:.2f}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}"])
    return aligned(lines, range(1, 5))


def told_worse(rows: Sequence[Row], answer: str, rival: str) -> str:
    """The sequences in which an answer is notably worse than a rival, one in a line."""
    rivals = {row.sequence: row.pa_mpjpe for row in rows if row.answer == rival}
    worse = worse_than(rows, answer, rival, NOTABLY_WORSE)
    lines = [f"  {row.sequence} ({row.act}): {row.pa_mpjpe:.1f} against {rivals[row.sequence]:.1f} mm" for row in worse]
    count = f"{len(worse)} of {len(rivals)} sequences"
    return "\n".join([f"{answer} is worse than {rival} by more than {NOTABLY_WORSE - 1:.0%} in {count}", *lines])


def write_rows(rows: Sequence[Row], path: Path, settings: dict[str, Any]) -> None:
    """All rows, one in a line, with what they were made by and on; what cannot be told is null."""
    head = json.dumps({"machine": machine(), "settings": settings, "joints": SHARED_JOINTS})
    lines = ",\n".join(json.dumps(_as_json(row), separators=(",", ":")) for row in rows)
    with whole_file(path) as part:
        part.write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")


@dataclass(frozen=True)
class Scores:
    """What :func:`write_rows` wrote.

    Attributes:
        machine: on which it was made, in words.
        rows: all of them.
    """

    machine: str
    rows: list[Row]


def read_scores(path: Path) -> Scores:
    """Reads what :func:`write_rows` wrote.

    Raises:
        ScoresError: if the file cannot be read, holds no scores, or a row lacks a figure.
    """
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return Scores(report["machine"], [_from_json(row) for row in report["rows"]])
    except OSError as error:
        raise ScoresError(f"{path} cannot be read: {error.strerror or error}. {_AGAIN}") from error
    except KeyError as error:
        raise ScoresError(f"{path} lacks {error}. {_AGAIN}") from error
    except (ValueError, TypeError) as error:
        raise ScoresError(f"{path} holds no scores: {error}. {_AGAIN}") from error


def _as_json(row: Row) -> dict[str, Any]:
    values = asdict(row)
    scores = {name: round(values[name], 2) for name in METRICS}
    joints = {name: [known(round(value, 1)) for value in values[name]] for name in _BY_JOINT}
    return {"act": row.act, "sequence": row.sequence, "answer": row.answer, **known(scores), **joints}


def _from_json(row: dict[str, Any]) -> Row:
    figures: dict[str, Any] = {name: _number(row[name]) for name in METRICS}
    figures |= {name: tuple(map(_number, row[name])) for name in _BY_JOINT}
    return Row(row["act"], row["sequence"], row["answer"], **figures)


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _judged(rows: Sequence[Row]) -> list[str]:
    return [answer for answer in answers_in(rows) if answer != TRUTH]


def _figures(answers: Iterable[str], names: Iterable[str], figures: Callable[[str], list[float]]) -> str:
    lines = [["answer", *names]]
    lines += [
        [answer, *(f"{value:.1f}" if np.isfinite(value) else "" for value in figures(answer))] for answer in answers
    ]
    return aligned(lines, range(1, len(lines[0])))


def _ratios(rows: Sequence[Row], answer: str, rival: str) -> list[float]:
    rivals = {row.sequence: row.pa_mpjpe for row in rows if row.answer == rival}
    return [row.pa_mpjpe / rivals[row.sequence] for row in rows if row.answer == answer]


def _mean(values: Iterable[float]) -> float:
    """Of those that are known; NaN if none is."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else np.nan
