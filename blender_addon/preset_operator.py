"""Export for another program, as it wants its files."""
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from .operators import LimberOperator

_FORMATS = (
    ("FBX", "FBX", "With the program's own axes and unit"),
    ("GLB", "glTF", "In one file (.glb)"),
    ("USD", "USD", "Universal Scene Description (.usd)"),
)
_ROOT_MOTION = (
    ("PRESET", "As Usual There", "What the preset says"),
    ("PELVIS", "In the Pelvis", "The pelvis holds the whole way; the root bone stays at the origin"),
    ("ROOT", "In the Root Bone", "The root bone goes along on the floor below the pelvis and turns as it does"),
    ("IN_PLACE", "In Place", "The body stays above the place where it began"),
)


class LIMBER_OT_export_preset(LimberOperator):  # noqa: N801
    """Check the active captured person, and export it as another program wants it"""

    bl_idname = "limber.export_preset"
    bl_label = "Export for a Program"

    preset: StringProperty(name="Preset", description="The program", options={"HIDDEN"})
    file_format: EnumProperty(name="Format", description="Of the file", items=_FORMATS, options={"SKIP_SAVE"})
    root_motion: EnumProperty(
        name="Root Motion", description="Where the body's way through the world is kept", items=_ROOT_MOTION
    )
    everybody: BoolProperty(
        name="Everybody",
        description="Export every captured person of the scene into the folder, each file named after its take",
        options={"SKIP_SAVE"},
    )
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        from .characters import captured_armature

        if captured_armature(context) is None:
            cls.poll_message_set("Select a captured person")
            return False
        return True

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        from .smpl_rig.exports.preset import presets

        known = presets().get(properties.preset)
        return known.about if known else str(cls.__doc__)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        from .characters import captured_armature

        return self.guard(lambda: self._choose_file(context, captured_armature(context).name))

    def check(self, _context: Any) -> bool:
        """Keeps the ending while the user types a name or changes the format."""
        named = str(Path(self.filepath).with_suffix(self._ending))
        changed = named != self.filepath
        self.filepath = named
        return changed

    def run(self, context: Any) -> set[str]:
        from .characters import captured_armature, is_captured
        from .smpl_rig.blender.preset_export import export_takes, export_with_preset
        from .smpl_rig.exports.preset import preset
        from .smpl_rig.exports.root_motion import RootMotion

        chosen = preset(self.preset)
        root_motion = None if self.root_motion == "PRESET" else RootMotion[self.root_motion]
        path = Path(bpy.path.abspath(self.filepath)).with_suffix(self._ending)
        if self.everybody:
            people = [each for each in context.scene.objects if is_captured(each)]
            written = export_takes(people, path.parent, self._ending, chosen, root_motion)
        else:
            written = {path: export_with_preset(captured_armature(context), path, chosen, root_motion)}
        for told in dict.fromkeys(message for messages in written.values() for message in messages):
            self.report({"WARNING"}, told)
        self.report({"INFO"}, f"Wrote {', '.join(str(each) for each in written)}")
        return {"FINISHED"}

    def _choose_file(self, context: Any, name: str) -> set[str]:
        from .smpl_rig.exports.preset import preset

        self.file_format = preset(self.preset).formats[0].upper()
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        self.filepath = str(folder / f"{bpy.path.clean_name(name)}{self._ending}")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @property
    def _ending(self) -> str:
        return f".{self.file_format.lower()}"


class LIMBER_MT_export_presets(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """Programs that captured people can be exported for."""

    bl_idname = "LIMBER_MT_export_presets"
    bl_label = "Export for"

    def draw(self, _context: Any) -> None:
        from .smpl_rig.exports.preset import presets

        for each in presets().values():
            self.layout.operator("limber.export_preset", text=each.title).preset = each.name


CLASSES = (LIMBER_OT_export_preset, LIMBER_MT_export_presets)
