"""Captured people in the scene: making them, finding them, and showing them over their footage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import bpy

from .smpl_rig.blender.animation import (
    fit_scene,
    forget_smoothness_keys,
    frame_rate,
    is_smoothness_keyed,
    key_smoothness,
    widen_scene,
)
from .smpl_rig.blender.camera import BackgroundError, create_camera, is_footage_camera, show_footage
from .smpl_rig.blender.character import PROPERTY, CharacterError, apply_smoothness, build_character, motion_of
from .smpl_rig.body import Body, load_body
from .smpl_rig.body_parts import BODY_PARTS
from .smpl_rig.image_sequence import images_of, is_image_sequence
from .smpl_rig.motion import Motion
from .smpl_rig.refine import open_gaps
from .smpl_rig.skeleton import JOINT_NAMES
from .smpl_rig.smoothness import Preset
from .smpl_rig.stature import stature

_LONGEST_NAME = 40
#: Rates closer than this, by their ratio, are within a frame of each other for 2000 frames.
_SAME_RATE = 5e-4


@cache
def embedded_body() -> Body:
    """The body that comes with the add-on.

    Raises:
        BodyError: if its file is missing or damaged.
    """
    return load_body(Path(__file__).parent / "smpl_rig" / "bodies" / "limber.npz")


def is_captured(candidate: Any) -> bool:
    """Whether an object is an armature whose action holds a capture."""
    if candidate is None or candidate.type != "ARMATURE" or candidate.animation_data is None:
        return False
    action = candidate.animation_data.action
    return action is not None and "motion" in (action.get(PROPERTY) or ())


def has_smpl_joints(armature: Any) -> bool:
    """Whether it has the bones that a captured person has."""
    return all(name in armature.data.bones for name in JOINT_NAMES)


def captured_armature(context: Any) -> Any:
    """The active captured person's armature, by itself or by its mesh; None if the active object is neither."""
    active = context.object
    return next((each for each in (active, active.parent if active else None) if is_captured(each)), None)


def animated_armature(context: Any) -> Any:
    """The active armature that has a take, captured or not, by itself or by its mesh; None if there is none."""
    active = context.object
    for each in (active, active.parent if active else None):
        if each is not None and each.type == "ARMATURE" and each.animation_data and each.animation_data.action:
            return each
    return None


def fit_to_footage(scene: Any, motions: Sequence[Motion]) -> None:
    """Gives the scene the footage's rate and length, and the playhead a frame of it.

    Where people captured earlier are keyed at the scene's own rate, that stays, and the length grows where it must.
    """
    if any(is_captured(each) for each in scene.objects):
        widen_scene(scene, *motions)
        return
    fit_scene(scene, *motions)
    if not scene.frame_start <= scene.frame_current <= scene.frame_end:
        scene.frame_set(scene.frame_start)


@contextmanager
def scene_in_use(context: Any, session_uid: int) -> Iterator[Any]:
    """Has the window show a scene while people are made in it; where it is gone, the one that is shown."""
    shown, window = context.scene, context.window
    wanted = next((scene for scene in bpy.data.scenes if scene.session_uid == session_uid), shown)
    if wanted == shown or window is None:
        yield shown
        return
    window.scene = wanted
    try:
        yield wanted
    finally:
        window.scene = shown


def add_person(
    context: Any, motion: Motion, name: str, smoothness: float, body: Body | None = None
) -> tuple[Any, list[str]]:
    """Makes a person and lets nothing captured be lost: without the body it was captured with, there are bones alone.

    Args:
        context: Blender's; its scene gets the person.
        motion: the raw capture.
        name: of the armature; long ones are cut.
        smoothness: 0 to 1, of the keys.
        body: that the motion was captured with; None is the one that comes with the add-on.

    Returns:
        The armature object, and what the user should know.
    """
    name, warnings = name[:_LONGEST_NAME], []
    try:
        armature = build_character(context.scene, motion, body or embedded_body(), name, smoothness)
    except CharacterError as error:
        warnings.append(f"{name} has bones and no mesh. {error}")
        armature = build_character(context.scene, motion, None, name, smoothness)
    armature.animation_data.action.limber_smoothness = smoothness
    for start, end in open_gaps(motion):
        warnings.append(f"{name} was not seen from {start:.1f} s to {end:.1f} s, too long to fill in the motion.")
    return armature, warnings


def standing_height(motion: Motion, body: Body | None = None) -> float:
    """Metres from the soles to the top of the head, of the body that the motion was captured with, as in add_person."""
    return stature((body or embedded_body()).vertices_rest(motion.betas))


def select(context: Any, armatures: Sequence[Any]) -> None:
    """Selects people, the first one active, unless the user is editing something."""
    if context.mode != "OBJECT":
        return
    for other in context.view_layer.objects:
        other.select_set(False)
    for armature in armatures:
        armature.select_set(True)
    context.view_layer.objects.active = armatures[0]


