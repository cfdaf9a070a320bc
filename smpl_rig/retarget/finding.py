"""Which of a rig's bones are which: by their names, else by how they hang together and where they lie at rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .rig import Rig, RigError
from .rig_map import RigBones, RigMap
from .saved_maps import known_maps
from .shape.figure import bones_by_shape


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        bones: which is which.
        how: the title of the map, or "its shape".
        confidence: by bone, from 0 (a guess) to 1 (named so).
    """

    bones: RigBones
    how: str
    confidence: Mapping[str, float]


def find_bones(rig: Rig, maps: Sequence[RigMap] | None = None) -> Finding:
    """By names, else by shape.

    Args:
        rig: at rest, upright.
        maps: families to look among; the user's and the bundled ones by default.

    Raises:
        RigError: if no family's names fit and the shape is no two-legged figure's, saying what is missing.
        RigMapError: if one of the user's maps is damaged.
    """
    return find_by_names(rig.names, known_maps() if maps is None else maps) or find_by_shape(rig)


def find_by_names(names: Iterable[str], maps: Sequence[RigMap]) -> Finding | None:
    """By the family that has all it needs, and has a name for most of the bones.

    One whose switches the rig has (Rigify's controls) goes before those of bones that the switches drive, and one that
    the user saved before a bundled one, where the rig has all its joints.
    """
    names = tuple(names)
    fitting = []
    for rig_map in maps:
        bones = rig_map.found_in(names)
        if bones.lacking() or any(setting.bone not in names for setting in rig_map.settings):
            continue
        is_preferred = rig_map.is_saved and bones.joints.keys() == rig_map.joints.keys()
        fitting.append((bool(rig_map.settings), is_preferred, len(bones.all()), rig_map, bones))
    if not fitting:
        return None
    *_, rig_map, bones = max(fitting, key=lambda found: found[:3])
    return Finding(bones, rig_map.title, dict.fromkeys(bones.all(), 1.0))


def find_by_map(names: Iterable[str], rig_map: RigMap) -> Finding:
    """By one family's names.

    Raises:
        RigError: saying what it finds no bone for.
    """
    names = tuple(names)
    found = find_by_names(names, (rig_map,))
    if found is None:
        switches = [setting.bone for setting in rig_map.settings if setting.bone not in names]
        lacking = ", ".join(rig_map.found_in(names).lacking() or switches)
        raise RigError(f"The map '{rig_map.title}' does not fit this rig: it finds no {lacking}.")
    return found


def find_by_shape(rig: Rig) -> Finding:
    """By hierarchy and rest pose alone.

    Raises:
        RigError: saying what is missing.
    """
    bones, sureness = bones_by_shape(rig)
    return Finding(bones, "its shape", sureness)
