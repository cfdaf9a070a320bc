"""The sidebar's panel for other characters."""

from typing import Any

import bpy

from . import retarget_watch
from .panels import SidebarPanel, characters_across, paragraph
from .retarget_properties import has_ik, is_known

#: Confidence from which a bone is taken to be right, and from which it is worth a look.
_SURE, _LIKELY = 0.95, 0.6
#: Joints and chains a user looks at first; fingers come after them.
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


class LIMBER_PT_retarget(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """Onto another character."""

    bl_idname = "LIMBER_PT_retarget"
    bl_label = "Retarget"

    def draw(self, context: Any) -> None:
        from .smpl_rig.blender.baked_actions import bakes_of
        from .smpl_rig.blender.live_link import is_linked

        layout, settings = self.layout, context.scene.limber_retarget
        split = layout.split(factor=0.3, align=True)
        split.label(text="Target")
        split.prop(settings, "target", text="")
        target = settings.target
        if target is None:
            return
        if settings.problem:
            paragraph(layout, settings.problem, characters_across(context), "ERROR", alert=True)
        row = layout.row(align=True)
        known = is_known(target)
        row.label(text=target.limber_target.how if known else "Bones unknown", icon="BONE_DATA")
        row.operator("limber.find_bones", text="", icon="FILE_REFRESH")
        row.operator("limber.load_rig_map", text="", icon="FILEBROWSER")
        saving = row.row(align=True)
        saving.enabled = known
        saving.operator("limber.save_rig_map", text="", icon="FILE_TICK")
        _choice(layout, settings, "fingers")
        if has_ik(target):
            _choice(layout, settings, "controls")
        layout.prop(settings, "touch")
        run = retarget_watch.baking()
        if run is not None:
            layout.progress(factor=run.progress, text=f"{run.said}. Esc: Stop")
            return
        row = layout.row(align=True)
        row.scale_y = 1.5
        row.enabled = known
        row.operator("limber.retarget", icon="ARMATURE_DATA")
        linked = is_linked(target)
        row.operator("limber.link_target", text="", icon="LINKED" if linked else "UNLINKED", depress=linked)
        if not known:
            return
        if target.limber_target.outdated:
            said = f"Changed since baked: {target.limber_target.outdated}."
            paragraph(layout, said, characters_across(context), "INFO")
            layout.operator("limber.bake_again", icon="FILE_REFRESH")
        if bakes_of(target):
            layout.prop(target.limber_target, "keeps_up")


class LIMBER_PT_retarget_bones(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """Which bone is which."""

    bl_idname = "LIMBER_PT_retarget_bones"
    bl_label = "Bones"
    bl_parent_id = "LIMBER_PT_retarget"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        target = context.scene.limber_retarget.target
        return target is not None and is_known(target)

    def draw(self, context: Any) -> None:
        layout, target = self.layout, context.scene.limber_retarget.target
        column = layout.column(align=True)
        for row in target.limber_target.joints:
            split = _labelled(column, row)
            split.prop_search(row, "bones", target.data, "bones", text="", icon=_icon(row))
        column = layout.column(align=True)
        for row in target.limber_target.chains:
            if row.name.rpartition("_")[2] not in _FINGERS:
                _labelled(column, row).prop(row, "bones", text="", icon=_icon(row))


class LIMBER_PT_retarget_fingers(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """Fingers, which tell how palms lie."""

    bl_idname = "LIMBER_PT_retarget_fingers"
    bl_label = "Fingers"
    bl_parent_id = "LIMBER_PT_retarget_bones"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        column = self.layout.column(align=True)
        for row in context.scene.limber_retarget.target.limber_target.chains:
            if row.name.rpartition("_")[2] in _FINGERS:
                _labelled(column, row).prop(row, "bones", text="", icon=_icon(row))


def _choice(layout: Any, settings: Any, name: str) -> None:
    """A label, and buttons of which one is pressed."""
    split = layout.split(factor=0.3, align=True)
    split.label(text=settings.bl_rna.properties[name].name)
    split.row(align=True).prop(settings, name, expand=True)


def _labelled(layout: Any, row: Any) -> Any:
    split = layout.split(factor=0.35, align=True)
    split.label(text=row.name.replace("_", " ").title())
    return split


def _icon(row: Any) -> str:
    if not row.bones:
        return "BLANK1"
    return "CHECKMARK" if row.confidence >= _SURE else "QUESTION" if row.confidence >= _LIKELY else "ERROR"


CLASSES = (LIMBER_PT_retarget, LIMBER_PT_retarget_bones, LIMBER_PT_retarget_fingers)
