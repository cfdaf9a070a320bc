"""What other characters do when a captured person changes: feet of linked ones are planted again, bakes are outdated.

Blender calls whenever something in the scene has changed. Work waits until edits pause, and feet are planted and takes
baked in a thread, so that a slider which is dragged, or a pose that is being made, is as quick as without other
characters.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import bpy

from . import session
from .bake_run import READING_S, BakeRun
from .link_run import LinkRun
from .retarget_properties import is_absent, is_known
from .smpl_rig.errors import LimberError

_PAUSE_S, _LOOK_S = 0.25, 0.05

#: When something has changed last, by the monotonic clock.
_changed_s = 0.0
#: What is being planted.
_under_way: list[_PlantingRun] = []
_baking: BakeRun | LinkRun | None = None


def begin() -> None:
    """Called once, when the add-on is enabled."""
    for handlers, handler in _handlers():
        handlers.append(handler)


def end() -> None:
    """Called once, when the add-on is disabled or Blender quits."""
    for handlers, handler in _handlers():
        handlers.remove(handler)
    if bpy.app.timers.is_registered(_after_pause):
        bpy.app.timers.unregister(_after_pause)
    _under_way.clear()
    show_baking(None)


def look() -> None:
    """Brings linked targets and bakes up to date, now."""
    forget_absent()
    while _plant_next():
        for run in _under_way:
            run.wait()
    look_at_bakes()


def look_at_bakes() -> None:
    """Brings the notes on what is outdated up to date, and what is to keep up; returns when all is baked."""
    for target in _targets_to_keep_up():
        with suppress(RuntimeError):  # which the panel shows
            bpy.ops.limber.keep_up(target=target.name)
    note_outdated()


def forget_absent() -> None:
    """Lets go of characters and people that were deleted."""
    from .smpl_rig.blender.live_link import forget_absent_links

    for scene in bpy.data.scenes:
        scene.limber_retarget.forget_absent()
    for target, person in forget_absent_links():
        session.current().message = f"'{person}' was deleted, so '{target}' follows nobody any more."
        session.redraw()


def _targets_to_keep_up() -> list[Any]:
    """Who is to keep up, and has bakes whose take has changed since."""
    from .smpl_rig.blender.bakes import outdated_bakes

    return [each for each in _known_targets() if each.limber_target.keeps_up and outdated_bakes(each)]


def _known_targets() -> list[Any]:
    return [each for each in bpy.data.objects if each.type == "ARMATURE" and is_known(each) and not is_absent(each)]


def note_outdated() -> None:
    """Brings the notes on what is outdated up to date."""
    from .smpl_rig.blender.baked_actions import action_of
    from .smpl_rig.blender.bakes import outdated_bakes, person_of

    for target in _known_targets():
        shown = target.limber_target
        outdated = ", ".join(action_of(person_of(bake)).name for bake in outdated_bakes(target))
        if outdated != shown.outdated:
            shown.outdated = outdated
            session.redraw()


def baking() -> BakeRun | LinkRun | None:
    """What is being baked or linked while the user may go on working."""
    return _baking


def show_baking(run: BakeRun | LinkRun | None) -> None:
    """Has the panel show that this is being baked or linked, or nothing."""
    global _baking  # noqa: PLW0603  (operators come and go)
    _baking = run


def _begin_keeping_up() -> None:
    """Has the first target that is to keep up, and does not, baked in the window where the user works."""
    windows = bpy.context.window_manager.windows
    for target in _targets_to_keep_up():
        if len(windows):
            with bpy.context.temp_override(window=windows[0]), suppress(RuntimeError):  # which the panel shows
                bpy.ops.limber.keep_up("INVOKE_DEFAULT", target=target.name)
            return


class _PlantingRun:
    """Feet that are planted without holding Blender up: the rig is read in pieces, and poses are found in a thread."""

    def __init__(self, planting: Any) -> None:
        self._planting, self._reading = planting, planting.read(READING_S)
        self._thread = threading.Thread(target=planting.solve, name="Limber planting", daemon=True)

    def step(self) -> bool:
        """Goes on for a moment.

        Returns:
            Whether there is more to do.

        Raises:
            LimberError: where the rig cannot be read.
        """
        if self._thread.ident is None:
            if next(self._reading, True) is not None:
                self._thread.start()
            return True
        if self._thread.is_alive():
            return True
        self._planting.write()
        return False

    def wait(self) -> None:
        """Returns when there is nothing to wait for before the next step."""
        if self._thread.ident is not None:
            self._thread.join()


def _plant_next() -> bool:
    """Goes on with the feet that are being planted, or begins with the next ones.

    Returns:
        Whether there is anything under way.
    """
    global _changed_s  # noqa: PLW0603  (Blender calls functions)
    from .smpl_rig.blender.live_link import Planting, linked_targets

    try:
        if _under_way:
            run, changed_s = _under_way.pop(), _changed_s
            has_more = run.step()
            _changed_s = changed_s  # what reading does to a rig is no edit, after which to pause
            if has_more:
                _under_way.append(run)
                return True
        found = (Planting.of(target) for target in linked_targets())
        planting = next((each for each in found if each is not None), None)
    except LimberError as error:
        session.current().message = str(error)
        return False
    if planting is None:
        return False
    _under_way.append(_PlantingRun(planting))
    return True


def _handlers() -> list[tuple[list[Any], Any]]:
    handlers = bpy.app.handlers
    return [
        (handlers.depsgraph_update_post, _after_update),
        (handlers.undo_post, _after_any),
        (handlers.redo_post, _after_any),
        (handlers.load_post, _after_any),
    ]


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def _after_update(_scene: Any, depsgraph: Any) -> None:
    if any(_may_concern(update) for update in depsgraph.updates) or _is_anybody_absent(depsgraph):
        ask()


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def _after_any(*_: Any) -> None:
    ask()


def _may_concern(update: Any) -> bool:
    """Whether keys have changed, or an armature's place."""
    changed = update.id
    if isinstance(changed, bpy.types.Action):
        return True
    return isinstance(changed, bpy.types.Object) and changed.type == "ARMATURE" and update.is_updated_transform


def _is_anybody_absent(depsgraph: Any) -> bool:
    """Whether something was deleted of which a character is to be let go."""
    from .smpl_rig.blender.live_link import linked_pairs

    if not depsgraph.id_type_updated("SCENE") and not depsgraph.id_type_updated("COLLECTION"):
        return False
    kept = [scene.limber_retarget for scene in bpy.data.scenes]
    named = [each.armature for settings in kept for each in settings.characters]
    named += [settings.target for settings in kept] + [each for pair in linked_pairs() for each in pair]
    return any(each is not None and is_absent(each) for each in named)


def ask() -> None:
    """Has feet planted and bakes looked at, after a pause."""
    global _changed_s  # noqa: PLW0603  (Blender calls functions)
    _changed_s = time.monotonic()
    if not bpy.app.timers.is_registered(_after_pause):
        bpy.app.timers.register(_after_pause, first_interval=_PAUSE_S, persistent=True)


def _after_pause() -> float | None:
    """Called by Blender's timer; returns when to be called again, in seconds."""
    waits = _changed_s + _PAUSE_S - time.monotonic()
    if waits > 0:
        return waits
    forget_absent()
    if _plant_next():
        return _LOOK_S
    if _baking is not None:
        return _PAUSE_S
    note_outdated()
    _begin_keeping_up()
    return None
