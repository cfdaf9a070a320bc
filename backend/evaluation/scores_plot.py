"""The picture of ``limber evaluate simulated``, which needs matplotlib.

``python -m backend.evaluation.scores_plot SCORES PICTURE`` draws it again from the scores that were written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backend.argument_types import new_file
from backend.models import PER_FRAME, choose_network
from backend.user_errors import told_in_one_line

from .rivals import FAIR, RAW
from .scores import TRUTH, Row, answers_in, as_captured, asked_once, mean_by_joint, mean_of, read_scores

#: How far an answer has been brought: by itself, onto the landmarks, and smoothed. BlazePose's 3D has the outer two.
_MARKERS = {"alone": "o", "fitted": "s", "smoothed": "D"}
_COLOURS = ("tab:red", "tab:blue", "tab:green", "tab:orange", "tab:purple", "tab:brown", "tab:pink")
_OTHERS = {RAW: "tab:gray", PER_FRAME.name: "black"}


def plot(rows: Sequence[Row], default: str, path: Path) -> None:
    """Accuracy against smoothness of every answer, and PA-MPJPE by act and by joint of those that matter most.

    Args:
        rows: of all answers.
        default: the answer that a user gets.
        path: of the picture.
    """
    figure = Figure(figsize=(14, 10), layout="constrained")
    places = figure.subplot_mosaic([["every", "near"], ["act", "joint"]], width_ratios=(3, 2))
    _every_answer(places["every"], rows)
    _only_networks(places["near"], rows)
    by_act, by_joint = places["act"], places["joint"]
    acts = list(dict.fromkeys(row.act for row in rows))
    chosen = [name for name in (FAIR, PER_FRAME.name, default) if name in answers_in(rows)]
    _bars(by_act, chosen, acts, lambda answer: [mean_of(rows, answer, "pa_mpjpe", act) for act in acts])
    joints = list(mean_by_joint(rows, rows[0].answer))
    _bars(by_joint, chosen, joints, lambda answer: list(mean_by_joint(rows, answer).values()))
    by_act.set(title="by act", ylabel="PA-MPJPE, mm")
    by_joint.set(title="by joint")
    by_act.legend(fontsize="small")
    figure.savefig(path, dpi=110)


def _every_answer(axes: Axes, rows: Sequence[Row]) -> None:
    """PA-MPJPE against ACC-ERR, of BlazePose's 3D and the solver too."""
    _answers(axes, rows)
    for brought, marker in _MARKERS.items():
        axes.plot([], [], marker, color="0.4", label=brought)
    axes.set_xscale("log")
    ticks = [4, 5, 6, 8, 10, 15, 20, 30, 40]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set(title="every answer", xlabel="ACC-ERR, mm/frame²", ylabel="PA-MPJPE, mm")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small", ncols=2)


def _only_networks(axes: Axes, rows: Sequence[Row]) -> None:
    """The same from near by, where one network can be told from another."""
    _answers(axes, [row for row in rows if _whose(row.answer) not in _OTHERS])
    axes.set(title="networks, from near by", xlabel="ACC-ERR, mm/frame²")


def _answers(axes: Axes, rows: Sequence[Row]) -> None:
    """A colour for each network, a marker for what was done to its answer."""
    paths: dict[str, list[tuple[float, float, str]]] = {}
    for answer in answers_in(rows):
        if answer not in (TRUTH, asked_once(_whose(answer))):
            place = mean_of(rows, answer, "acc_err"), mean_of(rows, answer, "pa_mpjpe")
            paths.setdefault(_whose(answer), []).append((*place, _brought(answer)))
    colours = iter(_COLOURS)
    for name, points in paths.items():
        colour = _OTHERS.get(name) or next(colours)
        axes.plot([x for x, _, _ in points], [y for _, y, _ in points], "-", color=colour, linewidth=1, label=name)
        for x, y, brought in points:
            axes.plot(x, y, _MARKERS[brought], color=colour, markersize=7)
    axes.grid(alpha=0.3)


def _whose(answer: str) -> str:
    return answer.split(",", maxsplit=1)[0]


def _brought(answer: str) -> str:
    if answer.endswith(", smoothed"):
        return "smoothed"
    return "fitted" if answer.endswith(", fitted") or answer == PER_FRAME.name else "alone"


def _bars(axes: Axes, answers: Sequence[str], names: Sequence[str], heights: Callable[[str], list[float]]) -> None:
    width = 0.8 / len(answers)
    for place, answer in enumerate(answers):
        colour = "tab:red" if answer not in (FAIR, PER_FRAME.name) else _OTHERS[_whose(answer)]
        axes.bar(np.arange(len(names)) + place * width, heights(answer), width, label=answer, color=colour)
    axes.set_xticks(np.arange(len(names)) + 0.4 - width / 2, names, rotation=35, ha="right")
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.3)


@told_in_one_line
def main(arguments: Sequence[str] | None = None) -> int:
    """Draws the scores that ``limber evaluate simulated --json`` or ``backend.evaluation.renders`` wrote."""
    parser = argparse.ArgumentParser(prog="python -m backend.evaluation.scores_plot", description=main.__doc__)
    parser.add_argument("scores", type=Path)
    parser.add_argument("picture", type=new_file)
    parsed = parser.parse_args(arguments)
    plot(read_scores(parsed.scores).rows, as_captured(choose_network("auto")), parsed.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
