"""What runs while the add-on is enabled: the look at the backend, a backend started from here, and one capture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .backend_address import connection
from .backend_process import BackendProcess
from .capture_run import CaptureRun
from .smpl_rig.errors import LimberError
from .watch import BackendWatch, Sight

_TICK_S = 0.5
_LOOK_EVERY_TICKS = 4
CATEGORY = "Limber"


class Session:
    """The parts, and what ties them to Blender's clock."""

    def __init__(self) -> None:
        self.watch = BackendWatch()
        self.backend = BackendProcess(Path(bpy.utils.extension_path_user(__package__)) / "backend.log")
        self.run: CaptureRun | None = None
        self.message = ""
        self._ticks = 0
        self._shown: Sight | None = None

    @property
    def is_capturing(self) -> bool:
        """Whether a capture is under way."""
        return self.run is not None and not self.run.is_over

    def look(self) -> None:
        """Asks what the backend is doing."""
        try:
            self.watch.look(connection())
        except LimberError as error:
            self.watch.show(str(error))

    def tick(self) -> float:
        """Called by Blender's timer; returns when to be called again, in seconds."""
        if _is_watched():
            if self._ticks % _LOOK_EVERY_TICKS == 0:
                self.look()
            self._ticks += 1
        else:
            self._ticks = 0
        if self._shown is not self.watch.sight:
            self._shown = self.watch.sight
            redraw()
        return _TICK_S

    def drop_capture(self, *_: Any) -> None:
        """Leaves a capture to the backend: the scene that it was for goes away."""
        if self.run is not None:
            self.run.abandon()
            self.run = None

    def end(self) -> None:
        """Ends every thread and process."""
        self.drop_capture()
        self.watch.end()
        self.backend.end()


_session: Session | None = None


def current() -> Session:
    """The session of the enabled add-on."""
    assert _session is not None, "the add-on is not enabled"
    return _session


def begin() -> None:
    """Called once, when the add-on is enabled."""
    global _session  # noqa: PLW0603  (Blender calls functions, so the add-on's one instance lives in a module)
    _session = Session()
    bpy.app.timers.register(_tick, first_interval=_TICK_S, persistent=True)
    bpy.app.handlers.load_pre.append(_before_load)


def end() -> None:
    """Called once, when the add-on is disabled or Blender quits."""
    global _session  # noqa: PLW0603
    bpy.app.handlers.load_pre.remove(_before_load)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    current().end()
    _session = None


def _tick() -> float:
    return current().tick()


@bpy.app.handlers.persistent  # type: ignore[untyped-decorator]
def _before_load(*_: Any) -> None:
    current().drop_capture()


def redraw() -> None:
    """Has everything drawn again that shows the backend or a capture."""
    for area in _areas():
        for region in area.regions:
            if _REGIONS.get(area.type) == region.type:
                region.tag_redraw()


#: Where the add-on draws: its tab, and its preferences.
_REGIONS = {"VIEW_3D": "UI", "PREFERENCES": "WINDOW"}


def _is_watched() -> bool:
    """Whether the tab or the preferences may be in sight."""
    return any(
        area.type == "PREFERENCES"
        or any(
            region.type == "UI" and region.width > 1 and region.active_panel_category == CATEGORY
            for region in area.regions
        )
        for area in _areas()
    )


def _areas() -> list[Any]:
    windows = bpy.context.window_manager.windows
    return [area for window in windows for area in window.screen.areas if area.type in _REGIONS]
