"""Takes as other programs want them: checked, made ready, written."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Writes each armature's take into a file of its own, called after its action.

    Returns:
        The files, and what the user should know of each.

    Raises:
        ExportError: as :func:`export_with_preset`, and where two takes would have one file.
    """
    paths = [folder / f"{_file_name(armature.animation_data.action.name)}{ending}" for armature in armatures]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise ExportError(f"Two takes would be written to {twice.name}. Rename one of the actions.")
    return {
        path: export_with_preset(armature, path, preset, root_motion)
        for armature, path in zip(armatures, paths, strict=True)
    }


def _file_name(take: str) -> str:
    return "".join(character if character.isalnum() or character in " -_." else "_" for character in take)
