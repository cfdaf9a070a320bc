"""Armatures of any kind as :class:`~smpl_rig.retarget.rig.Rig`, in the world, their floor at z = 0.

Where bones of a control rig hang on each other through constraints and drivers, what follows what is tried out: each
mapped bone is turned in a pose of rest, and what turns and moves with it is seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion
from numpy.typing import NDArray

from .. import rotations
from ..retarget.rig import Rig, RigError
from ..retarget.rig_map import RigBones, Setting

Array = NDArray[Any]

#: By bone, by channel, what it is set to.
Channels = Mapping[str, Mapping[str, tuple[float, ...]]]
_CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")

#: Scales along the object's axes may differ by this part.
_UNIFORM = 1e-3
#: A bone follows another where it is turned and placed as on a rigid body, to this: radians, and part of the height.
_TURNS_WITH_RAD, _MOVES_WITH = 1e-2, 5e-3
#: A turn about no axis in particular.
_TRIAL = Quaternion((1.0, 0.5, -0.3), 0.7)
#: Soles lie so far below the lowest joint of the feet, as a part of the rig's height, where no mesh says more.
_SOLE = 0.012


def read_rig(armature: Any, bones: RigBones | None = None, controls: Sequence[str] = ()) -> tuple[Rig, float]:
    """The rig of an armature object, and its floor's height in the world, metres.

    Args:
        armature: the object. Its pose, action and selection are afterwards as they were.
        bones: with them, the rig holds these alone wherever constraints decide what hangs on what.
        controls: bones that it holds besides, or fingers that are to be keyed: what follows them is tried out, too.

    Raises:
        RigError: if the object is scaled unevenly or mirrored, or has no bones; with ``bones``, also as
            :func:`check_modes` does.
    """
    reading = reading_rig(armature, bones, controls)
    while True:
        try:
            next(reading)
        except StopIteration as over:
            read: tuple[Rig, float] = over.value
            return read


def reading_rig(
    armature: Any, bones: RigBones | None = None, controls: Sequence[str] = (), at_once_s: float = math.inf
) -> Generator[None, None, tuple[Rig, float]]:
    """:func:`read_rig` in pieces: bones are tried out for so many seconds at once.

    Between two pieces the armature is as it was, and Blender may do anything.

    Raises:
        RigError: as :func:`read_rig` does, and if the armature or one of the bones goes away meanwhile.
    """
    if armature.type != "ARMATURE" or not armature.data.bones:
        raise RigError(f"'{armature.name}' has no bones. Choose an armature.")
    if bones is not None:
        check_modes(armature)
    floor = floor_height(armature)
    if bones is not None and _is_constrained(armature, bones):
        names = dict.fromkeys((*bones.all(), *controls))
        tried = [name for name in names if name in controls or name not in bones.fingers()]
        rig = yield from _trying_rig(armature.name, bones, tuple(names), tried, floor, at_once_s)
        return rig, floor
    data = sorted(armature.data.bones, key=lambda bone: len(bone.parent_recursive))
    numbers = {bone.name: number for number, bone in enumerate(data)}
    parents = tuple(numbers[bone.parent.name] if bone.parent else -1 for bone in data)
    turns_with = tuple(parent if bone.use_inherit_rotation else -1 for bone, parent in zip(data, parents, strict=True))
    matrices = {bone.name: bone.matrix_local for bone in data}
    return _rig(armature, tuple(numbers), matrices, parents, turns_with, floor), floor


def check_modes(armature: Any) -> None:
    """Takes an armature that can be posed and given actions.

    Raises:
        RigError: in Edit Mode, where Blender shows no pose, and while a strip is tweaked, when it keeps to its action.
    """
    if armature.data.is_editmode:
        raise RigError(f"'{armature.name}' is in Edit Mode. Leave it first (Tab).")
    if armature.animation_data is not None and armature.animation_data.use_tweak_mode:
        raise RigError(
            f"A strip of '{armature.name}' is in Tweak Mode, in which Blender plays no other action. Leave it first "
            "(Tab in the Nonlinear Animation editor)."
        )


def present(name: str) -> Any:
    """The object of this name that is in a scene; one that was deleted may stay in the file as long as it is used.

    Raises:
        RigError: if there is none.
    """
    found = bpy.data.objects.get(name)
    if found is None or not found.users_scene:
        raise RigError(f"'{name}' is no longer there. Choose what to bake again.")
    return found


def floor_height(armature: Any) -> float:
    """Metres in the world: under the lowest vertex of the meshes that the armature deforms, else under its feet."""
    rest = armature.matrix_world
    meshes = [
        child
        for child in bpy.data.objects
        if child.type == "MESH" and any(m.type == "ARMATURE" and m.object == armature for m in child.modifiers)
    ]
    heights = [_lowest_vertex(mesh) for mesh in meshes if len(mesh.data.vertices)]
    if heights:
        return min(heights)
    ends = [(rest @ end).z for bone in armature.data.bones for end in (bone.head_local, bone.tail_local)]
    origin, lowest, height = rest.translation.z, min(ends), max(ends) - min(ends)
    # most rigs stand on their object's origin
    return float(origin if abs(lowest - origin) < 0.05 * height else lowest - _SOLE * height)


def channels_of(armature: Any) -> Channels:
    """How each bone is posed, exactly: a matrix would not tell how often it is turned about."""
    return {
        bone.name: {channel: tuple(getattr(bone, channel)) for channel in _CHANNELS} for bone in armature.pose.bones
    }


def set_channels(armature: Any, channels: Channels) -> None:
    """Poses bones as :func:`channels_of` found them; those that are gone are left out."""
    for name, values in channels.items():
        bone = armature.pose.bones.get(name)
        for channel, value in values.items() if bone is not None else ():
            setattr(bone, channel, value)


def settings_of(armature: Any, bones: RigBones) -> dict[str, float]:
    """By RNA path, the values of the settings that the rig has."""
    return {path: setting.value for setting, path in _settings_there(armature, bones)}


def apply_settings(armature: Any, bones: RigBones) -> None:
    """Gives the rig's switches the values without which the mapped bones have no effect."""
    set_values(armature, settings_of(armature, bones))


