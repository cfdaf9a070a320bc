"""How far a command is, on a terminal."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

_LAYOUT = "{desc:<10}{percentage:3.0f}% |{bar}| {elapsed} < {remaining} {postfix}"


class ProgressBar:
    """A bar for each stage, with the time that is left; silent where another program reads the output."""

    def __init__(self, silent: bool = False) -> None:
        self._silent = silent
        self._stage = ""
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, stage: str, fraction: float, people: int | None = None) -> None:
        if stage != self._stage:
            self._close()
            self._stage = stage
            self._bar = tqdm(total=1.0, desc=stage, bar_format=_LAYOUT, disable=self._silent)
        if self._bar is not None:
            if people is not None:
                self._bar.set_postfix_str(f"{people} in sight", refresh=False)
            self._bar.update(max(fraction - self._bar.n, 0.0))

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
