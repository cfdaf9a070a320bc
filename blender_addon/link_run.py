"""A live link that is made without holding Blender up: the rig is read in pieces."""

from __future__ import annotations

from collections.abc import Iterator


class LinkRun:
    """Followed as :class:`~.bake_run.BakeRun` is.

    Args:
        said: what is being done, for the user.
        pieces: of the work; empty where there is nothing to wait for.
    """

    #: Nobody knows how far the reading of a rig is.
    progress = 0.0

    def __init__(self, said: str, pieces: Iterator[None]) -> None:
        self.said = said
        self.is_over = False
        #: A link writes none.
        self.actions: list[str] = []
        self._pieces = pieces

    def step(self) -> None:
        """Goes on for a moment.

        Raises:
            LimberError: where the link cannot be made. Everything is as it was then.
        """
        if next(self._pieces, True) is not None:
            self.is_over = True

    def finish(self) -> None:
        """Does all that is left, at once.

        Raises:
            LimberError: as :meth:`step`.
        """
        while not self.is_over:
            self.step()

    def stop(self) -> None:
        """Leaves everything as it was."""
        self._pieces = iter(())
