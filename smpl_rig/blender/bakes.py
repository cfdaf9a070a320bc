"""Bakes whose take has changed since: found, and baked again into the actions that they are."""

from __future__ import annotations

from typing import Any

import bpy

from ..retarget.rig_map import RigBones
from .baked_actions import BAKED_FROM, OPTIONS, action_of, bakes_of, use_action, was_made_from
from .character import PROPERTY
from .performances import performance_digest
from .retarget import BakeOptions, retarget_person


def outdated_bakes(target: Any) -> list[Any]:
    """The target's actions whose person moves otherwise now than when they were baked.

    One whose person is gone, or plays another take, is none of them: there is nothing to bake it from.
    """
    return [
        bake
        for bake in bakes_of(target)
        if BAKED_FROM in bake
        and (person := person_of(bake)) is not None
        and performance_digest(person) != bake[BAKED_FROM]
    ]


def bake_again(target: Any, bones: RigBones) -> list[Any]:
    """Bakes what is outdated with the options that it was baked with; the action in use stays in use.

    Args:
        target: an armature object.
        bones: which of its bones are which.

    Returns:
        The actions.

    Raises:
        RigError: if bones are missing, or the rig does not stand.
    """
    in_use = action_of(target)
    bakes = outdated_bakes(target)
    for bake in bakes:
        retarget_person(target, person_of(bake), bones, options_of(bake))
    if bakes and in_use is not None:
        use_action(target, in_use)
    return bakes


def options_of(bake: Any) -> BakeOptions:
    """What a bake was baked with."""
    return BakeOptions(**dict(bake[OPTIONS]))


def person_of(bake: Any) -> Any:
    """The captured person who plays the take that a bake comes from, or None."""
    for candidate in bpy.data.objects:
        action = action_of(candidate)
        if action is not None and PROPERTY in action and candidate.users_scene and was_made_from(bake, action.name):
            return candidate
    return None
