"""Which of a rig's bones are in a file."""

from __future__ import annotations

from enum import StrEnum


class WrittenBones(StrEnum):
    """All, or those that move the skin and what carries them."""

    ALL = "all"
    DEFORMING = "deforming"
