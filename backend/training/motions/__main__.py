"""Makes a motion library: ``python -m backend.training.motions FOLDERS -o library.npz``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from smpl_rig.errors import LimberError

from .building import load_library
from .library import Library
from .split import SPLITS


def main(arguments: list[str] | None = None) -> int:
    """Reads folders, writes the library, prints what it holds. Returns 2 if that cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m backend.training.motions", description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDERS", type=Path, help="BVH, glTF, npz, AMASS, in any depth")
    parser.add_argument("-o", "--out", required=True, type=Path, help="the library to write (.npz)")
    options = parser.parse_args(arguments)
    with tqdm(unit="file", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            library = load_library(options.folders, show)
            library.save(options.out)
        except LimberError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except OSError as error:
            print(f"error: {options.out} cannot be written: {error.strerror}.", file=sys.stderr)
            return 2
    print(summary(library))
    return 0


def summary(library: Library) -> str:
    """A table of sources, a line for each part of the library, and what was left out."""
    minutes = library.minutes()
    width = max(len(source) for source in (*library.sources.tolist(), "source"))
    lines = [f"{'source':<{width}} {'clips':>6} {'minutes':>8} {'low':>5} {'error, mean and worst (mm)':>27}"]
    for source in sorted(set(library.sources.tolist())):
        lines.append(_line(source, width, library, library.sources == source))
    lines.append(_line("all", width, library, np.ones(len(minutes), dtype=bool)))
    parts = (f"{part} {minutes[library.splits == part].sum():.1f}" for part in SPLITS)
    lines.append(f"minutes: {', '.join(parts)}")
    lines += [f"left out: {name}: {reason}" for name, reason in
              zip(library.refused_names, library.refused_reasons, strict=True)]  # fmt: skip
    return "\n".join(lines)


def _line(source: str, width: int, library: Library, chosen: NDArray[np.bool_]) -> str:
    minutes, errors = library.minutes()[chosen], 1000 * library.errors_m[chosen]
    low = float(np.average(library.low[chosen], weights=minutes))
    known = errors[~np.isnan(errors)]
    told = f"{known.mean():.2f} {known.max():.2f}" if len(known) else "SMPL itself"
    return f"{source:<{width}} {chosen.sum():>6} {minutes.sum():>8.2f} {low:>5.2f} {told:>27}"


if __name__ == "__main__":
    sys.exit(main())
