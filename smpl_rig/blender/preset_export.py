"""Takes as other programs want them: checked, made ready, written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..exports.amass import write_amass
from ..exports.bvh import DEFAULT_ORDER
from ..exports.csv import write_csv
from ..exports.preset import PLAIN, Preset
from ..exports.preset import preset as named
from ..exports.root_motion import RootMotion
from ..exports.take import Take
from ..exports.written_bones import WrittenBones
from .deform_skeleton import deform_parents, has_controls
from .export_checks import Purpose, check
from .exporters import (
    ExportError,
    export_abc,
    export_bvh,
    export_fbx,
    export_glb,
    export_usd,
    take_samples,
    whole_file,
)
from .prepared import is_captured, prepared, sampled, turn_to
from .smpl_take import smpl_take

#: What writes a file whose axes and unit are the format's own, by its ending.
_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    ".glb": export_glb,
    ".usd": export_usd,
    ".usda": export_usd,
    ".usdc": export_usd,
    ".abc": export_abc,
}
#: What writes the motion of a captured person alone, by the file's ending.
_TAKE_WRITERS: dict[str, Callable[[Take, Path], None]] = {".npz": write_amass, ".csv": write_csv}
#: What is written, and of it what holds SMPL's joints alone, which other rigs do not have.
ENDINGS = (".fbx", ".bvh", *_WRITERS, *_TAKE_WRITERS)
SMPL_ENDINGS = (".bvh", *_TAKE_WRITERS)
#: What tells files from Limber's own, which have the same ending and may lie in the same folder under a take's name.
NAMED_APART = {".npz": "_amass"}


@dataclass(frozen=True)
class BvhOptions:
    """What only BVH has.

    Attributes:
        order: of the rotation channels, the first outermost.
        t_pose: whether one more frame shows the rest pose first.
    """

    order: str = DEFAULT_ORDER
    t_pose: bool = False


def export_with_preset(
    armature: Any,
    path: Path,
    preset: Preset,
    root_motion: RootMotion | None = None,
    bvh: BvhOptions = BvhOptions(),
    bones: WrittenBones | None = None,
) -> list[str]:
    """Checks the armature, and writes its take in the format of the path's ending: the one way out of Blender.

    Args:
        armature: with an action; a captured person's, or any other for root motion in the pelvis.
        path: ends in one of :data:`ENDINGS`; BVH has Limber's own names whatever the preset, and no root bone. AMASS
            (``.npz``) and CSV are of a captured person alone.
        preset: whose wishes are fulfilled.
        root_motion: None is the preset's, and for other rigs than a captured person's what they do.
        bvh: for BVH.
        bones: None is those that deform, and what carries them, where they are moved by controls; else all.

    Returns:
        What the user should know.

    Raises:
        ExportError: with everything that is wrong, or if the file cannot be written.
        PreparationError: if the armature lacks the bones that root motion needs.
        CharacterError: of AMASS and CSV, if the armature holds no capture.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ExportError(f"{path} ends in '{path.suffix}'. Choose one of {', '.join(ENDINGS)}.")
    if ending in _TAKE_WRITERS and not _is_captured(armature):
        raise ExportError(f"'{armature.name}' is no captured person, whose joints alone {path.name} can hold.")
    parents = _written(armature, ending, bones)
    problems = check(armature, Purpose(preset, ending, parents))
    errors = [problem.message for problem in problems if problem.is_error]
    if errors:
        raise ExportError(f"{path.name} was not written. {' '.join(errors)}")
    wanted = root_motion or (preset.root_motion if _is_captured(armature) else RootMotion.PELVIS)
    if wanted is RootMotion.ROOT and preset.root_bone is None:
        raise ExportError(f"{preset.title} has no root bone to hold the root motion. Choose pelvis or in-place.")
    sample = sampled(armature, take_samples(armature)).with_root_motion(wanted)
    if parents is not None:
        sample = sample.hung(parents)
    if ending == ".fbx":
        # programs that know no bind pose (Unity's avatars) take the nodes' own places for it
        with prepared(armature, sample, preset, preset.unit_m, turn_to(preset), t_pose=True) as copy:
            export_fbx(
                copy,
                path,
                forward=preset.backward,
                up=preset.up,
                unit_m=preset.unit_m,
                leaf_bones=preset.leaf_bones,
                skipped=0 if preset.t_pose_first else 1,
            )
    elif ending == ".bvh":
        with prepared(armature, sample, named(PLAIN), 1.0, np.eye(3)) as copy:
            export_bvh(copy, path, bvh.order, t_pose=bvh.t_pose)
    elif ending in _TAKE_WRITERS:
        with whole_file(path, ending) as part:
            _TAKE_WRITERS[ending](smpl_take(armature, sample), part)
    else:
        with prepared(armature, sample, preset, 1.0, np.eye(3)) as copy:
            _WRITERS[ending](copy, path)
    return [problem.message for problem in problems]


def _written(armature: Any, ending: str, bones: WrittenBones | None) -> dict[str, str | None] | None:
    """The bones that are written, each with the one it hangs on; None for all as they are."""
    if ending in SMPL_ENDINGS or bones is WrittenBones.ALL or (bones is None and not has_controls(armature)):
        return None
    return deform_parents(armature)


def _is_captured(armature: Any) -> bool:
    return is_captured(armature.data.bones.keys())


def export_takes(
    armatures: Sequence[Any],
    folder: Path,
    ending: str,
    preset: Preset,
    root_motion: RootMotion | None = None,
    bvh: BvhOptions = BvhOptions(),
    bones: WrittenBones | None = None,
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
    paths = [folder / f"{_file_name(take.action.name)}{NAMED_APART.get(ending, '')}{ending}" for _, take in takes]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise ExportError(f"Two takes would be written to {twice.name}. Rename one of the actions.")
    told: dict[Path, list[str]] = {}
    for (armature, take), path in zip(takes, paths, strict=True):
        with _alone(armature, take) if len(_takes_of(armature)) > 1 else nullcontext():
            told[path] = export_with_preset(armature, path, preset, root_motion, bvh, bones)
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
