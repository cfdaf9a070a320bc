"""The picture of ``limber evaluate smoothing``. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from smpl_rig.smoothness import DEFAULT_SMOOTHNESS

from .smoothing import OURS, UNFILTERED, Curve


def plot(found: dict[str, list[Curve]], path: Path) -> None:
    """MPJPE against ACC-ERR, one picture for each eye."""
    figure = Figure(figsize=(5.2 * len(found), 4.2), layout="constrained")
    for axes, (eye, seen) in zip(figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True):
        axes.set_prop_cycle(color=["tab:blue", "tab:orange", "tab:green", "tab:purple"])
        for curve in seen:
            x, y = [point.acc_err for point in curve.points], [point.mpjpe for point in curve.points]
            if curve.name == UNFILTERED:
                axes.plot(x, y, "k*", markersize=11, label=curve.name, zorder=3)
            elif curve.name == OURS:
                axes.plot(x, y, "o-", linewidth=2.2, markersize=4, color="tab:red", label=curve.name, zorder=2)
                default = next(point for point in curve.points if point.strength == DEFAULT_SMOOTHNESS)
                axes.plot(default.acc_err, default.mpjpe, "o", markersize=10, color="tab:red", label="its default")
            else:
                axes.plot(x, y, ".-", linewidth=1, label=curve.name)
        raw, ours = seen[0].points[0], [point.mpjpe for point in seen[1].points]
        room = max(raw.mpjpe - min(ours), 0.01 * raw.mpjpe)
        axes.set_ylim(min(ours) - 0.3 * room, raw.mpjpe + 1.2 * room)
        axes.set(title=eye, xlabel="ACC-ERR, mm/frame²", ylabel="MPJPE, mm")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize="small")
    figure.savefig(path, dpi=110)
