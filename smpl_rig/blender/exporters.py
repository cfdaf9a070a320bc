"""One armature's take as a file, as it is: FBX, BVH, glTF, USD and Alembic.

Everybody who exports calls :mod:`.preset_export`, which looks for what would go wrong and makes the take ready.

A take is the action of one armature, with the meshes that hang on it, over the action's range at the scene's rate. It
is exported from a scene of its own, so that nothing else gets into the file and the user's selection, frame, range and
hidden objects stay as they are. A file is written whole or not at all.

Units and axes: FBX has those it is asked for, with no scale on any node. BVH is Y up and in metres, glTF Y up and in
metres as it always is, USD Z up and in metres, as the file says. Frame numbers are Blender's, except that glTF, made
for playing, starts at 0 s.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import addon_utils
import bpy
import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..errors import LimberError
from ..exports.bvh import DEFAULT_ORDER, bvh_text
from ..exports.glb import hang_skinned_meshes_on_scenes
from ..skeleton import JOINT_NAMES, PARENTS
from .animation import frame_rate
from .armature import object_mode
from .prepared import meshes_of, rigid, sample_poses

Array = NDArray[Any]
StrPath = str | os.PathLike[str]


class ExportError(LimberError):
    """A take could not be written."""


def export_fbx(
    armature: Any,
    path: StrPath,
    *,
    forward: str = "-Z",
    up: str = "Y",
    unit_m: float = 1.0,
    leaf_bones: bool = False,
    skipped: int = 0,
) -> None:
    """Writes armature, meshes and one take, every frame keyed, as binary FBX 7.4.

    Args:
        armature: with the take's action.
        path: of the file.
        forward: the file's axis that Blender's Y becomes.
        up: the file's axis that Blender's Z becomes.
        unit_m: metres of Blender's unit, which becomes the file's.
        leaf_bones: add bones at the ends of limbs.
        skipped: frames at the beginning that are not written. The nodes stand as in the first frame, skipped or not.

    Raises:
        ExportError: if there is nothing to export, the folder cannot be written, or Blender's exporter fails.
    """
    with whole_file(path, ".fbx") as part, _stage(armature) as stage:
        stage.scene.unit_settings.system = "METRIC"
        stage.scene.unit_settings.scale_length = unit_m
        stage.scene.frame_set(stage.scene.frame_start)
        stage.scene.frame_start += skipped
        _run(
            "export_scene.fbx",
            "io_scene_fbx",
            filepath=str(part),
            use_selection=True,
            object_types={"ARMATURE", "MESH"},
            apply_unit_scale=True,
            apply_scale_options="FBX_SCALE_ALL",
            axis_forward=forward,
            axis_up=up,
            mesh_smooth_type="FACE",
            add_leaf_bones=leaf_bones,
            primary_bone_axis="Y",
            secondary_bone_axis="X",
            use_armature_deform_only=False,
            bake_anim=True,
            bake_anim_use_all_bones=True,
            bake_anim_use_nla_strips=False,
            bake_anim_use_all_actions=False,
            bake_anim_force_startend_keying=True,
            bake_anim_step=1.0,
            bake_anim_simplify_factor=0.0,
        )


def export_glb(armature: Any, path: StrPath) -> None:
    """Writes armature, meshes and one animation, every frame keyed, as binary glTF 2.0.

    Raises:
        ExportError: as :func:`export_fbx`.
    """
    with whole_file(path, ".glb") as part, _stage(armature) as stage:
        # Blender's glTF exporter takes the rate for fps * fps_base, where everything else in Blender divides
        stage.scene.render.fps_base = 1 / stage.scene.render.fps_base
        _run(
            "export_scene.gltf",
            "io_scene_gltf2",
            filepath=str(part),
            export_format="GLB",
            use_active_scene=True,
            use_selection=True,
            export_yup=True,
            export_skins=True,
            export_def_bones=False,
            export_animations=True,
            export_animation_mode="SCENE",
            export_anim_scene_split_object=False,
            export_force_sampling=True,
            export_optimize_animation_size=False,
            export_anim_slide_to_zero=True,
        )
        hang_skinned_meshes_on_scenes(part)


def export_usd(armature: Any, path: StrPath) -> None:
    """Writes a UsdSkel character, every frame keyed, as the path's ending says: ``.usd``, ``.usdc`` or ``.usda``.

    Raises:
        ExportError: as :func:`export_fbx`, and where this Blender was built without USD.
    """
    with whole_file(path, ".usd") as part, _stage(armature):
        _run(
            "wm.usd_export",
            None,
            filepath=str(part),
            selected_objects_only=True,
            export_animation=True,
            export_armatures=True,
            only_deform_bones=False,
            export_custom_properties=False,
            convert_world_material=False,
        )


def export_abc(armature: Any, path: StrPath) -> None:
    """Writes the meshes as they move, every frame, as Alembic; there are no bones in it. Y up, metres.

    Raises:
        ExportError: as :func:`export_fbx`, where there is no mesh, and where this Blender was built without Alembic.
    """
    if not meshes_of(armature):
        raise ExportError(f"'{armature.name}' has no mesh, and Alembic holds meshes alone. Choose another format.")
    with whole_file(path, ".abc") as part, _stage(armature) as stage:
        armature.select_set(False, view_layer=stage.scene.view_layers[0])
        _run(
            "wm.alembic_export",
            None,
            filepath=str(part),
            start=stage.scene.frame_start,
            end=stage.scene.frame_end,
            selected=True,
            flatten=False,
            as_background_job=False,
        )


def export_bvh(armature: Any, path: StrPath, order: str = DEFAULT_ORDER, *, t_pose: bool = False) -> None:
    """Writes the 24 joints' motion as BVH, the pelvis first; what the root bone does is in the pelvis's motion.

    Args:
        armature: a captured person's.
        path: of the file.
        order: of the rotation channels, the first outermost.
        t_pose: begin with one more frame that shows the rest pose, where the take begins.

    Raises:
        ExportError: as :func:`export_fbx`.
    """
    missing = [name for name in JOINT_NAMES if name not in armature.data.bones]
    if missing:
        raise ExportError(f"'{armature.name}' has no bone '{missing[0]}'. Select the armature of a captured person.")
    with whole_file(path, ".bvh") as part, _stage(armature, with_meshes=False) as stage:
        text = _sample_bvh(armature, stage.scene, order, t_pose)
        part.write_text(text, encoding="ascii", newline="\n")


def take_samples(armature: Any) -> Array:
    """(T, B, 4, 4): the armature's bones in the world at every frame of its take.

    Raises:
        ExportError: if it has none.
    """
    with _stage(armature, with_meshes=False) as stage:
        return sample_poses(armature, stage.scene)


@dataclass(frozen=True)
class _Stage:
    scene: Any


@contextmanager
def _stage(armature: Any, *, with_meshes: bool = True) -> Iterator[_Stage]:
    """A scene that holds the take alone, all of it selected, open in the window until the export is done."""
    action = armature.animation_data.action if armature.type == "ARMATURE" and armature.animation_data else None
    if action is None or not armature.users_scene:
        raise ExportError(f"'{armature.name}' has no animation. Select the armature of a captured person.")
    meshes = meshes_of(armature) if with_meshes else []
    source = armature.users_scene[0]
    window = bpy.context.window or bpy.context.window_manager.windows[0]
    opened = window.scene
    with bpy.context.temp_override(window=window), object_mode(), _exposed([armature, *meshes]):
        scene = bpy.data.scenes.new("Limber export")
        aside = bpy.data.scenes.get(action.name)
        if aside is not None:
            aside.name = "Limber aside"
        scene.name = action.name  # exporters name the take after the scene
        try:
            scene.render.fps, scene.render.fps_base = source.render.fps, source.render.fps_base
            scene.frame_start, scene.frame_end = _range(action)
            for member in (armature, *meshes):
                scene.collection.objects.link(member)
            window.scene = scene
            layer = scene.view_layers[0]
            for member in (armature, *meshes):
                member.select_set(True, view_layer=layer)
            layer.objects.active = armature
            with bpy.context.temp_override(window=window, scene=scene, view_layer=layer):
                yield _Stage(scene)
        finally:
            window.scene = opened
            bpy.data.scenes.remove(scene)
            if aside is not None:
                aside.name = action.name
            # the bones stand where the last exported frame left them
            opened.frame_set(opened.frame_current, subframe=opened.frame_subframe)


def _range(action: Any) -> tuple[int, int]:
    """Whole frames that hold every key."""
    first, last = action.frame_range
    return int(np.floor(first)), int(np.ceil(last))


@contextmanager
def _exposed(members: list[Any]) -> Iterator[None]:
    """What the user disabled in viewports or made unselectable would silently be missing from the file."""
    before = [(member, member.hide_viewport, member.hide_select) for member in members]
    for member in members:
        member.hide_viewport = member.hide_select = False
    try:
        yield
    finally:
        for member, hide_viewport, hide_select in before:
            member.hide_viewport, member.hide_select = hide_viewport, hide_select


@contextmanager
def whole_file(path: StrPath, ending: str) -> Iterator[Path]:
    """A path to write to, beside the wanted one, which it replaces when all went well."""
    path = Path(path)
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=".limber-"))
    except OSError as error:
        raise ExportError(f"{path.parent} cannot be written: {error.strerror}. Choose another folder.") from error
    try:
        part = folder / f"{path.stem}{path.suffix or ending}"
        yield part
        part.replace(path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}. Choose another place.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(name: str, add_on: str | None, **settings: Any) -> None:
    """Runs one of Blender's exporters, after enabling the core add-on it comes in."""
    category, identifier = name.split(".")
    operator = getattr(getattr(bpy.ops, category), identifier)
    if add_on is not None and not _exists(operator):
        addon_utils.enable(add_on)
    if not _exists(operator):
        reason = f"its add-on '{add_on}' cannot be enabled" if add_on else "it was built without"
        raise ExportError(
            f"This Blender {bpy.app.version_string} has no exporter '{name}': {reason}. "
            "Use Blender from blender.org, or export another format."
        )
    try:
        outcome = operator(**settings)
    except RuntimeError as error:
        raise ExportError(f"Blender's exporter '{name}' failed: {str(error).strip().splitlines()[-1]}") from error
    if outcome != {"FINISHED"}:
        raise ExportError(f"Blender's exporter '{name}' stopped: {', '.join(outcome)}.")


