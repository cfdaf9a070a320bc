"""A captured person's take on any other armature: baked to an action of its own.

What the target had before survives: an action that it played is stashed in a muted NLA track, its other tracks stay,
and its root bone and bones that are not mapped are not keyed. The captured person's keys are taken as they are, edited
or not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..retarget.finding import Finding, find_bones
from ..retarget.fingers import relaxed_fingers
from ..retarget.ik_keys import ik_keys
from ..retarget.planting import plant_feet
from ..retarget.reaching import reach_hands
from ..retarget.retargeting import Performance, Retargeting, WorldPose
from ..retarget.rig import RigError
from ..retarget.rig_map import RigBones
from .animation import animated_paths, move_keys, remove_curves, write_curves
from .baked_actions import (
    BAKED_FROM,
    KEYED,
    OPTIONS,
    action_of,
    bake_of,
    remember_take,
    remember_target,
    take_action,
    take_identity,
)
from .before_bake import BeforeBake
from .bone_channels import location_channels, rest_channels, turn_channels
from .performances import performance_digest, performance_of
from .rig_reading import apply_settings, check_modes, present, read_rig, reading_rig, settings_of

Array = NDArray[Any]

#: How far from its object's origin a rig's floor may lie, as a part of its height.
_OFF_FLOOR = 0.05
#: A bone is posed that is turned or scaled by more, or moved by more of its length.
_POSED = 0.01
#: So many keys of bones are written at once, which takes a twentieth of a second.
KEYS_AT_ONCE = 40_000


@dataclass(frozen=True)
class BakeOptions:
    """What may be asked of a bake.

    Attributes:
        touch: whether hands are led to what the person's are at.
        relax_fingers: whether fingers hang as those of a hand at ease; else they keep the pose that they have.
        use_ik: whether hands and feet are keyed on the rig's IK controls, and not on its limbs' own bones.
    """

    touch: bool = False
    relax_fingers: bool = False
    use_ik: bool = False


NO_OPTIONS = BakeOptions()


def find_rig_bones(target: Any) -> Finding:
    """Which of an armature's bones are which, by the user's and the bundled maps, else by its shape.

    Raises:
        RigError: if it is no two-legged figure, or scaled unevenly.
        RigMapError: if one of the user's maps is damaged.
    """
    rig, _ = read_rig(target)
    return find_bones(rig)


def retarget(
    target: Any, performance: Performance, frames: Array, bones: RigBones, take: str, options: BakeOptions = NO_OPTIONS
) -> Any:
    """Bakes a performance to an action of the target's.

    Args:
        target: an armature object. It is left where it is, and is animated so that its figure moves where the person
            does; its object and its root bone are the user's.
        performance: in the world, the floor at z = 0.
        frames: (T,) of the scene.
        bones: which of the target's bones are which.
        take: the name of the take; retargeted again, it replaces the keys of its action.
        options: what else is asked for.

    Returns:
        The action.

    Raises:
        RigError: if bones are missing, the rig does not stand, is edited, or has no IK that is asked for.
    """
    return _baked(Baking(target, performance, frames, bones, take, options))


def retarget_person(target: Any, armature: Any, bones: RigBones, options: BakeOptions = NO_OPTIONS) -> Any:
    """:func:`retarget` of a captured person's armature."""
    return _baked(Baking.of_person(target, armature, bones, options))


def _baked(baking: Baking) -> Any:
    for _ in baking.read():
        pass
    baking.solve()
    for _ in baking.write():
        pass
    return baking.action


