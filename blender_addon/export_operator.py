"""Export, as Limber has it or as another program wants its files."""
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .operators import LimberOperator

_FORMATS = (
    ("FBX", "FBX", "For Unreal Engine, Unity, Maya, MotionBuilder and most others"),
    ("BVH", "BVH", "The motion alone, for motion capture programs"),
    ("GLB", "glTF", "For the web and game engines, in one file (.glb)"),
    ("USD", "USD", "For Houdini, Omniverse and other USD programs (.usd)"),
    ("ABC", "Alembic", "The moving mesh without bones, for renderers and simulation (.abc)"),
    ("NPZ", "AMASS", "The motion alone as SMPL counts it, for research programs (.npz)"),
    ("CSV", "CSV", "A table of where joints are on each frame, for spreadsheets (.csv)"),
)
_ROOT_MOTION = (
    ("PRESET", "As Usual There", "What the preset says"),
    ("PELVIS", "In the Pelvis", "The pelvis holds the whole way; the root bone stays at the origin"),
    ("ROOT", "In the Root Bone", "The root bone goes along on the floor below the pelvis and turns as it does"),
    ("IN_PLACE", "In Place", "The body stays above the place where it began"),
)
_BONES = (
    ("USUAL", "As Usual", "Those that deform, where controls move them, as on Rigify's rigs; else all"),
    ("DEFORMING", "Deforming", "Those that move the skin, and what carries them"),
    ("ALL", "All", "Controls and mechanisms too, which do nothing in other programs"),
)


class LIMBER_OT_export(LimberOperator):  # noqa: N801
    """Check the active character, captured or another with a take, and export it with the animation"""

    bl_idname = "limber.export"
    bl_label = "Export Character"

    preset: StringProperty(
        name="Preset",
        description="The program that the file is for; empty is Limber's own way",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    file_format: EnumProperty(name="Format", description="Of the file", items=_FORMATS, options={"SKIP_SAVE"})
    root_motion: EnumProperty(
        name="Root Motion", description="Where the body's way through the world is kept", items=_ROOT_MOTION
    )
    bones: EnumProperty(name="Bones", description="Which of the character's bones are written", items=_BONES)
    all_takes: BoolProperty(
        name="All Takes",
        description="Export every take of the character, and of every captured person of the scene where it is one, "
        "into the folder, each file named after its take",
        options={"SKIP_SAVE"},
    )
    bvh_order: EnumProperty(
        name="Rotation Order",
        description="Of the rotation channels of a BVH, the first outermost",
        items=[(order, order, "") for order in ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX")],
    )
    t_pose: BoolProperty(name="T-Pose First", description="Begin a BVH with one more frame that shows the rest pose")
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        from .characters import animated_armature

        if animated_armature(context) is None:
            cls.poll_message_set("Select a character with a take")
            return False
        return True

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        from .smpl_rig.exports.preset import presets

        known = presets().get(properties.preset)
        return known.about if known else next(text for name, _, text in _FORMATS if name == properties.file_format)

    def draw(self, _context: Any) -> None:
        """Beside the files: what the format has."""
        self.layout.use_property_split = True
        self.layout.prop(self, "file_format")
        self.layout.prop(self, "all_takes")
        if self.file_format == "BVH":
            self.layout.prop(self, "bvh_order")
            self.layout.prop(self, "t_pose")
        self.layout.prop(self, "root_motion")
        if self.file_format not in {"NPZ", "CSV", "BVH"}:
            self.layout.prop(self, "bones")

    def invoke(self, context: Any, _event: Any) -> set[str]:
        from .characters import animated_armature

        return self.guard(lambda: self._choose_file(context, animated_armature(context).name))

    def check(self, _context: Any) -> bool:
        """Keeps the ending while the user types a name or changes the format."""
        self.filter_glob = f"*{self._ending}"
        named = bpy.path.ensure_ext(_without_ending(self.filepath), self._ending)
        changed = named != self.filepath
        self.filepath = named
        return changed

    def run(self, context: Any) -> set[str]:
        from .characters import animated_armature, is_captured
        from .smpl_rig.blender.preset_export import BvhOptions, export_takes, export_with_preset
        from .smpl_rig.exports.preset import PLAIN, preset
        from .smpl_rig.exports.root_motion import RootMotion
        from .smpl_rig.exports.written_bones import WrittenBones

        chosen = preset(self.preset or PLAIN)
        root_motion = None if self.root_motion == "PRESET" else RootMotion[self.root_motion]
        bvh = BvhOptions(self.bvh_order, self.t_pose)
        bones = None if self.bones == "USUAL" else WrittenBones[self.bones]
        path = Path(bpy.path.ensure_ext(_without_ending(bpy.path.abspath(self.filepath)), self._ending))
        active = animated_armature(context)
        if self.all_takes:
            people = [each for each in context.scene.objects if is_captured(each)]
            characters = people if active in people else [active]
            written = export_takes(characters, path.parent, self._ending, chosen, root_motion, bvh, bones)
        else:
            written = {path: export_with_preset(active, path, chosen, root_motion, bvh, bones)}
        for told in dict.fromkeys(message for messages in written.values() for message in messages):
            self.report({"WARNING"}, told)
        self.report({"INFO"}, f"Wrote {', '.join(str(each) for each in written)}")
        return {"FINISHED"}

    def _choose_file(self, context: Any, name: str) -> set[str]:
        from .smpl_rig.blender.preset_export import NAMED_APART
        from .smpl_rig.exports.preset import PLAIN, preset

        if not self.properties.is_property_set("file_format"):
            self.file_format = preset(self.preset or PLAIN).formats[0].upper()
        self.filter_glob = f"*{self._ending}"
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        self.filepath = str(folder / f"{bpy.path.clean_name(name)}{NAMED_APART.get(self._ending, '')}{self._ending}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @property
    def _ending(self) -> str:
        return f".{self.file_format.lower()}"


def _without_ending(path: str) -> str:
    """Less the ending of a format; a name may have other dots."""
    ending = next((f".{name.lower()}" for name, *_ in _FORMATS if path.lower().endswith(f".{name.lower()}")), "")
    return path[: len(path) - len(ending)]


class LIMBER_MT_export_presets(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """Programs that captured people can be exported for."""

    bl_idname = "LIMBER_MT_export_presets"
    bl_label = "Export for"

    def draw(self, _context: Any) -> None:
        from .smpl_rig.exports.preset import PLAIN, presets

        for each in presets().values():
            if each.name != PLAIN:
                self.layout.operator("limber.export", text=each.title).preset = each.name


CLASSES = (LIMBER_OT_export, LIMBER_MT_export_presets)
