"""The sidebar tab."""

import textwrap
from typing import Any

import bpy

from . import session
from .backend_address import preferences
from .smpl_rig.body_parts import BODY_PARTS
from .smpl_rig.smoothness import smoothness_presets

#: Pixels of an average character of Blender's interface font, at scale 1.
_CHARACTER_PX = 6.6
_SHOWN_CAPTURES = 12
_FORMATS = (("FBX", "FBX"), ("GLB", "glTF"), ("USD", "USD"), ("ABC", "Alembic"))
#: Of SMPL's joints alone; the last two know the body, too, that a capture is of.
_SMPL_FORMATS = (("BVH", "BVH"), ("NPZ", "AMASS"), ("CSV", "CSV"))


class SidebarPanel:
    """Where all of the panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = session.CATEGORY


class LIMBER_PT_capture(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """Footage in."""

    bl_idname = "LIMBER_PT_capture"
    bl_label = "Capture"

    def draw(self, context: Any) -> None:
        layout, width = self.layout, characters_across(context)
        now, settings = session.current(), context.scene.limber
        draw_backend(layout, width)
        if _is_to_be_set_up(now):
            layout.operator(
                "preferences.addon_show", text="Set Up the Backend", icon="PREFERENCES"
            ).module = __package__
        column = layout.column()
        column.enabled = not now.is_capturing
        column.prop(settings, "footage", text="", placeholder="Footage")
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "people")
        if settings.people == "number":
            column.prop(settings, "person")
        if now.is_capturing:
            _draw_progress(layout, now.run)
        else:
            row = layout.row(align=True)
            row.scale_y = 1.5
            row.operator("limber.capture", icon="ARMATURE_DATA")
            row.menu("LIMBER_MT_captures", text="", icon="RECOVER_LAST")
            row.operator("limber.import_motion", text="", icon="IMPORT")
            _draw_outcome(layout, now, width)


class LIMBER_PT_options(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """What is seldom changed."""

    bl_idname = "LIMBER_PT_options"
    bl_label = "Options"
    bl_parent_id = "LIMBER_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        layout, settings = self.layout, context.scene.limber
        layout.enabled = not session.current().is_capturing
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "network")
        layout.prop(settings, "detector")
        column = layout.column(align=True, heading="Range")
        column.prop(settings, "use_range", text="Seconds")
        if settings.use_range:
            column.prop(settings, "start_s")
            column.prop(settings, "end_s")
        column = layout.column(align=True, heading="Height")
        column.prop(settings, "use_height", text="Known")
        if settings.use_height:
            column.prop(settings, "height_m", text="Metres")
        column = layout.column(align=True)
        column.prop(settings, "camera")
        if settings.camera != "estimate":
            column.prop(settings, "fov" if settings.camera == "fov" else "focal_px", text=" ")
        column.prop(settings, "still_camera")
        layout.prop(settings, "body", placeholder="Limber's own")
        layout.prop(settings, "device")
        layout.prop(settings, "smoothness", slider=True)
        column = layout.column(heading="Scene")
        column.prop(settings, "match_scene", text="Match Footage")
        column.prop(settings, "add_camera")


class LIMBER_PT_character(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The captured person that is active."""

    bl_idname = "LIMBER_PT_character"
    bl_label = "Character"

    def draw(self, context: Any) -> None:
        from .characters import captured_armature, is_footage_shown

        layout, armature = self.layout, captured_armature(context)
        if armature is None:
            layout.label(text="Select a captured person", icon="INFO")
            return
        layout.label(text=armature.name, icon="OUTLINER_OB_ARMATURE")
        draw_smoothness(layout, armature)
        layout.operator("limber.toggle_footage", icon="VIEW_CAMERA", depress=is_footage_shown(context))