def _exists(operator: Any) -> bool:
    try:
        operator.get_rna_type()
    except KeyError:
        return False
    return True


def _sample_bvh(armature: Any, scene: Any, order: str, t_pose: bool) -> str:
    """Reads the evaluated pose at every frame, so that whatever the user added to it is in the file."""
    layer = bpy.context.view_layer
    joints = [armature.data.bones.keys().index(name) for name in JOINT_NAMES]
    posed = sample_poses(armature, scene)[:, joints]  # (T, 24, 4, 4)
    bones = [armature.data.bones[name] for name in JOINT_NAMES]
    scale = np.array(armature.evaluated_get(layer.depsgraph).matrix_world.to_scale())
    heads = np.array([bone.head_local for bone in bones]) * scale
    tails = np.array([bone.tail_local for bone in bones]) * scale
    rest = rotations.from_matrix(np.array([bone.matrix_local.to_3x3() for bone in bones]))  # (24, 4)
    turned = rotations.multiply(
        rotations.from_matrix(rigid(posed[..., :3, :3])), rotations.conjugate(rest)
    )  # from the rest pose
    local = turned.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            local[:, joint] = rotations.multiply(rotations.conjugate(turned[:, parent]), turned[:, joint])
    places = posed[:, 0, :3, 3]
    if t_pose:
        local = np.concatenate((np.tile(rotations.IDENTITY, (1, len(JOINT_NAMES), 1)), local))
        places = np.concatenate((places[:1] * [1, 1, 0] + heads[:1] * [0, 0, 1], places))
    y_up = rotations.from_matrix(WORLD_FROM_BODY.T)
    return bvh_text(
        names=JOINT_NAMES,
        parents=PARENTS,
        offsets=rotations.rotate(y_up, heads - heads[np.maximum(PARENTS, 0)]),
        tips=rotations.rotate(y_up, tails - heads),
        local_rotations=rotations.multiply(y_up, rotations.multiply(local, rotations.conjugate(y_up))),
        positions=rotations.rotate(y_up, places),
        frames_per_second=frame_rate(scene),
        order=order,
    )
