"""Takes as other programs want them: checked, made ready, written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..exports.preset import Preset
from ..exports.root_motion import RootMotion
from .export_checks import check
from .exporters import ExportError, export_abc, export_fbx, export_glb, export_usd, take_samples
from .prepared import prepared, sampled, turn_to

_IN_METRES = {".glb": export_glb, ".usd": export_usd, ".usda": export_usd, ".usdc": export_usd, ".abc": export_abc}


def export_with_preset(armature: Any, path: Path, preset: Preset, root_motion: RootMotion | None = None) -> list[str]:
    """Writes the armature's take in the format of the path's ending.

    Args:
        armature: with an action; a captured person's, or any other for root motion in the pelvis.
        path: ends in ``.fbx``, ``.glb``, ``.usd`` or ``.abc``.
        preset: whose wishes are fulfilled.
        root_motion: None is the preset's.

    Returns:
        What the user should know.

    Raises:
        ExportError: with everything that is wrong, or if the file cannot be written.
        PreparationError: if the armature lacks the bones that root motion needs.
    """
    ending = path.suffix.lower()
    if ending != ".fbx" and ending not in _IN_METRES:
        raise ExportError(f"{path} ends in '{ending}'. Presets write .fbx, {', '.join(_IN_METRES)}.")
    problems = check(armature, preset)
    errors = [problem.message for problem in problems if problem.is_error]
    if errors:
        raise ExportError(f"{path.name} was not written. {' '.join(errors)}")
    wanted = root_motion or preset.root_motion
    if wanted is RootMotion.ROOT and preset.root_bone is None:
        raise ExportError(f"{preset.title} has no root bone to hold the root motion. Choose pelvis or in-place.")
    sample = sampled(armature, take_samples(armature)).with_root_motion(wanted)
    is_fbx = ending == ".fbx"
    turned = turn_to(preset) if is_fbx else np.eye(3)
    unit_m = preset.unit_m if is_fbx else 1.0
    with prepared(armature, sample, preset, unit_m, turned) as copy:
        if is_fbx:
            export_fbx(copy, path, forward=preset.backward, up=preset.up, unit_m=unit_m, leaf_bones=preset.leaf_bones)
        else:
            _IN_METRES[ending](copy, path)
    return [problem.message for problem in problems]


def export_takes(
    armatures: Sequence[Any], folder: Path, ending: str, preset: Preset, root_motion: RootMotion | None = None
) -> dict[Path, list[str]]:
    """Writes every take of each armature into a file of its own, called after its action.

    An armature's takes are its action and those of the strips of its nonlinear animation. Where there are several, each
    is written alone; where there is one, as it is seen.

    Returns:
        The files, and what the user should know of each.

    Raises:
        ExportError: as :func:`export_with_preset`, and where two takes would have one file.
    """
    takes = [(armature, take) for armature in armatures for take in _takes_of(armature)]
    paths = [folder / f"{_file_name(take.action.name)}{ending}" for _, take in takes]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise ExportError(f"Two takes would be written to {twice.name}. Rename one of the actions.")
    told: dict[Path, list[str]] = {}
    for (armature, take), path in zip(takes, paths, strict=True):
        with _alone(armature, take) if len(_takes_of(armature)) > 1 else nullcontext():
            told[path] = export_with_preset(armature, path, preset, root_motion)
    return told


@dataclass(frozen=True)
class _Take:
    """An action, and which of its slots the armature uses (None before Blender 4.4)."""

    action: Any
    slot: Any


def _takes_of(armature: Any) -> list[_Take]:
    animation = armature.animation_data
    if animation is None:
        return []
    holders = [animation, *(strip for track in animation.nla_tracks for strip in track.strips)]
    found: dict[str, _Take] = {}
    for holder in holders:
        if holder.action is not None:
            found.setdefault(holder.action.name, _Take(holder.action, getattr(holder, "action_slot", None)))
    return list(found.values())


@contextmanager
def _alone(armature: Any, take: _Take) -> Iterator[None]:
    """The armature with this take and nothing beside it."""
    animation = armature.animation_data
    before, layered = _Take(animation.action, getattr(animation, "action_slot", None)), animation.use_nla
    animation.use_nla = False
    _assign(animation, take)
    try:
        yield
    finally:
        _assign(animation, before)
        animation.use_nla = layered


def _assign(animation: Any, take: _Take) -> None:
    animation.action = take.action
    if take.slot is not None:
        animation.action_slot = take.slot


def _file_name(take: str) -> str:
    return "".join(character if character.isalnum() or character in " -_." else "_" for character in take)
