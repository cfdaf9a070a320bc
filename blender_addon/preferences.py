"""The add-on's preferences: where the backend is, and how to start it."""
# mypy: disable-error-code="valid-type"

import os
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from .client import BackendError, Connection, is_local
from .smpl_rig import service


class LIMBER_AP_preferences(bpy.types.AddonPreferences):  # type: ignore[misc]  # noqa: N801
    """Kept in Blender's user preferences."""

    bl_idname = __package__

    address: StringProperty(
        name="Backend",
        description="Address of the Limber backend",
        default=service.DEFAULT_ADDRESS,
    )
    token: StringProperty(
        name="Token",
        description="Opens a backend on another machine: the line in its token file. Empty: the token of this machine",
        subtype="PASSWORD",
    )
    environment: StringProperty(
        name="Environment",
        description="Folder of the Python environment that Limber is installed in, to start the backend from Blender",
        subtype="DIR_PATH",
    )

    def draw(self, _context: Any) -> None:
        """Draws the preferences."""
        from .panels import draw_backend

        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "address")
        layout.prop(self, "token", placeholder="Found by itself on this machine")
        layout.prop(self, "environment", placeholder="/path/to/limber/.venv")
        draw_backend(layout, width=100)


def preferences() -> Any:
    """The preferences of the enabled add-on."""
    return bpy.context.preferences.addons[__package__].preferences


def environment() -> Path:
    """The Python environment of the preferences.

    Raises:
        BackendError: if none is given.
    """
    chosen = preferences().environment
    if not chosen:
        raise BackendError(
            "The add-on's preferences name no environment to start the backend from. Choose the folder of the Python "
            "environment that Limber is installed in, or run 'limber serve' in a terminal."
        )
    return Path(os.path.abspath(bpy.path.abspath(chosen)))  # noqa: PTH100  (a link to an environment is one)


def connection() -> Connection:
    """Where the backend is, by the preferences, and its token.

    Raises:
        LimberError: if the address is none, the token is not found, or Blender's user allows no network.
    """
    chosen = preferences()
    address = chosen.address.strip()
    if is_local(address):
        return Connection(address, chosen.token.strip() or service.read_token())
    if not bpy.app.online_access:
        raise BackendError(
            f"{address} is another machine, and Blender may not use the network. Turn on Allow Online Access in "
            "Preferences, System."
        )
    if not chosen.token.strip():
        raise BackendError(
            f"The backend at {address} needs its token. Paste it into the add-on's preferences; it is in the file "
            "'token' of the user who runs the backend."
        )
    return Connection(address, chosen.token.strip())


CLASSES = (LIMBER_AP_preferences,)
