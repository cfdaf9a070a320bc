r"""A Motion file onto the rig in a file, with no window: the command line's way to Blender.

    python -m smpl_rig.blender.retarget_file MOTION.npz RIG.fbx OUT.fbx --smoothness 0.5

needs ``bpy`` in the environment.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy  # brings the next one

# isort: split
import addon_utils
import numpy as np

from ..errors import LimberError
from ..exports.preset import PLAIN, Preset, preset
from ..exports.written_bones import WrittenBones
from ..motion import Motion
from ..refine import refine
from ..retarget.command_line import GLTF_FORMATS, RIG_FORMATS, add_arguments
from ..retarget.finding import Finding, find_by_map
from ..retarget.retargeting import Performance
from ..retarget.rig import RigError
from ..retarget.rig_map import RigMap, read_rig_map
from ..retarget.vrm import find_in_vrm
from ..smoothness import DEFAULT_SMOOTHNESS
from .animation import fit_scene, frame_rate, frames_at
from .own_process import leave, warn
from .preset_export import ENDINGS, SMPL_ENDINGS, export_with_preset
from .retarget import NO_OPTIONS, BakeOptions, find_rig_bones, put_to_rest, retarget

#: What is written.
OUT_FORMATS = (".blend", *(ending for ending in ENDINGS if ending not in SMPL_ENDINGS))


def retarget_file(
    motion_path: Path,
    rig_path: Path,
    out: Path,
    smoothness: float = DEFAULT_SMOOTHNESS,
    rig_map: RigMap | None = None,
    armature: str | None = None,
    *,
    options: BakeOptions = NO_OPTIONS,
    program: str = PLAIN,
    bones: WrittenBones | None = None,
) -> tuple[Finding, list[str]]:
    """Opens the rig, bakes the motion to it and writes it by the output's ending.

    Args:
        motion_path: a Motion file.
        rig_path: of :data:`~smpl_rig.retarget.command_line.RIG_FORMATS`.
        out: of :data:`OUT_FORMATS`.
        smoothness: 0 to 1.
        rig_map: of the rig; without one it is found.
        armature: the name of the armature, where the file holds several.
        options: what else is asked of the bake.
        program: the preset that the output is for.
        bones: which of the rig's are written, as for :func:`~smpl_rig.blender.preset_export.export_with_preset`.

    Returns:
        Which bones were taken for which, and what the user should know of the output.

    Raises:
        LimberError: if a file cannot be read or written, or the rig is no two-legged figure.
    """
    if out.suffix.lower() not in OUT_FORMATS:
        raise RigError(f"{out} ends in '{out.suffix}'. Choose one of {', '.join(OUT_FORMATS)}.")
    motion = refine(Motion.load(motion_path), smoothness)
    _open(rig_path)
    target = _armature(rig_path, armature)
    found = _found(rig_path, target, rig_map)
    if rig_path.suffix.lower() != ".blend":  # importers leave a rig as it happens to be posed in the file
        put_to_rest(target, found.bones)
    scene = bpy.context.scene
    fit_scene(scene, motion)
    frames = frames_at(motion.timestamps_s, frame_rate(scene))
    retarget(target, Performance.of(motion), np.asarray(frames), found.bones, motion_path.stem, options)
    return found, _write(target, out, preset(program), bones)


def _found(path: Path, target: Any, rig_map: RigMap | None) -> Finding:
    """By the map if there is one, else as the file itself says (VRM), else by names or shape."""
    names = [bone.name for bone in target.data.bones]
    if rig_map is not None:
        return find_by_map(names, rig_map)
    said = find_in_vrm(path) if path.suffix.lower() in GLTF_FORMATS else None
    return said if said is not None and set(said.bones.all()) <= set(names) else find_rig_bones(target)


def _open(path: Path) -> None:
    ending = path.suffix.lower()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise RigError(f"{path} {what}. Give a rig: {', '.join(RIG_FORMATS)}.")
    if path.stat().st_size == 0:
        raise RigError(f"{path} is empty. Write it again, or give another rig: {', '.join(RIG_FORMATS)}.")
    try:
        if ending == ".blend":
            bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
            return
        bpy.ops.wm.read_factory_settings(use_empty=True)
        if ending == ".fbx":
            _import_fbx(path)
        elif ending in GLTF_FORMATS:
            addon_utils.enable("io_scene_gltf2")
            bpy.ops.import_scene.gltf(filepath=str(path))
        else:
            raise RigError(f"{path.name} ends in '{path.suffix}'. Choose one of {', '.join(RIG_FORMATS)}.")
    except RuntimeError as error:
        said = str(error).strip().splitlines()[-1]
        raise RigError(
            f"Blender cannot read {path.name}, which may be damaged or no {ending} at all: {said}. Write it again from "
            "the program that it comes from."
        ) from error


def _import_fbx(path: Path) -> None:
    """By the add-on that Limber also writes FBX with; what it cannot read, by Blender's newer importer, from 4.5 on.

    The add-on reads no FBX in text, and in Blender 5.0 none with lamps.
    """
    addon_utils.enable("io_scene_fbx")
    try:
        bpy.ops.import_scene.fbx(filepath=str(path))
    except RuntimeError:
        if bpy.app.version < (4, 5, 0):
            raise
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.ops.wm.fbx_import(filepath=str(path))


def _armature(path: Path, name: str | None) -> Any:
    """The one that is named, else the only one, else the one with most bones that is in the scene."""
    armatures = [each for each in bpy.context.scene.objects if each.type == "ARMATURE"]
    if name is not None:
        named = [each for each in armatures if each.name == name]
        if not named:
            known = ", ".join(f"'{each.name}'" for each in armatures) or "none"
            raise RigError(f"{path.name} holds no armature '{name}'; it holds {known}.")
        return named[0]
    if not armatures:
        raise RigError(f"{path.name} holds no armature.")
    return max(armatures, key=lambda each: len(each.data.bones))


def _write(target: Any, out: Path, program: Preset, bones: WrittenBones | None) -> list[str]:
    if out.suffix.lower() in ENDINGS:
        return export_with_preset(target, out, program, bones=bones)
    part = out.with_name(f".{out.name}.part.blend")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(part), copy=True)
        part.replace(out)
    except (RuntimeError, OSError) as error:
        part.unlink(missing_ok=True)
        raise RigError(f"{out} cannot be written: {str(error).strip().splitlines()[-1]}") from error
    return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and gives its exit status; a user's error is one line on stderr and status 1."""
    parser = argparse.ArgumentParser(description="Puts a Motion file onto a rig.")
    add_arguments(parser)
    parsed = parser.parse_args(arguments)
    try:
        rig_map = None if parsed.map is None else read_rig_map(parsed.map)
        found, told = retarget_file(
            parsed.motion,
            parsed.rig,
            parsed.out,
            parsed.smoothness,
            rig_map,
            parsed.armature,
            options=BakeOptions(touch=parsed.touch, relax_fingers=parsed.relax_fingers, use_ik=parsed.ik),
            program=parsed.preset,
            bones=parsed.bones and WrittenBones(parsed.bones),
        )
    except LimberError as error:
        print(error, file=sys.stderr)
        return 1
    warn(told)
    print(f"bones found by: {found.how}")
    return 0


if __name__ == "__main__":
    leave(main())
