"""What a bake is about to change of a character, kept until the bake is done, so that it can be cancelled."""

from __future__ import annotations

from typing import Any

import bpy

from ..retarget.rig import RigError
from .baked_actions import CHARACTER
from .rig_reading import channels_of, present, set_channels, set_values, values_of


class BeforeBake:
    """A target as it is now.

    Between this and :meth:`bring_back` Blender may do anything, so that nothing of its data is held, but names.

    Args:
        target: an armature object.
        switches: RNA paths of the properties besides the bones' channels that the bake sets.
        bake: the action that the bake writes anew, or None.
    """

    def __init__(self, target: Any, switches: list[str], bake: Any) -> None:
        animation = target.animation_data
        action = animation.action if animation else None
        self._target_name = target.name
        self._is_animated = animation is not None
        self._is_known = CHARACTER in target
        self._action_name = action.name if action else ""
        self._slot = getattr(animation, "action_slot_handle", 0) if animation else 0
        self._tracks = {track.name for track in animation.nla_tracks} if animation else set()
        self._poses = channels_of(target)
        self._switches = values_of(target, switches)
        self._bake_name = bake.name if bake else ""
        self._properties = {key: _plain(value) for key, value in bake.items()} if bake else {}
        self._copy_name = _bare_copy(bake).name if bake else ""

    def bring_back(self, written: Any) -> None:
        """Undoes the bake; what is gone meanwhile stays so.

        Args:
            written: the action that the bake has made or written anew, or None.
        """
        copied = bpy.data.actions.get(self._copy_name) if self._copy_name else None
        if written is not None and copied is not None:
            for key, value in self._properties.items():
                copied[key] = value
            copied.use_fake_user = written.use_fake_user
            written.user_remap(copied)
            bpy.data.actions.remove(written)
            copied.name, self._copy_name = self._bake_name, ""
        elif written is not None and not self._bake_name:
            bpy.data.actions.remove(written)
        self.let_go()
        try:
            target = present(self._target_name)
        except RigError:
            return
        self._bring_back_animation(target)
        set_channels(target, self._poses)
        set_values(target, self._switches)
        if not self._is_known and CHARACTER in target:
            del target[CHARACTER]
        target.update_tag()

    def let_go(self) -> None:
        """The bake stays."""
        copied = bpy.data.actions.get(self._copy_name) if self._copy_name else None
        if copied is not None:
            bpy.data.actions.remove(copied)
        self._copy_name = ""

    def _bring_back_animation(self, target: Any) -> None:
        animation = target.animation_data
        if animation is None:
            return
        animation.use_tweak_mode = False  # in which actions cannot be changed
        for track in [each for each in animation.nla_tracks if each.name not in self._tracks]:
            animation.nla_tracks.remove(track)
        animation.action = bpy.data.actions.get(self._action_name) if self._action_name else None
        if animation.action is not None and self._slot and animation.action_slot_handle != self._slot:
            animation.action_slot_handle = self._slot
        if not self._is_animated:
            target.animation_data_clear()


def _plain(value: Any) -> Any:
    """A custom property's value, no part of Blender's data."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    return value.to_list() if hasattr(value, "to_list") else value


def _bare_copy(bake: Any) -> Any:
    """With its keys, but with nothing that tells a bake."""
    copied = bake.copy()
    for key in list(copied.keys()):
        del copied[key]
    return copied