class LIMBER_PT_export(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """The active character as a file, captured or retargeted."""

    bl_idname = "LIMBER_PT_export"
    bl_label = "Export"
    bl_order = 10  # after all that one exports

    def draw(self, context: Any) -> None:
        from .characters import animated_armature, has_smpl_joints, is_captured

        layout, armature = self.layout, animated_armature(context)
        if armature is None:
            layout.label(text="Select a character with a take", icon="INFO")
            return
        layout.label(text=armature.name, icon="OUTLINER_OB_ARMATURE")
        column = layout.column(align=True)
        known = 3 if is_captured(armature) else int(has_smpl_joints(armature))
        for formats in (_FORMATS, _SMPL_FORMATS[:known]):
            row = column.row(align=True)
            for file_format, text in formats:
                row.operator("limber.export", text=text).file_format = file_format
        layout.menu("LIMBER_MT_export_presets", text="Export for a Program", icon="EXPORT")


def draw_smoothness(layout: Any, armature: Any) -> None:
    """The slider, its keys and its presets."""
    from .smpl_rig.blender.animation import is_smoothness_keyed

    keyed = is_smoothness_keyed(armature)
    column = layout.column(align=True)
    row = column.row(align=True)
    row.prop(armature.animation_data.action, "limber_smoothness", slider=True)
    row.operator("limber.key_smoothness", text="", icon="DECORATE_KEYFRAME" if keyed else "DECORATE_ANIMATE")
    if keyed:
        row = column.row(align=True)
        row.operator("limber.smooth_again", text="Apply Keys")
        row.operator("limber.unkey_smoothness", text="Clear Keys")
    row = column.row(align=True)
    for name in smoothness_presets():
        row.operator("limber.smoothness_preset", text=name).preset = name


class LIMBER_PT_parts(SidebarPanel, bpy.types.Panel):  # type: ignore[misc]  # noqa: N801
    """Parts of the body with a smoothness of their own."""

    bl_idname = "LIMBER_PT_parts"
    bl_label = "Parts of the Body"
    bl_parent_id = "LIMBER_PT_character"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    @classmethod
    def poll(cls, context: Any) -> bool:
        from .characters import captured_armature

        return captured_armature(context) is not None

    def draw(self, context: Any) -> None:
        from .characters import captured_armature

        parts = captured_armature(context).animation_data.action.limber_parts
        column = self.layout.column(align=True)
        for part in BODY_PARTS:
            row = column.row(align=True)
            row.prop(parts, f"own_{part}", text="")
            value = row.row(align=True)
            value.enabled = getattr(parts, f"own_{part}")
            value.prop(parts, part, slider=True)


class LIMBER_MT_captures(bpy.types.Menu):  # type: ignore[misc]  # noqa: N801
    """Captures that the backend keeps."""

    bl_idname = "LIMBER_MT_captures"
    bl_label = "Earlier Captures"

    def draw(self, _context: Any) -> None:
        captures = [each for each in session.current().watch.sight.captures if each.state != "cancelled"]
        self.layout.label(text="Earlier Captures")
        for capture in captures[:_SHOWN_CAPTURES]:
            text = f"{capture.footage}: {_state_text(capture)}"
            self.layout.operator("limber.load_capture", text=text).capture = capture.capture
        if not captures:
            self.layout.label(text="The backend keeps none")


def draw_backend(layout: Any, width: int) -> None:
    """What the backend is doing, and the button that starts or stops it."""
    now = session.current()
    sight, backend = now.watch.sight, now.backend
    row = layout.row()
    if sight.health is not None:
        device = f" on {sight.health.device}" if sight.health.device else ""
        row.label(text=f"Backend {_WORKER_STATES.get(sight.health.worker, sight.health.worker)}{device}", icon="LINKED")
    elif backend.is_running:
        row.label(text="Starting", icon="SORTTIME")
    else:
        row.label(text="No backend", icon="UNLINKED")
    button = row.row()
    button.alignment = "RIGHT"  # as wide as its word, so that the rest is the label's
    if backend.is_running:
        button.operator("limber.stop_backend", text="Stop")
    elif sight.health is None and preferences().environment:
        button.operator("limber.start_backend", text="Start")
    problem = backend.failure or ("" if backend.is_running else sight.problem)
    if problem and sight.health is None and problem != now.message:
        paragraph(layout, problem, width)


def _is_to_be_set_up(now: Any) -> bool:
    """Whether there is no backend, and nothing to start one from."""
    return now.watch.sight.health is None and not now.backend.is_running and not preferences().environment


_WORKER_STATES = {"starting": "starts", "ready": "ready", "busy": "busy", "stopped": "stopped"}


def _draw_progress(layout: Any, run: Any) -> None:
    progress = run.progress
    text = f"{run.headline}  {progress.fraction:.0%}" if progress.fraction > 0 else run.headline
    layout.progress(text=text, factor=progress.fraction, type="BAR")
    row = layout.row()
    details = []
    if progress.people_found is not None:
        details.append("1 person" if progress.people_found == 1 else f"{progress.people_found} people")
    if progress.eta_s is not None:
        details.append(f"{_duration(progress.eta_s)} left")
    row.label(text=", ".join(details))
    row.operator("limber.cancel_capture", icon="CANCEL")


def _draw_outcome(layout: Any, now: Any, width: int) -> None:
    if now.message:
        paragraph(layout, now.message, width, "ERROR", alert=True)
    run = now.run
    if run is None or not run.is_over:
        return
    if run.people:
        people = map(_person_text, run.people, run.heights_m)
        paragraph(layout, f"Captured {', '.join(people)}", width, "CHECKMARK")
    elif not now.message and not run.error:
        paragraph(layout, "Cancelled", width, "X")
    for warning in run.warnings:
        paragraph(layout, warning, width, "INFO")


def _person_text(name: str, height_m: float | None) -> str:
    return name if height_m is None else f"{name} ({height_m:.2f} m tall)"


def paragraph(layout: Any, text: str, width: int, icon: str = "NONE", *, alert: bool = False) -> None:
    """Text over several lines, which Blender's labels do not do."""
    column = layout.column(align=True)
    column.scale_y = 0.8
    column.alert = alert
    for number, line in enumerate(textwrap.wrap(text, width, break_on_hyphens=False)):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")


def characters_across(context: Any) -> int:
    """How many characters fit into the sidebar's width."""
    scale = context.preferences.system.ui_scale
    return max(20, int(context.region.width / scale / _CHARACTER_PX) - 8)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _state_text(capture: Any) -> str:
    match capture.state:
        case "done":
            return "1 person" if len(capture.people) == 1 else f"{len(capture.people)} people"
        case "running":
            return f"running, {capture.fraction:.0%}"
        case "failed" | "interrupted":
            return f"{capture.state}, capture again"
        case _:
            return str(capture.state)


CLASSES = (
    LIMBER_PT_capture,
    LIMBER_PT_options,
    LIMBER_PT_character,
    LIMBER_PT_parts,
    LIMBER_PT_export,
    LIMBER_MT_captures,
)
