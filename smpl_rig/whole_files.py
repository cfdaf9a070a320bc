"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Gives an empty file beside ``path`` to write to, which takes its place at the end.

    If writing fails or is interrupted, what was at ``path`` stays as it was, and nothing is left beside it.

    Raises:
        OSError: if the folder is missing or may not be written to.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)  # others may read it; mkstemp's files are their owner's alone
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
