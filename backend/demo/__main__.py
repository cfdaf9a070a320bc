"""``python -m backend.demo``: what ``make demo`` runs."""

from __future__ import annotations

import argparse
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from backend import cli
from backend.body import limber_body
from backend.evaluation.comparison import SHARED_JOINTS, compare
from backend.json_reports import write_json
from backend.user_errors import told_in_one_line

from .choreography import perform
from .clip import demo_camera, render_clip

FRAME_RATE = Fraction(30)
#: A little taller and slimmer than the mean, which the capture does not know.
BETAS = np.array([0.6, 0.7, 0.3, 0, 0, 0, 0, 0, 0, 0])


@told_in_one_line
def main() -> int:
    """Renders and captures the authored clip, or captures the footage that is given."""
    parser = argparse.ArgumentParser(prog="python -m backend.demo", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="an earlier demo there is written over")
    parser.add_argument("--footage", type=Path, help="capture this instead of the authored clip")
    parsed = parser.parse_args()
    parsed.out.mkdir(parents=True, exist_ok=True)
    exports = ["--export", "fbx,bvh", "--preview"]
    if parsed.footage:
        return cli.main(["capture", str(parsed.footage), "-o", str(parsed.out), "--overwrite", *exports])
    return _authored(parsed.out, exports)


def _authored(out: Path, exports: list[str]) -> int:
    body = limber_body()
    performance = perform(body.rest_joints(BETAS), float(FRAME_RATE))
    camera, clip = demo_camera(), out / "clip.mp4"
    with tqdm(total=1.0, desc="render", bar_format="{desc:<10}{percentage:3.0f}% |{bar}| {elapsed}") as bar:

        def progress(done: float) -> None:
            bar.update(done - bar.n)

        render_clip(clip, body, BETAS, performance, camera, FRAME_RATE, progress)
    status = cli.main(["capture", str(clip), "-o", str(out), "--overwrite", *exports])
    if status:
        return status
    _print_rates(json.loads((out / "report.json").read_text(encoding="utf-8")))
    rows = compare(clip, out / "person_0.npz", performance.joints_world, camera)
    print(f"\nAgainst the truth, over the {len(SHARED_JOINTS)} joints of limbs that SMPL and BlazePose share:")
    print(f"{'millimetres':<34}{'PA-MPJPE':>10}{'MPJPE':>10}{'ACC-ERR':>10}")
    for name, row in rows.items():
        print(f"{name:<34}{row['pa_mpjpe']:>10.1f}{row['mpjpe']:>10.1f}{row['acc_err']:>10.1f}")
    write_json(out / "comparison.json", rows)
    return 0


def _print_rates(report: dict[str, Any]) -> None:
    frames = report["footage"]["frames_read"]
    print(f"\n{'frames per second':<34}{report['frames_per_second']:>10.1f}")
    for stage in ("people", "pose", "placement"):
        print(f"  {stage:<32}{frames / max(report['stages_s'][stage], 1e-3):>10.1f}")


if __name__ == "__main__":
    sys.exit(main())
