"""Taking captured motion to other characters: what the buttons do."""
# mypy: disable-error-code="valid-type"

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import retarget_watch, session
from .bake_run import READING_S, BakeRun
from .link_run import LinkRun
from .operators import LimberOperator
from .retarget_properties import bone_names, is_known
from .smpl_rig.errors import LimberError

#: Between two pieces of work.
_STEP_S = 0.02


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


def _are_bones_known(operator: Any, context: Any) -> bool:
    if not is_known(context.scene.limber_retarget.target):
        operator.poll_message_set("The target's bones are not known. Press Find Bones")
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
        return _are_bones_known(cls, context)


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


class _Baking(LimberOperator):
    """Bakes without holding Blender up; called from a script, it returns when all is baked."""

    _run: BakeRun | LinkRun | None = None
    _timer: Any = None

    def begin(self, context: Any) -> BakeRun | LinkRun:
        """What is to be baked.

        Raises:
            LimberError: with what the user is to be told.
        """
        raise NotImplementedError

    def conclude(self, context: Any, run: BakeRun | LinkRun) -> None:
        """After all is baked, or the user has stopped it and the target is as it was."""
        retarget_watch.note_outdated()
        self.report({"INFO"}, f"Baked {', '.join(run.actions) or 'nothing'}" if run.is_over else "Stopped")

    def abandon(self, context: Any) -> None:
        """After nothing was baked, because the user has stopped it or it failed."""

    def run(self, context: Any) -> set[str]:
        run = self.begin(context)
        try:
            run.finish()
        except LimberError:
            if not run.actions:
                self.abandon(context)
            raise
        self.conclude(context, run)
        return {"FINISHED"}

    def invoke(self, context: Any, _event: Any) -> set[str]:
        if retarget_watch.baking() is not None:
            self.fail("Limber is at work on a character. Wait until that is done, or press Esc to stop it.")
            return {"CANCELLED"}
        return self.guard(lambda: self._begin_modal(context))

    def modal(self, context: Any, event: Any) -> set[str]:
        run = self._run
        if run is None or run is not retarget_watch.baking():  # another file was opened
            self._stop(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            run.stop()
            self.abandon(context)
            return self._end(context, run, {"CANCELLED", "PASS_THROUGH"})
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        shown = run.said, run.progress
        try:
            run.step()
        except LimberError as error:
            self._stop(context)
            if not run.actions:
                self.abandon(context)
            self.fail(str(error))
            return {"FINISHED" if run.actions else "CANCELLED"}
        except Exception:
            self._stop(context)
            raise
        if shown != (run.said, run.progress):
            session.redraw()
        return self._end(context, run, {"FINISHED"}) if run.is_over else {"PASS_THROUGH"}

    def cancel(self, context: Any) -> None:
        """Called by Blender when the window closes or another file is opened."""
        self._stop(context)

    def _begin_modal(self, context: Any) -> set[str]:
        self._run = self.begin(context)
        if self._run.is_over:
            self.conclude(context, self._run)
            return {"FINISHED"}
        retarget_watch.show_baking(self._run)
        self._timer = context.window_manager.event_timer_add(_STEP_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set(f"{self._run.said}. Esc: Stop")
        return {"RUNNING_MODAL"}

    def _end(self, context: Any, run: BakeRun | LinkRun, outcome: set[str]) -> set[str]:
        self._stop(context)
        self.conclude(context, run)
        return outcome

    def _stop(self, context: Any) -> None:
        retarget_watch.show_baking(None)
        self._run = None
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
            context.workspace.status_text_set(None)
        session.redraw()


class LIMBER_OT_retarget(_Baking, _WithTargetAndPerson):  # noqa: N801
    """Bake the takes of the selected people to the target, each to an action of its own"""

    bl_idname = "limber.retarget"
    bl_label = "Retarget"
    bl_options = {"UNDO"}  # noqa: RUF012

    _target_name = ""
    #: The name of the person whom the target followed, which bones and how; baking takes that away.
    _followed: tuple[str, Any, Any] | None = None

    def begin(self, context: Any) -> BakeRun:
        from .smpl_rig.blender.live_link import link_of, unlink
        from .smpl_rig.blender.retarget import Baking
        from .smpl_rig.blender.rig_reading import present
        from .smpl_rig.retarget.rig import RigError

        target = context.scene.limber_retarget.target
        people = [person.name for person in _people(context) if person != target]
        if not people:
            raise RigError(f"'{target.name}' is the target itself. Select the captured person whose take it is to get.")
        bones, options = target.limber_target.rig_bones(), context.scene.limber_retarget.options()
        link = link_of(target)
        self._followed = None if link is None else (link[0].name, *link[1:])
        unlink(target)
        name = self._target_name = target.name
        return BakeRun(
            people,
            lambda number: Baking.of_person(present(name), present(people[number]), bones, options),
        )

    def abandon(self, context: Any) -> None:
        from .smpl_rig.blender.live_link import link
        from .smpl_rig.blender.rig_reading import present

        if self._followed is not None:
            person, bones, options = self._followed
            with suppress(LimberError):  # whoever followed or was followed is gone
                link(present(self._target_name), present(person), bones, options)


class _BakingAgain(_Baking):
    """Bakes again what has changed; the action in use stays in use."""

    _target_name = _action_name = ""

    def begin_again(self, target: Any) -> BakeRun:
        """What of a target's is outdated."""
        from .smpl_rig.blender.bakes import options_of, outdated_bakes, person_of
        from .smpl_rig.blender.retarget import Baking
        from .smpl_rig.blender.rig_reading import present

        bones, bakes = target.limber_target.rig_bones(), outdated_bakes(target)
        wanted = [(person_of(bake).name, options_of(bake)) for bake in bakes]
        name = self._target_name = target.name
        self._action_name = target.animation_data.action.name if bakes and target.animation_data.action else ""

        def begin(number: int) -> Any:
            person, options = wanted[number]
            return Baking.of_person(present(name), present(person), bones, options)

        return BakeRun([person for person, _ in wanted], begin)

    def conclude(self, context: Any, run: BakeRun | LinkRun) -> None:
        from .smpl_rig.blender.baked_actions import use_action

        target, action = bpy.data.objects.get(self._target_name), bpy.data.actions.get(self._action_name)
        if target is not None and action is not None:
            use_action(target, action)
        super().conclude(context, run)


class LIMBER_OT_bake_again(_BakingAgain, _WithTarget):  # noqa: N801
    """Bake again what has changed since, with the options it was baked with, into the same actions"""

    bl_idname = "limber.bake_again"
    bl_label = "Bake Again"
    bl_options = {"UNDO"}  # noqa: RUF012

    def begin(self, context: Any) -> BakeRun:
        return self.begin_again(context.scene.limber_retarget.target)


class LIMBER_OT_keep_up(_BakingAgain):  # noqa: N801
    """Bake again by itself what has changed. Esc stops that, for good"""

    bl_idname = "limber.keep_up"
    bl_label = "Bake Again by Itself"

    target: StringProperty(name="Target", description="Whose bakes", options={"HIDDEN", "SKIP_SAVE"})

    def begin(self, _context: Any) -> BakeRun:
        from .smpl_rig.blender.rig_reading import present

        return self.begin_again(present(self.target))

    def conclude(self, context: Any, run: BakeRun | LinkRun) -> None:
        target = bpy.data.objects.get(self._target_name)
        if target is not None and not run.is_over:
            target.limber_target.keeps_up = False
            self.report({"WARNING"}, "Stopped. Bake Again by Itself is off now")
        super().conclude(context, run)


class LIMBER_OT_link_target(_Baking, _WithTargetAndPerson):  # noqa: N801
    """Let the target follow the active person as it moves and is edited, without keys; again, to let go of it"""

    bl_idname = "limber.link_target"
    bl_label = "Live Link"
    bl_options = {"UNDO"}  # noqa: RUF012

    _target_name = ""

    def begin(self, context: Any) -> LinkRun:
        from .smpl_rig.blender.live_link import is_linked, linking, unlink

        target = context.scene.limber_retarget.target
        self._target_name = target.name
        pieces: Iterator[None] = iter(())
        if is_linked(target):
            unlink(target)
        else:
            bones, options = target.limber_target.rig_bones(), context.scene.limber_retarget.options()
            pieces = linking(target, _people(context)[0], bones, options, READING_S)
        return LinkRun(f"Linking {target.name}", pieces)

    def run(self, context: Any) -> set[str]:
        from .smpl_rig.blender.live_link import is_linked, plant
        from .smpl_rig.blender.rig_reading import present

        self.begin(context).finish()
        target = present(self._target_name)
        if is_linked(target):
            plant(target)
        return {"FINISHED"}

    def conclude(self, _context: Any, _run: BakeRun | LinkRun) -> None:
        retarget_watch.ask()  # feet are planted in a thread


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

    @classmethod
    def poll(cls, context: Any) -> bool:
        return super().poll(context) and _are_bones_known(cls, context)

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
    LIMBER_OT_keep_up,
    LIMBER_OT_link_target,
    LIMBER_OT_save_rig_map,
    LIMBER_OT_load_rig_map,
)