def _settings_there(armature: Any, bones: RigBones) -> list[tuple[Setting, str]]:
    """With their RNA paths: custom properties of bones, and Blender's own."""
    there = []
    for setting in bones.settings:
        bone, path = armature.pose.bones.get(setting.bone), f'pose.bones["{setting.bone}"]'
        if bone is not None and setting.property in bone:
            there.append((setting, f'{path}["{setting.property}"]'))
        elif bone is not None and setting.property in bone.bl_rna.properties:
            there.append((setting, f"{path}.{setting.property}"))
    return there


def values_of(armature: Any, paths: Iterable[str]) -> dict[str, Any]:
    """By RNA path, what properties of bones are set to."""
    return {
        path: bone[key] if is_own else getattr(bone, key)
        for path in paths
        for bone, key, is_own in [_at(armature, path)]
    }


def set_values(armature: Any, values: Mapping[str, Any]) -> None:
    """Sets properties of bones, by RNA path; a property keeps its type."""
    for path, value in values.items():
        bone, key, is_own = _at(armature, path)
        if is_own:
            bone[key] = type(bone[key])(value)
        else:
            setattr(bone, key, type(getattr(bone, key))(value))


def _at(armature: Any, path: str) -> tuple[Any, str, bool]:
    """The bone of an RNA path, its property, and whether that is a custom one."""
    bone = armature.pose.bones[path.split('"')[1]]
    return (bone, path.split('"')[3], True) if path.endswith("]") else (bone, path.rpartition(".")[2], False)


def _lowest_vertex(mesh: Any) -> float:
    places = np.empty(3 * len(mesh.data.vertices), dtype=np.float32)
    mesh.data.vertices.foreach_get("co", places)
    world = np.array(mesh.matrix_world)
    return float((places.reshape(-1, 3) @ world[2, :3] + world[2, 3]).min())


def _rig(
    armature: Any,
    names: tuple[str, ...],
    matrices: Mapping[str, Any],
    parents: tuple[int, ...],
    turns_with: tuple[int, ...],
    floor: float,
) -> Rig:
    """Of bones' matrices at rest in the armature's space."""
    place, turn, scale = armature.matrix_world.decompose()
    if min(scale) <= 0 or max(scale) - min(scale) > _UNIFORM * max(scale):
        raise RigError(
            f"'{armature.name}' is scaled by {', '.join(f'{value:g}' for value in scale)}. Give it the same positive "
            "scale along all axes (Object > Apply > Scale)."
        )
    unit, object_rotation = float(np.mean(scale)), np.array(turn, dtype=np.float64)
    local = np.array([matrices[name] for name in names], dtype=np.float64)  # (B, 4, 4)
    lengths = np.array([armature.data.bones[name].length for name in names])
    heads = local[:, :3, 3]
    tails = heads + lengths[:, None] * local[:, :3, 1] / np.linalg.norm(local[:, :3, 1], axis=-1, keepdims=True)
    to_world = np.tile(object_rotation, (len(names), 1))
    own = rotations.from_matrix(local[:, :3, :3] / np.linalg.norm(local[:, :3, :3], axis=1, keepdims=True))
    rest = rotations.multiply(to_world, own)
    in_bone = np.array([armature.data.bones[name].use_local_location for name in names])
    lift = np.array([place.x, place.y, place.z - floor])
    return Rig(
        names,
        parents,
        unit * rotations.rotate(to_world, heads) + lift,
        unit * rotations.rotate(to_world, tails) + lift,
        rest,
        turns_with,
        np.where(in_bone[:, None], rest, to_world),
        unit,
        object_rotation,
    )


