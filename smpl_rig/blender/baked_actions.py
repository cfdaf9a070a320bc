"""The actions that takes were baked to on other characters, and what they remember."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import bpy

from .character import PROPERTY

#: What actions that were retargeted remember: the take that they come from, what it was like, and what was asked for.
MARK, BAKED_FROM, OPTIONS = "limber_take", "limber_baked_from", "limber_bake_options"
#: What a take is known by under another name. The take's action has it, too, and so have copies of it.
TAKE = "limber_take_id"
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
    action[BAKED_ON], action[CHARACTER] = target.name, _identity_of(target, CHARACTER)


def remember_take(action: Any, name: str, identity: str | None) -> None:
    """Has an action known as made from a take, whatever that will be called, by what :func:`take_identity` gave."""
    action[MARK] = name
    if identity is not None:
        action[TAKE] = identity


def take_identity(take: Any) -> str | None:
    """What a captured take's action is known by; None where it is another file's, in which nothing can be written."""
    return _identity_of(take, TAKE) if take.library is None else None


def was_made_from(bake: Any, take: str) -> bool:
    """Whether a bake was made from the take that is called so now."""
    return _is_remembered(
        take, bake[MARK], bake.get(TAKE), TAKE, (each for each in bpy.data.actions if PROPERTY in each)
    )


def _was_baked_on(action: Any, target: Any) -> bool:
    return BAKED_ON in action and _is_remembered(
        target.name, action[BAKED_ON], action.get(CHARACTER), CHARACTER, bpy.data.objects
    )


def _identity_of(owner: Any, key: str) -> str:
    if key not in owner:
        owner[key] = uuid.uuid4().hex
    return str(owner[key])


def _is_remembered(name: str, remembered: str, identity: str | None, key: str, among: Iterable[Any]) -> bool:
    """Whether what is called so now was remembered by a name and an identity, which copies share."""
    known = [each.name for each in among if key in each and each[key] == identity]
    if not known or remembered in known:  # none: of an earlier version, or where no identity can be kept
        return name == remembered
    return name in known


def bake_of(target: Any, take: str) -> Any:
    """The action that a take was baked to, or None."""
    return next((bake for bake in bakes_of(target) if was_made_from(bake, take)), None)


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
