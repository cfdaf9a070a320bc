"""Image sequences: which pictures a folder or a pattern such as ``shot_%04d.png`` means, and in what order.

The backend reads them and the add-on shows them behind the person; here both find the same ones.
"""

from __future__ import annotations

import re
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_PATTERN = re.compile(r"%0?(\d*)d")


def is_image_sequence(path: Path) -> bool:
    """Whether a path is a folder, or a pattern and no file of that very name."""
    return path.is_dir() or (_PATTERN.search(path.name) is not None and not path.exists())


def images_of(path: Path) -> list[tuple[int, Path]]:
    """The pictures of a folder or pattern: their numbers in steps of a frame, increasing, and their files.

    A pattern's numbers are those in the names, so that a missing picture leaves a gap; a folder's count its pictures,
    ``2.png`` before ``10.png``. Hidden files are left out.

    Raises:
        OSError: if the folder cannot be read.
    """
    if path.is_dir():
        images = [each for each in path.iterdir() if each.suffix.lower() in IMAGE_SUFFIXES and each.is_file()]
        shown = (image for image in images if not image.name.startswith("."))
        return list(enumerate(sorted(shown, key=lambda image: _natural_order(image.name))))
    before, digits, after = _PATTERN.split(path.name, maxsplit=1)
    number = re.compile(re.escape(before) + f"([0-9]{{{int(digits or 1)},}})" + re.escape(after))
    matches = ((number.fullmatch(each.name), each) for each in path.parent.iterdir())
    return sorted((int(match[1]), each) for match, each in matches if match)


def _natural_order(name: str) -> list[tuple[bool, int, str]]:
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in re.split(r"([0-9]+)", name)]
