"""Models on LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter

from .model_files import ModelFileError


def interpreter(file: Path, threads: int) -> Any:
    """A LiteRT interpreter, ready to run.

    Raises:
        ModelFileError: if the file holds no model.
    """
    try:
        loaded = Interpreter(model_path=str(file), num_threads=threads)
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(f"{file} holds no model ({error}). Delete it and install it again.") from error
    return loaded
