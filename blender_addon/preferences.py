"""The add-on's preferences: where the backend is, and how to start it."""
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import StringProperty

from .panels import draw_backend
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
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "address")
        layout.prop(self, "token", placeholder="Found by itself on this machine")
        layout.prop(self, "environment", placeholder="/path/to/limber/.venv")
        draw_backend(layout, width=100)


CLASSES = (LIMBER_AP_preferences,)