class Baking:
    """A bake in three parts: reading the rig, piece by piece, solving, which any thread may do, and writing keys.

    Args:
        target: as for :func:`retarget`, and so the others.
        digest: of the performance, for the action to remember what it was baked from.
        take_identity: of the take, for the action to be known as made from it when the take is renamed.
    """

    def __init__(
        self,
        target: Any,
        performance: Performance,
        frames: Array,
        bones: RigBones,
        take: str,
        options: BakeOptions = NO_OPTIONS,
        digest: str | None = None,
        take_identity: str | None = None,
    ) -> None:
        self.take, self._take_identity = take, take_identity
        self._target_name, self._performance, self._frames = target.name, performance, frames
        self._bones = bones.on_ik() if options.use_ik else bones
        self._options, self._digest = options, digest
        self._retargeting: Retargeting | None = None
        self._floor = 0.0
        self._keys: tuple[_Keys, _Keys, _Keys] | None = None
        #: The action's name, once it is being written.
        self._action_name = ""

    @classmethod
    def of_person(cls, target: Any, armature: Any, bones: RigBones, options: BakeOptions = NO_OPTIONS) -> Baking:
        """Of a captured person's armature.

        Raises:
            LimberError: as :func:`performance_of`.
        """
        performance, frames = performance_of(armature)
        take, digest = action_of(armature), performance_digest(armature)
        return cls(target, performance, frames, bones, take.name, options, digest, take_identity(take))

    @property
    def action(self) -> Any:
        """The action that was written."""
        return bpy.data.actions.get(self._action_name)

    def read(self, at_once_s: float = math.inf) -> Iterator[None]:
        """Reads the rig, for so many seconds at once; between two pieces Blender may do anything.

        Raises:
            RigError: as :func:`retarget` does, and if the target goes away meanwhile.
        """
        controls = self._bones.ik.all() if self._options.use_ik and self._bones.ik else ()
        fingers = tuple(self._bones.fingers()) if self._options.relax_fingers else ()
        rig, self._floor = yield from reading_rig(
            present(self._target_name), self._bones, (*controls, *fingers), at_once_s
        )
        self._retargeting = Retargeting(rig, self._bones, self._performance.rest_joints)

    def solve(self) -> None:
        """Finds the pose at every frame.

        Raises:
            RigError: if IK is asked of a rig whose map knows none.
        """
        assert self._retargeting is not None, "what is solved has to be read first"
        retargeting, performance = self._retargeting, self._performance
        pose = plant_feet(retargeting, retargeting.follow(performance), performance)
        if self._options.touch:
            pose = reach_hands(retargeting, pose, performance)
        pose = WorldPose(pose.turned, pose.place - [0.0, 0.0, self._floor])
        turns, locations = (_keys_on_ik if self._options.use_ik else _keys_on_bones)(retargeting, pose)
        self._keys = turns, locations, relaxed_fingers(retargeting) if self._options.relax_fingers else {}

    def write(self) -> Iterator[float]:
        """Writes the keys, and says after each piece which part of them is written.

        Between two pieces Blender may do anything.

        Raises:
            RigError: if the target goes away, enters a mode in which it cannot be animated, or is given another
                action. What is written by then is no take.
        """
        assert self._keys is not None, "what is written has to be solved first"
        turns, locations, fingers = self._keys
        target, bones, frames = present(self._target_name), self._bones, self._frames
        check_modes(target)
        if _came_posed(target, bones, self._floor):
            put_to_rest(target, bones)
        apply_settings(target, bones)
        before, moved = action_of(target), animated_paths(target)
        action = take_action(target, self.take)
        if action != before:
            # where an action left what it moved that plays no more, it would bend or displace the whole take
            rest_channels(target, moved, _carrying(target, bones))
        self._action_name = action.name
        remember_take(action, self.take, self._take_identity)
        still = {path: np.array([[value]]) for path, value in settings_of(target, bones).items()}
        still |= turn_channels(target, {bone: turn[None] for bone, turn in fingers.items()})
        moving = turn_channels(target, turns) | location_channels(locations)
        _forget_others(target, action, {*still, *moving})
        move_keys(target, still, frames[:1])
        move_keys(target, moving, frames)
        write_curves(target, still, frames[:1])
        paths, at_once = list(moving), max(1, KEYS_AT_ONCE // max(len(frames), 1))
        for first in range(0, len(paths), at_once):
            yield first / len(paths)
            target = self._playing_target()
            write_curves(target, {path: moving[path] for path in paths[first : first + at_once]}, frames)
        action = target.animation_data.action
        action[KEYED] = "\n".join((*still, *moving))
        remember_target(action, target)
        action[OPTIONS] = asdict(self._options)
        if self._digest is not None:
            action[BAKED_FROM] = self._digest

    def before(self) -> BeforeBake:
        """The target as it is now, to be brought back where what is written is not wanted.

        Raises:
            RigError: if it is gone.
        """
        target = present(self._target_name)
        return BeforeBake(target, list(settings_of(target, self._bones)), bake_of(target, self.take))

    def _playing_target(self) -> Any:
        """The target, which still plays the action that is being written.

        Raises:
            RigError: if it is gone, or plays another one.
        """
        target = present(self._target_name)
        check_modes(target)
        action = action_of(target)
        if action is None or action.name != self._action_name:
            raise RigError(f"'{target.name}' was given another action while '{self.take}' was baked. Bake it again.")
        return target


def put_to_rest(target: Any, bones: RigBones) -> None:
    """Takes the pose from the mapped bones, but for fingers, and from those that they hang on."""
    for name in _carrying(target, bones):
        target.pose.bones[name].matrix_basis.identity()


def _came_posed(target: Any, bones: RigBones, floor: float) -> bool:
    """Whether a target that nothing animates is as an importer left it, and not as the user has placed it.

    It is if its limbs are posed, or if at rest it does not stand at its object's height, so that its root bone is posed
    to put it there: glTF's rest pose is the one in which the skin is bound, wherever that is.
    """
    animation = target.animation_data
    if animation is not None and (animation.action or any(not track.mute for track in animation.nla_tracks)):
        return False
    mapped = (target.pose.bones.get(name) for name in bones.joints.values())
    if any(bone is not None and _is_posed(bone) for bone in mapped):
        return True
    placed = target.matrix_world
    ends = [(placed @ end).z for bone in target.data.bones for end in (bone.head_local, bone.tail_local)]
    return bool(abs(floor - placed.translation.z) > _OFF_FLOOR * (max(ends) - min(ends)))


def _is_posed(bone: Any) -> bool:
    difference = np.array(bone.matrix_basis) - np.eye(4)
    return bool(np.abs(difference[:3, :3]).max() > _POSED or np.abs(difference[:3, 3]).max() > _POSED * bone.length)


def _carrying(target: Any, bones: RigBones) -> set[str]:
    """The mapped bones, but for fingers, and those that they hang on."""
    mapped = [target.pose.bones[name] for name in {*bones.all()} - bones.fingers() if name in target.pose.bones]
    return {above.name for bone in mapped for above in (bone, *bone.parent_recursive)}


_Keys = Mapping[str, Array]


def _keys_on_bones(retargeting: Retargeting, pose: WorldPose) -> tuple[_Keys, _Keys]:
    """By bone, turns (T, 4) and locations (T, 3): the limbs' own bones."""
    keys = retargeting.keys(pose)
    return keys.turns, {keys.carrier: keys.locations}


def _keys_on_ik(retargeting: Retargeting, pose: WorldPose) -> tuple[_Keys, _Keys]:
    """By bone, turns (T, 4) and locations (T, 3): controls of inverse kinematics, and all else."""
    keys, controls = retargeting.keys(pose), ik_keys(retargeting, pose)
    kept = {bone: turns for bone, turns in keys.turns.items() if bone not in controls.replaced}
    return {**kept, **controls.turns}, {keys.carrier: keys.locations, **controls.locations}


def _forget_others(target: Any, action: Any, paths: Collection[str]) -> None:
    """Takes away what an earlier bake into this action keyed and this one does not; its bones go back to rest."""
    removed = remove_curves(target, set(action.get(KEYED, "").splitlines()) - {*paths})
    rest_channels(target, removed, target.pose.bones.keys())
