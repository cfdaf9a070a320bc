"""The folder and the files that a command writes, and the list of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion


def make_folder(folder: Path) -> None:
    """Makes it, and those that it lies in, where they are missing, and tries that files can be written in it.

    Whoever waited for a capture should not learn at its end that there is no place for it.

    Raises:
        LimberError: if that is not allowed, or a file has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LimberError(f"{folder} cannot be made: {error.strerror}. Choose a folder you may write to.") from error
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LimberError(
            f"Nothing can be written in {folder}: {error.strerror}. Choose a folder you may write to."
        ) from error


def keep_earlier(folder: Path) -> None:
    """Makes sure that no person who was captured or imported before is lost.

    Raises:
        LimberError: if the folder holds Motion files.
    """
    earlier = sorted(path.name for path in folder.glob("person_*.npz"))
    if earlier:
        named = ", ".join(earlier[:3]) + (" and more" if len(earlier) > 3 else "")
        raise LimberError(f"{folder} holds {named} already. Choose another folder, or say --overwrite.")


def save_motions(motions: Iterable[Motion], folder: Path) -> list[Path]:
    """One Motion file for each person, ``person_N.npz``, in a folder that exists.

    Raises:
        MotionError: if one cannot be written.
    """
    written = []
    for motion in motions:
        path = folder / f"person_{motion.person}.npz"
        motion.save(path)
        written.append(path)
    return written


def print_paths(paths: Sequence[Path]) -> None:
    """What was written, one path a line."""
    for path in paths:
        print(f"  {path}")
