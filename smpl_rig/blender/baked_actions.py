"""The actions that takes were baked to on other characters, and what they remember."""

from __future__ import annotations

import uuid
from typing import Any

import bpy

#: What actions that were retargeted remember: the take that they come from, what it was like, and what was asked for.
MARK, BAKED_FROM, OPTIONS = "limber_take", "limber_baked_from", "limber_bake_options"
#: The name of the armature object, and what it is known by under another name: what is neither in use nor stashed is
#: found by them. The object has the second, too, and so have copies of it.
BAKED_ON, CHARACTER = "limber_baked_on", "limber_character"
#: The paths that were keyed, a line each; they go where the next bake keys others.
KEYED = "limber_keyed"


def bakes_of(target: Any) -> list[Any]:
    """The retargeted actions of a target, the one in use first, then those that are stashed, then all others."""
    animation = target.animation_data
    kept = (
        [animation.action, *(strip.action for track in animation.nla_tracks for strip in track.strips)]
        if animation
        else []
    )
    kept += [action for action in bpy.data.actions if _was_baked_on(action, target)]
    return list(dict.fromkeys(action for action in kept if action is not None and MARK in action))


def remember_target(action: Any, target: Any) -> None:
    """Has an action known as the target's, whatever the target will be called."""
    if CHARACTER not in target:
        target[CHARACTER] = uuid.uuid4().hex
    action[BAKED_ON], action[CHARACTER] = target.name, target[CHARACTER]


def _was_baked_on(action: Any, target: Any) -> bool:
    if BAKED_ON not in action:
        return False
    known = [each.name for each in bpy.data.objects if CHARACTER in each and each[CHARACTER] == action.get(CHARACTER)]
    if not known or action[BAKED_ON] in known:  # none: of an earlier version, or on a library override opened again
        return bool(action[BAKED_ON] == target.name)
    return target.name in known


def bake_of(target: Any, take: str) -> Any:
    """The action that a take was baked to, or None."""
    return next((action for action in bakes_of(target) if action[MARK] == take), None)


def action_of(target: Any) -> Any:
    """The action that the target plays, or None."""
    return target.animation_data.action if target.animation_data else None


def use_action(target: Any, action: Any) -> None:
    """Has the target play one of its actions."""
    animation = target.animation_data
    animation.action = action
    if bpy.app.version >= (4, 4, 0) and animation.action_slot is None and action.slots:
        animation.action_slot = action.slots[0]


def take_action(target: Any, take: str) -> Any:
    """The action of a take on this target, in use; what was in use before is stashed."""
    animation = target.animation_data or target.animation_data_create()
    playing, before = action_of(target), bake_of(target, take)
    if playing is not None and playing != before:
        _stash(animation, playing)
    if before is not None:
        use_action(target, before)
        return before
    action = bpy.data.actions.new(f"{take} on {target.name}")
    action.use_fake_user = True
    action[MARK] = take
    animation.action = action
    return action


def _stash(animation: Any, action: Any) -> None:
    """As Blender's Stash does: a muted track keeps the action with the object."""
    action.use_fake_user = True
    if any(strip.action == action for track in animation.nla_tracks for strip in track.strips):
        return
    slot = getattr(animation, "action_slot", None)
    track = animation.nla_tracks.new()
    track.name = f"[Action Stash] {action.name}"
    strip = track.strips.new(action.name, int(action.frame_range[0]), action)
    if slot is not None:
        strip.action_slot = slot
    track.mute = True
