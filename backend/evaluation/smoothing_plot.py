"""The picture of ``limber evaluate smoothing``. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from .smoothing import OURS, UNFILTERED, Curve, default_of

_IN_A_ROW = 4


def plot(found: dict[str, list[Curve]], path: Path) -> None:
    """MPJPE against ACC-ERR, one picture for each eye."""
    columns = min(len(found), _IN_A_ROW)
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(5.2 * columns, 4.2 * rows), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in every[len(found) :]:
        axes.set_axis_off()
    for axes, (eye, seen) in zip(every, found.items(), strict=False):
        axes.set_prop_cycle(color=["tab:blue", "tab:orange", "tab:green", "tab:purple", "tab:gray"])
        for curve in seen:
            x, y = [point.acc_err for point in curve.points], [point.mpjpe for point in curve.points]
            if curve.name == UNFILTERED:
                axes.plot(x, y, "k*", markersize=11, label=curve.name, zorder=3)
            elif curve.name == OURS:
                axes.plot(x, y, "o-", linewidth=2.2, markersize=4, color="tab:red", label=curve.name, zorder=2)
                default = default_of(seen)
                axes.plot(default.acc_err, default.mpjpe, "o", markersize=10, color="tab:red", label="its default")
            else:
                axes.plot(x, y, ".-", linewidth=1, label=curve.name)
        raw, lowest = seen[0].points[0], min(point.mpjpe for curve in seen for point in curve.points)
        room = max(raw.mpjpe - lowest, 0.005 * raw.mpjpe)
        axes.set_ylim(lowest - 0.2 * room, raw.mpjpe + room)
        axes.set(title=eye, xlabel="ACC-ERR, mm/frame²", ylabel="MPJPE, mm")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize="small")
    figure.savefig(path, dpi=110)
