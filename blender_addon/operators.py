"""What the buttons do."""
# mypy: disable-error-code="valid-type"

import time
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from . import session
from .backend_address import connection, environment, preferences
from .capture_run import CaptureRun
from .job import CaptureJob, KeptCapture, NewCapture
from .smpl_rig.errors import LimberError
from .smpl_rig.smoothness import smoothness_presets

_STEP_S = 0.1


class LimberOperator(bpy.types.Operator):  # type: ignore[misc]
    """The base of every operator: what the user can mend is reported to the user, and shown in the panel."""

    bl_options = {"INTERNAL"}  # noqa: RUF012  (Blender's way)

    def execute(self, context: Any) -> set[str]:
        """Runs, and reports a user's error."""
        return self.guard(lambda: self.run(context))

    def run(self, context: Any) -> set[str]:
        """Does the work.

        Raises:
            LimberError: with what the user is to be told.
        """
        raise NotImplementedError

    def guard(self, work: Any) -> set[str]:
        """Does some of the work; a user's error ends the operator."""
        session.current().message = ""
        try:
            outcome: set[str] = work()
        except LimberError as error:
            self.fail(str(error))
            return {"CANCELLED"}
        return outcome

    def fail(self, message: str) -> None:
        """Tells the user, in the panel too, where it stays to be read."""
        session.current().message = message
        session.redraw()
        self.report({"ERROR"}, message)


