"""Maps that the user saved: they lie in one folder and are found for every character whose bones are called so.

The folder is ``rig_maps`` in Limber's data folder (:func:`smpl_rig.service.data_folder`), the same for Blender and for
the command line. A file in it is a map as ``docs/retargeting.md`` describes it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..service import data_folder
from .rig_map import RigMap, RigMapError, read_rig_map, rig_maps


def saved_maps_folder() -> Path:
    """Where the user's maps lie; it need not exist yet."""
    return data_folder() / "rig_maps"


def saved_maps() -> tuple[RigMap, ...]:
    """The user's maps as they are now, in the order of their files' names.

    Raises:
        RigMapError: if one is damaged, naming the file and what is wrong.
    """
    try:
        return tuple(replace(read_rig_map(path), is_saved=True) for path in sorted(saved_maps_folder().glob("*.json")))
    except RigMapError as error:
        raise RigMapError(f"{error} Mend the file, or take it out of {saved_maps_folder()}.") from error


def known_maps() -> tuple[RigMap, ...]:
    """The user's maps and the bundled ones.

    Raises:
        RigMapError: as :func:`saved_maps` does.
    """
    return (*saved_maps(), *rig_maps())
