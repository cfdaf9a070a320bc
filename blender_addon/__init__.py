"""Limber's Blender extension: footage in, animated characters out, through the Limber backend.

A panel, and nothing that computes: captures are the backend's, characters are ``smpl_rig``'s, which
``build_addon.py`` copies into the extension.
"""

from . import (
    export_operator,
    import_operator,
    operators,
    panels,
    preferences,
    properties,
    retarget_operators,
    retarget_panel,
    retarget_properties,
    retarget_watch,
    session,
)

_CLASSES = (
    *preferences.CLASSES,
    *properties.CLASSES,
    *operators.CLASSES,
    *import_operator.CLASSES,
    *export_operator.CLASSES,
    *retarget_properties.CLASSES,
    *retarget_operators.CLASSES,
    *panels.CLASSES,
    *retarget_panel.CLASSES,
)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    import bpy

    for registered in _CLASSES:
        bpy.utils.register_class(registered)
    properties.attach()
    retarget_properties.attach()
    session.begin()
    retarget_watch.begin()


def unregister() -> None:
    """Called by Blender when the extension is disabled, and when Blender quits."""
    import bpy

    retarget_watch.end()
    session.end()
    retarget_properties.detach()
    properties.detach()
    for registered in reversed(_CLASSES):
        bpy.utils.unregister_class(registered)