def smooth_take(action: Any, frame: int) -> None:
    """Rewrites a take's keys from its capture, as its own properties say.

    Where the smoothness is keyed, moving the slider sets the key of the current frame.
    """
    armature = None if _unapplied else _armature_of(action)
    if armature is None:
        return
    if is_smoothness_keyed(armature):
        key_smoothness(armature, frame, action.limber_smoothness)
    apply_take(armature)


def apply_take(armature: Any) -> None:
    """Rewrites the keys of a captured person's take from its capture, as the take's properties say."""
    action = armature.animation_data.action
    apply_smoothness(armature, action.limber_smoothness, action.limber_parts.own())


def apply_preset(action: Any, preset: Preset, frame: int) -> None:
    """Sets a take's slider and its parts, and smooths once."""
    with _all_at_once():
        action.limber_smoothness = preset.smoothness
        for part in BODY_PARTS:
            setattr(action.limber_parts, f"own_{part}", part in preset.parts)
            setattr(action.limber_parts, part, preset.parts.get(part, preset.smoothness))
    smooth_take(action, frame)


def key_take(armature: Any, frame: int) -> None:
    """Sets a key of the smoothness, with the slider's value, so that it changes over time."""
    action = armature.animation_data.action
    key_smoothness(armature, frame, action.limber_smoothness)
    smooth_take(action, frame)


def unkey_take(armature: Any, frame: int) -> None:
    """Gives the slider back the whole take."""
    forget_smoothness_keys(armature)
    smooth_take(armature.animation_data.action, frame)


def _armature_of(action: Any) -> Any:
    takes = (each for each in bpy.data.objects if is_captured(each) and each.animation_data.action == action)
    return next(takes, None)


_unapplied: list[bool] = []


@contextmanager
def _all_at_once() -> Iterator[None]:
    """Several properties change and their update callbacks do nothing."""
    _unapplied.append(True)
    try:
        yield
    finally:
        _unapplied.pop()


def add_camera(context: Any, armatures: Sequence[Any], footage: Path | None) -> tuple[Any, list[str]]:
    """Makes the camera that took some people's footage, the footage in its background; each one's collection has it.

    Returns:
        The camera object, and what the user should know.
    """
    first, *others = armatures
    motion = motion_of(first)
    camera = create_camera(context.scene, first.users_collection[0], f"{first.name} camera", motion)
    for other in others:
        other.users_collection[0].objects.link(camera)
    return camera, put_footage(context.scene, camera, motion, footage)


def put_footage(scene: Any, camera: Any, motion: Motion, footage: Path | None) -> list[str]:
    """Puts the footage behind what its camera sees.

    Returns:
        What the user should know.
    """
    if footage is None or footage.name != motion.footage[0]:
        return [f"The camera shows no footage: choose {motion.footage[0]} as Footage to see it behind the people."]
    try:
        show_footage(camera, _first_picture(footage))
    except BackgroundError as error:
        return [str(error)]
    playing, filmed = frame_rate(scene), motion.mocap_framerate
    if abs(playing / filmed - 1) < _SAME_RATE:
        return []
    return [
        f"{footage.name} has {filmed:g} frames per second and the scene plays {playing:g}: the people keep their true "
        "speed, the footage behind them does not. To see them together, load the capture into a scene of its own."
    ]


def _first_picture(footage: Path) -> Path:
    """What Blender opens an image sequence by."""
    if not is_image_sequence(footage):
        return footage
    try:
        return next((image for _, image in images_of(footage)), footage)
    except OSError:  # Blender says then that there is nothing to show
        return footage


def footage_camera(scene: Any, armature: Any) -> Any:
    """The camera that took a person's footage, or the scene's if it took any; else None."""
    collections = armature.users_collection if armature is not None else ()
    beside = (each for collection in collections for each in collection.objects if is_footage_camera(each))
    return next(beside, scene.camera if is_footage_camera(scene.camera) else None)


def is_footage_shown(context: Any) -> bool:
    """Whether the 3D view in use looks through the footage's camera, with the footage behind the people."""
    camera, view = footage_camera(context.scene, captured_armature(context)), context.space_data
    if camera is None or camera != context.scene.camera or view is None or view.type != "VIEW_3D":
        return False
    return bool(camera.data.show_background_images) and view.region_3d.view_perspective == "CAMERA"


def show_footage_in_view(context: Any, camera: Any, show: bool) -> None:
    """Looks through the footage's camera, or no longer; where no 3D view is in use, the camera alone changes."""
    camera.data.show_background_images = True
    view = context.space_data
    if view is not None and view.type == "VIEW_3D":
        view.use_local_camera = False
        view.region_3d.view_perspective = "CAMERA" if show else "PERSP"