def _is_constrained(armature: Any, bones: RigBones) -> bool:
    """Whether constraints or drivers come between the mapped bones and their parents."""
    mapped = [armature.pose.bones[name] for name in bones.all() if name in armature.pose.bones]
    between = {bone.name: bone for each in mapped for bone in (each, *each.parent_recursive)}
    return any(
        not constraint.mute and not constraint.name.startswith(LINK)
        for bone in between.values()
        for constraint in bone.constraints
    )


#: What constraints of a live link are called; they are no part of a rig.
LINK = "Limber link"


def _trying_rig(
    armature_name: str,
    bones: RigBones,
    held: Sequence[str],
    keyed: Sequence[str],
    floor: float,
    at_once_s: float,
) -> Generator[None, None, Rig]:
    """These bones alone, each hanging on the nearest of those to be keyed that it follows."""
    armature = present(armature_name)
    names = [name for name in held if name in armature.pose.bones]
    waiting = [name for name in names if name in keyed]
    turns: dict[str, set[str]] = {name: set() for name in names}
    moves: dict[str, set[str]] = {name: set() for name in names}
    rest: dict[str, Any] = {}
    while True:
        with _resting(armature, bones):
            rest = _pose_matrices(armature, names)
            began = time.perf_counter()
            while waiting:
                _try_out(armature, waiting.pop(0), rest, turns, moves)
                if time.perf_counter() - began > at_once_s:
                    break
        if not waiting:
            break
        yield
        armature = present(armature_name)
        check_modes(armature)
        lost = [name for name in names if name not in armature.pose.bones]
        if lost:
            raise RigError(f"'{armature_name}' has lost its bone '{lost[0]}'. Choose another one, or find bones again.")
    # of two heads at one place neither hangs on the other; but what turns a bone carries it
    moves = {
        name: {other for other in moves[name] if name not in moves[other] or other in turns[name]} for name in names
    }
    ordered = _followers_last({name: moves[name] | turns[name] for name in names})
    numbers = {name: number for number, name in enumerate(ordered)}

    def nearest(followed: set[str], name: str) -> int:
        before = [numbers[other] for other in followed if numbers[other] < numbers[name]]
        return max(before, default=-1)

    parents = tuple(nearest(moves[name], name) for name in ordered)
    turns_with = tuple(nearest(turns[name], name) for name in ordered)
    return _rig(armature, tuple(ordered), rest, parents, turns_with, floor)


def _try_out(
    armature: Any, tried: str, rest: Mapping[str, Any], turns: dict[str, set[str]], moves: dict[str, set[str]]
) -> None:
    """Turns one bone, and notes who turns and who moves with it."""
    size = max(matrix.translation.length for matrix in rest.values()) or 1.0
    bone = armature.pose.bones[tried]
    bone.matrix_basis = _TRIAL.to_matrix().to_4x4()
    posed = _pose_matrices(armature, list(rest))
    bone.matrix_basis = Matrix.Identity(4)
    change = posed[tried] @ rest[tried].inverted()
    for name in rest:
        if name == tried:
            continue
        own = posed[name] @ rest[name].inverted()
        if own.to_quaternion().rotation_difference(change.to_quaternion()).angle % (2 * np.pi) < _TURNS_WITH_RAD:
            turns[name].add(tried)
        expected = change @ rest[name].translation
        if (expected - posed[name].translation).length < _MOVES_WITH * size:
            moves[name].add(tried)


def _followers_last(followed: Mapping[str, set[str]]) -> list[str]:
    """Names in an order in which what is followed comes first; of two that follow each other, who follows less."""
    ordered: list[str] = []
    waiting = sorted(followed, key=lambda name: len(followed[name]))
    while waiting:
        ready = [name for name in waiting if followed[name] <= {*ordered, name}] or waiting[:1]
        ordered += ready
        waiting = [name for name in waiting if name not in ready]
    return ordered


def _pose_matrices(armature: Any, names: Sequence[str]) -> dict[str, Any]:
    bpy.context.view_layer.update()
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return {name: evaluated.pose.bones[name].matrix.copy() for name in names}


@contextmanager
def _resting(armature: Any, bones: RigBones) -> Iterator[None]:
    """The armature in its pose of rest, its switches set, unlinked; afterwards all of that is as it was."""
    animation = armature.animation_data
    action = animation.action if animation else None
    slot = getattr(animation, "action_slot", None) if animation else None
    used_nla = animation.use_nla if animation else False
    poses = channels_of(armature)
    switches = values_of(armature, settings_of(armature, bones))
    links = [each for bone in armature.pose.bones for each in bone.constraints if each.name.startswith(LINK)]
    if animation:
        animation.action, animation.use_nla = None, False
    for constraint in links:
        constraint.mute = True
    apply_settings(armature, bones)
    for bone in armature.pose.bones:
        bone.matrix_basis = Matrix.Identity(4)
    armature.update_tag()
    try:
        yield
    finally:
        set_channels(armature, poses)
        set_values(armature, switches)
        for constraint in links:
            constraint.mute = False
        if animation:
            animation.use_nla = used_nla
            animation.action = action
            if action is not None and slot is not None:
                animation.action_slot = slot
        armature.update_tag()
        bpy.context.view_layer.update()
