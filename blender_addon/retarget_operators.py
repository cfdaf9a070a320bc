"""Taking captured motion to other characters: what the buttons do."""
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import retarget_watch
from .operators import LimberOperator
from .retarget_properties import bone_names


def _people(context: Any) -> list[Any]:
    """Captured people who are selected, or else the active one."""
    from .characters import captured_armature, is_captured

    selected = [each for each in context.selected_objects if is_captured(each)]
    active = captured_armature(context)
    return selected or ([active] if active else [])


class _WithTarget(LimberOperator):
    """Needs a target."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        if context.scene.limber_retarget.target is None:
            cls.poll_message_set("Choose a target")
            return False
        return True


class _WithTargetAndPerson(_WithTarget):
    """Needs a target and a captured person."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not super().poll(context):
            return False
        if not _people(context):
            cls.poll_message_set("Select a captured person")
            return False
        return True


class LIMBER_OT_find_bones(_WithTarget):  # noqa: N801
    """Find out which of the target's bones are which, by their names or by the target's shape"""

    bl_idname = "limber.find_bones"
    bl_label = "Find Bones"
    bl_options = {"UNDO"}  # noqa: RUF012

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.blender.retarget import find_rig_bones

        settings = context.scene.limber_retarget
        settings.show(find_rig_bones(settings.target))
        return {"FINISHED"}


class LIMBER_OT_retarget(_WithTargetAndPerson):  # noqa: N801
    """Bake the takes of the selected people to the target, each to an action of its own"""

    bl_idname = "limber.retarget"
    bl_label = "Retarget"
    bl_options = {"UNDO"}  # noqa: RUF012

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.blender.live_link import unlink
        from .smpl_rig.blender.retarget import retarget_person

        target = context.scene.limber_retarget.target
        bones = target.limber_target.rig_bones()
        unlink(target)
        options = context.scene.limber_retarget.options()
        actions = [retarget_person(target, person, bones, options) for person in _people(context)]
        retarget_watch.look()
        self.report({"INFO"}, f"Baked {', '.join(action.name for action in actions)}")
        return {"FINISHED"}


class LIMBER_OT_bake_again(_WithTarget):  # noqa: N801
    """Bake again what has changed since, with the options it was baked with, into the same actions"""

    bl_idname = "limber.bake_again"
    bl_label = "Bake Again"
    bl_options = {"UNDO"}  # noqa: RUF012

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.blender.bakes import bake_again

        target = context.scene.limber_retarget.target
        actions = bake_again(target, target.limber_target.rig_bones())
        retarget_watch.look()
        self.report({"INFO"}, f"Baked {', '.join(action.name for action in actions) or 'nothing'}")
        return {"FINISHED"}


class LIMBER_OT_link_target(_WithTargetAndPerson):  # noqa: N801
    """Let the target follow the active person as it moves and is edited, without keys; again, to let go of it"""

    bl_idname = "limber.link_target"
    bl_label = "Live Link"
    bl_options = {"UNDO"}  # noqa: RUF012

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.blender.live_link import is_linked, link, unlink

        target = context.scene.limber_retarget.target
        if is_linked(target):
            unlink(target)
        else:
            bones = target.limber_target.rig_bones()
            link(target, _people(context)[0], bones, context.scene.limber_retarget.options())
        return {"FINISHED"}


class _MapFile(_WithTarget):
    """Reads or writes a map."""

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: Any, _event: Any) -> set[str]:
        from .smpl_rig.retarget.saved_maps import saved_maps_folder

        if not self.filepath:
            folder = saved_maps_folder()
            folder.mkdir(parents=True, exist_ok=True)
            self.filepath = str(folder / f"{bpy.path.clean_name(context.scene.limber_retarget.target.name)}.json")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class LIMBER_OT_save_rig_map(_MapFile):  # noqa: N801
    """Save which bones are which. In the folder that is offered it is found for other characters of this kind"""

    bl_idname = "limber.save_rig_map"
    bl_label = "Save Map"

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.retarget.rig_map import save_rig_map
        from .smpl_rig.retarget.saved_maps import saved_maps_folder

        path = Path(bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json"))
        save_rig_map(path, path.stem, context.scene.limber_retarget.target.limber_target.rig_bones())
        is_found = path.parent == saved_maps_folder()
        self.report({"INFO"}, f"Wrote {path}" + (", which is found for characters of this kind" if is_found else ""))
        return {"FINISHED"}


class LIMBER_OT_load_rig_map(_MapFile):  # noqa: N801
    """Read which bones are which from a saved map"""

    bl_idname = "limber.load_rig_map"
    bl_label = "Load Map"
    bl_options = {"UNDO"}  # noqa: RUF012

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.retarget.finding import find_by_map
        from .smpl_rig.retarget.rig_map import read_rig_map

        settings = context.scene.limber_retarget
        rig_map = read_rig_map(bpy.path.abspath(self.filepath))
        settings.show(find_by_map(bone_names(settings.target), rig_map))
        return {"FINISHED"}


CLASSES = (
    LIMBER_OT_find_bones,
    LIMBER_OT_retarget,
    LIMBER_OT_bake_again,
    LIMBER_OT_link_target,
    LIMBER_OT_save_rig_map,
    LIMBER_OT_load_rig_map,
)