class BetweenCaptures(LimberOperator):
    """Makes people, so that it has to wait while a capture is about to."""

    bl_options = {"UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, _context: Any) -> bool:
        if session.current().is_capturing:
            cls.poll_message_set("A capture is under way")
            return False
        return True


class _Capturing(BetweenCaptures):
    """Follows a capture without holding Blender up; called from a script, it returns when the capture is over."""

    _timer: Any = None

    def job(self, context: Any) -> tuple[CaptureJob, Path | None]:
        """What is to be captured, and where its footage lies.

        Raises:
            LimberError: with what the user is to be told.
        """
        raise NotImplementedError

    def invoke(self, context: Any, _event: Any) -> set[str]:
        return self.guard(lambda: self._begin_modal(context))

    def run(self, context: Any) -> set[str]:
        run = self._begin(context)
        while not run.is_over:
            run.step(context)
            time.sleep(_STEP_S)
        return self._conclude(run)

    def modal(self, context: Any, event: Any) -> set[str]:
        run = session.current().run
        if run is None:
            self._stop_timer(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            run.cancel()
            session.redraw()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            run.step(context)
        except Exception:
            self._stop_timer(context)
            session.current().drop_capture()
            raise
        session.redraw()
        if not run.is_over:
            return {"PASS_THROUGH"}
        self._stop_timer(context)
        return self._conclude(run)

    def cancel(self, context: Any) -> None:
        """Called by Blender when the window closes."""
        self._stop_timer(context)
        session.current().drop_capture()

    def _begin(self, context: Any) -> CaptureRun:
        job, footage = self.job(context)
        run = CaptureRun(job, footage, context.scene.session_uid)
        session.current().run = run
        job.start()
        return run

    def _begin_modal(self, context: Any) -> set[str]:
        self._begin(context)
        self._timer = context.window_manager.event_timer_add(_STEP_S, window=context.window)
        context.window_manager.modal_handler_add(self)
        session.redraw()
        return {"RUNNING_MODAL"}

    def _stop_timer(self, context: Any) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None

    def _conclude(self, run: CaptureRun) -> set[str]:
        session.current().look()
        if run.error:
            self.fail(run.error)
        elif run.people:
            self.report({"INFO"}, f"Captured {', '.join(run.people)}")
        for warning in run.warnings:
            self.report({"WARNING"}, warning)
        return {"FINISHED"} if run.people else {"CANCELLED"}


class LIMBER_OT_capture(_Capturing):  # noqa: N801
    """Capture the people in the footage"""

    bl_idname = "limber.capture"
    bl_label = "Capture"

    def job(self, context: Any) -> tuple[CaptureJob, Path | None]:
        settings = context.scene.limber
        footage = settings.footage_path()
        return CaptureJob(connection(), NewCapture(footage, settings.options())), footage


class LIMBER_OT_load_capture(_Capturing):  # noqa: N801
    """Make the people of a capture that the backend keeps; one that was cut off is captured again"""

    bl_idname = "limber.load_capture"
    bl_label = "Load Capture"

    capture: StringProperty(name="Capture", options={"HIDDEN", "SKIP_SAVE"})

    def job(self, context: Any) -> tuple[CaptureJob, Path | None]:
        settings = context.scene.limber
        footage = settings.footage_path() if settings.footage.strip() else None
        return CaptureJob(connection(), KeptCapture(self.capture)), footage


class LIMBER_OT_cancel_capture(LimberOperator):  # noqa: N801
    """Cancel the capture (Esc)"""

    bl_idname = "limber.cancel_capture"
    bl_label = "Cancel"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        run = session.current().run
        return session.current().is_capturing and run is not None and run.ending is None and not run.is_cancelling

    def run(self, _context: Any) -> set[str]:
        run = session.current().run
        if run is not None:
            run.cancel()
        return {"FINISHED"}


class LIMBER_OT_start_backend(LimberOperator):  # noqa: N801
    """Start the backend on this machine; it ends with Blender"""

    bl_idname = "limber.start_backend"
    bl_label = "Start Backend"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        return not session.current().backend.is_running

    def run(self, _context: Any) -> set[str]:
        session.current().backend.start(environment(), preferences().address.strip())
        return {"FINISHED"}


class LIMBER_OT_stop_backend(LimberOperator):  # noqa: N801
    """Stop the backend that was started from here; a capture under way is cut off"""

    bl_idname = "limber.stop_backend"
    bl_label = "Stop Backend"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        return session.current().backend.is_running

    def run(self, _context: Any) -> set[str]:
        session.current().backend.stop()
        return {"FINISHED"}


class LIMBER_OT_toggle_footage(LimberOperator):  # noqa: N801
    """See the people over their footage, through the camera that took it; or no longer"""

    bl_idname = "limber.toggle_footage"
    bl_label = "Camera and Footage"
    bl_options = {"UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        from .characters import captured_armature, footage_camera

        armature = captured_armature(context)
        return armature is not None or footage_camera(context.scene, armature) is not None

    def run(self, context: Any) -> set[str]:
        from .characters import (
            add_camera,
            captured_armature,
            footage_camera,
            is_footage_shown,
            put_footage,
            show_footage_in_view,
        )
        from .smpl_rig.blender.camera import shows_footage, use_camera
        from .smpl_rig.blender.character import motion_of

        scene, settings = context.scene, context.scene.limber
        show, armature = not is_footage_shown(context), captured_armature(context)
        camera = footage_camera(scene, armature)
        warnings: list[str] = []
        footage = settings.footage_path() if settings.footage.strip() else None
        if camera is None:
            camera, warnings = add_camera(context, [armature], footage)
        elif show and armature is not None:
            motion = motion_of(armature)
            use_camera(scene, camera, motion)
            warnings = [] if shows_footage(camera) else put_footage(scene, camera, motion, footage)
        for warning in warnings:
            self.report({"WARNING"}, warning)
        show_footage_in_view(context, camera, show)
        return {"FINISHED"}


class _OnCharacter(LimberOperator):
    """What is done to the active captured person."""

    bl_options = {"UNDO"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        from .characters import captured_armature

        return captured_armature(context) is not None


class LIMBER_OT_smoothness_preset(_OnCharacter):  # noqa: N801
    """Set the smoothness of the whole body and of its parts for this kind of motion"""

    bl_idname = "limber.smoothness_preset"
    bl_label = "Smoothness Preset"

    preset: StringProperty(options={"HIDDEN"})

    def run(self, context: Any) -> set[str]:
        from .characters import apply_preset, captured_armature

        action = captured_armature(context).animation_data.action
        apply_preset(action, smoothness_presets()[self.preset], context.scene.frame_current)
        return {"FINISHED"}


class LIMBER_OT_key_smoothness(_OnCharacter):  # noqa: N801
    """Key the smoothness at the current frame, so that it changes over time"""

    bl_idname = "limber.key_smoothness"
    bl_label = "Key Smoothness"

    def run(self, context: Any) -> set[str]:
        from .characters import captured_armature, key_take

        key_take(captured_armature(context), context.scene.frame_current)
        return {"FINISHED"}


class LIMBER_OT_unkey_smoothness(_OnCharacter):  # noqa: N801
    """Remove all keys of the smoothness: the slider's value counts for the whole take again"""

    bl_idname = "limber.unkey_smoothness"
    bl_label = "Clear Smoothness Keys"

    def run(self, context: Any) -> set[str]:
        from .characters import captured_armature, unkey_take

        unkey_take(captured_armature(context), context.scene.frame_current)
        return {"FINISHED"}


class LIMBER_OT_smooth_again(_OnCharacter):  # noqa: N801
    """Rewrite the motion after the keys of the smoothness were changed in the Graph Editor"""

    bl_idname = "limber.smooth_again"
    bl_label = "Apply Smoothness Keys"

    def run(self, context: Any) -> set[str]:
        from .characters import apply_take, captured_armature

        apply_take(captured_armature(context))
        return {"FINISHED"}


CLASSES = (
    LIMBER_OT_capture,
    LIMBER_OT_load_capture,
    LIMBER_OT_cancel_capture,
    LIMBER_OT_start_backend,
    LIMBER_OT_stop_backend,
    LIMBER_OT_toggle_footage,
    LIMBER_OT_smoothness_preset,
    LIMBER_OT_key_smoothness,
    LIMBER_OT_unkey_smoothness,
    LIMBER_OT_smooth_again,
)
