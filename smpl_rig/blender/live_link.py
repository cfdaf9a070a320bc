"""A rig that follows a captured person by constraints, without keys: what is edited on the person shows at once.

Bones of the target copy the rotations of empties that hang on the person's bones, turned by how the two rest poses
differ. The carrier copies the place of an empty whose parent scales the person's path by the legs. What in baking
plants the feet, leads hands and turns twist bones is keyed on the empties of limbs, twist bones and path
(:func:`plant`): nothing runs while frames go by, and an edit shows at once, with feet that are planted again as soon as
somebody calls for it. Fingers at ease copy empties that do not move.

The empties lie in a hidden collection of the scene, so that nothing is added to the target but constraints, which
library overrides allow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import bpy
import numpy as np
from mathutils import Quaternion
from numpy.typing import NDArray

from .. import rotations
from ..axes import WORLD_FROM_BODY
from ..retarget.fingers import relaxed_fingers
from ..retarget.planting import plant_feet
from ..retarget.reaching import reach_hands
from ..retarget.retargeting import Retargeting, WorldPose
from ..retarget.rig import RigError
from ..retarget.rig_map import RigBones, parse_rig_map, rig_map_text
from ..skeleton import INDEX, JOINT_NAMES
from .animation import animated_paths, move_keys, write_curves
from .armature import rest_rotations
from .baked_actions import use_action
from .performances import performance_digest, performance_of
from .retarget import NO_OPTIONS, BakeOptions
from .rig_reading import LINK, apply_settings, present, reading_rig, settings_of

Array = NDArray[Any]


def is_linked(target: Any) -> bool:
    """Whether a target follows somebody."""
    return any(constraint.name.startswith(LINK) for bone in target.pose.bones for constraint in bone.constraints)


def linked_targets() -> list[Any]:
    """Everybody in the file who follows somebody."""
    targets = (collection.get(_TARGET) for collection in bpy.data.collections)
    return [target for target in targets if target is not None and is_linked(target)]


def linked_pairs() -> list[tuple[Any, Any]]:
    """Everybody in the file who follows somebody, with whom; either may have been deleted, or be None."""
    return [(each.get(_TARGET), each.get(_PERSON)) for each in bpy.data.collections if _BONES in each]


def forget_absent_links() -> list[tuple[str, str]]:
    """Takes links away whose target or person was deleted, with all that they have put into the scene.

    Returns:
        The names of targets that were let go of, each with the person's.
    """
    let_go = []
    for collection in [each for each in bpy.data.collections if _BONES in each]:
        target, person = collection.get(_TARGET), collection.get(_PERSON)
        if target is None or not target.users_scene:
            _remove(collection)
        elif person is None or not person.users_scene:
            let_go.append((target.name, person.name if person is not None else "Whom it followed"))
            unlink(target)
    return let_go


def link(target: Any, armature: Any, bones: RigBones, options: BakeOptions = NO_OPTIONS) -> None:
    """Lets a target follow a captured person, its feet planted.

    An action that keys the rig's switches otherwise is put aside until the target is let go of.

    Args:
        target: an armature object.
        armature: the captured person's.
        bones: which of the target's bones are which.
        options: what else is asked for; limbs follow by their own bones, whatever is keyed in baking.

    Raises:
        RigError: as :func:`~smpl_rig.blender.retarget.retarget` does, and if the two are one.
        CharacterError: if the armature holds no capture.
    """
    for _ in linking(target, armature, bones, options):
        pass
    plant(target)


def linking(
    target: Any, armature: Any, bones: RigBones, options: BakeOptions = NO_OPTIONS, at_once_s: float = math.inf
) -> Iterator[None]:
    """:func:`link` in pieces, but for the feet, which are left to :func:`plant`: the rig is read for so long at once.

    Between two pieces everything is as it was, and Blender may do anything.

    Raises:
        RigError: as :func:`link` does, and if one of the two goes away meanwhile.
        CharacterError: as :func:`link` does.
    """
    if target == armature:
        raise RigError("A person cannot follow itself. Choose another target.")
    names = target.name, armature.name
    performance, _ = performance_of(armature)
    rig, _ = yield from reading_rig(target, bones, tuple(bones.fingers()) if options.relax_fingers else (), at_once_s)
    target, armature = (present(name) for name in names)
    retargeting = Retargeting(rig, bones, performance.rest_joints)
    fingers = relaxed_fingers(retargeting) if options.relax_fingers else {}
    unlink(target)
    collection = _new_collection(target, armature, bones, options)
    _put_action_aside(target, collection, bones)
    apply_settings(target, bones)
    empties = _Empties(collection, armature)
    for name, (chain, part) in (retargeting.followed | _twist_bones(retargeting)).items():
        place = part * (len(chain) - 1)
        above = min(int(place), max(len(chain) - 2, 0))
        _turn(target, name, empties.turned(retargeting, chain[above], name), 1.0)
        if place > above:
            _turn(target, name, empties.turned(retargeting, chain[above + 1], name), place - above)
    for name, turn in fingers.items():
        _turn(target, name, empties.still(name, turn), 1.0, in_own_axes=True)
    begin = performance.joints[0, 0] * [1, 1, 0]
    constraint = target.pose.bones[retargeting.carrier].constraints.new("COPY_LOCATION")
    constraint.name = f"{LINK} place"
    constraint.target = empties.carrier(retargeting, begin)
    _retargetings[collection.session_uid] = retargeting


def plant(target: Any) -> bool:
    """Has the feet of a linked target rest where they rest when baked, as the person's keys and place now are.

    Returns:
        Whether that has changed since it was done last.

    Raises:
        LimberError: if the link's person holds no capture any longer, or the target's bones have changed.
    """
    planting = Planting.of(target)
    if planting is None:
        return False
    for _ in planting.read():
        pass
    planting.solve()
    return planting.write()


class Planting:
    """One :func:`plant` in three parts: reading the rig, in pieces, solving, which any thread may do, and writing."""

    def __init__(self, target: Any, person: Any, collection: Any) -> None:
        self._target_name, self._digest = target.name, performance_digest(person)
        self._performance, self._frames = performance_of(person)
        self._link_uid, self._bones = collection.session_uid, _bones_of(collection, target)
        self._options = _options_of(collection)
        self._retargeting: Retargeting  # once it is read
        self._followed: WorldPose | None = None
        self._planted: WorldPose | None = None

    @classmethod
    def of(cls, target: Any) -> Planting | None:
        """What is to be done for a target; None where nothing has changed since it was done last.

        Raises:
            LimberError: as :func:`plant`.
        """
        person, collection = _linked_to(target)
        if person is None or collection.get(_PLANTED) == performance_digest(person):
            return None
        return cls(target, person, collection)

    def read(self, at_once_s: float = math.inf) -> Iterator[None]:
        """Reads the rig, for so many seconds at once; there is nothing to wait for where that was done before.

        Between two pieces everything is as it was, and Blender may do anything.

        Raises:
            RigError: if the target's bones have changed, or it goes away meanwhile.
        """
        if self._link_uid not in _retargetings:  # of a link that was made on an earlier day
            rig, _ = yield from reading_rig(present(self._target_name), self._bones, at_once_s=at_once_s)
            _retargetings[self._link_uid] = Retargeting(rig, self._bones, self._performance.rest_joints)
        self._retargeting = _retargetings[self._link_uid]

    def solve(self) -> None:
        """Finds how the feet rest, and where hands are led."""
        self._followed = self._retargeting.follow(self._performance)
        planted = plant_feet(self._retargeting, self._followed, self._performance)
        if self._options.touch:
            planted = reach_hands(self._retargeting, planted, self._performance)
        self._planted = WorldPose(self._retargeting.with_twists(planted.turned), planted.place)

    def write(self) -> bool:
        """Keys the link's empties with what was found; where the person has changed meanwhile, nothing is done.

        Returns:
            Whether it was done.
        """
        target = bpy.data.objects.get(self._target_name)
        if target is None:
            return False
        person, collection = _linked_to(target)
        if person is None or performance_digest(person) != self._digest:
            return False
        assert self._followed is not None
        assert self._planted is not None
        for name, (chain, _) in (self._retargeting.followed | _twist_bones(self._retargeting)).items():
            if len(chain) == 1:
                copied = self._followed.turned[self._retargeting.limb_bone(chain[0])]
                self._write_turns(_empty_of(target, name), person, chain[0], name, copied)
        begin = self._performance.joints[0, 0] * [1, 1, 0]
        moved = self._planted.place - self._followed.place
        path = _path_of(target, self._retargeting)
        move_keys(path, ["location"], self._frames)
        write_curves(path, {"location": _path_begin(self._retargeting, begin) + moved}, self._frames)
        collection[_PLANTED] = self._digest
        return True

    def _write_turns(self, empty: Any, person: Any, joint: str, bone: str, copied: Array) -> None:
        """Keys an empty that hangs on a joint, so that a bone is turned as planted, and not (T, 4) as it would copy."""
        assert self._planted is not None
        wanted = self._planted.turned[bone]
        if empty.animation_data is None and np.array_equal(copied, wanted):
            return
        rest = np.broadcast_to(self._retargeting.rig.rest[self._retargeting.rig.index(bone)], copied.shape)
        change = rotations.multiply(rotations.conjugate(copied), wanted)
        turn = rotations.multiply(rotations.conjugate(rest), rotations.multiply(change, rest))
        base = np.broadcast_to(_link_turn(person, self._retargeting, joint, bone), turn.shape)
        keys = rotations.make_continuous(rotations.multiply(base, turn))
        move_keys(empty, ["rotation_quaternion"], self._frames)
        write_curves(empty, {"rotation_quaternion": keys}, self._frames)


def unlink(target: Any) -> None:
    """Lets go again; what keys the target has show."""
    for bone in target.pose.bones:
        for constraint in [each for each in bone.constraints if each.name.startswith(LINK)]:
            bone.constraints.remove(constraint)
    collection = _collection_of(target)
    if collection is None:
        return
    if _ASIDE in collection and target.animation_data is not None and target.animation_data.action is None:
        use_action(target, collection[_ASIDE])
    _remove(collection)


def _remove(collection: Any) -> None:
    """The collection of a link, with its empties and their keys."""
    _retargetings.pop(collection.session_uid, None)
    for empty in list(collection.objects):
        action = empty.animation_data.action if empty.animation_data else None
        bpy.data.objects.remove(empty)
        if action is not None:
            bpy.data.actions.remove(action)
    bpy.data.collections.remove(collection)


def linked_person(target: Any) -> Any:
    """Whom a target follows, or None."""
    return _linked_to(target)[0]


def link_of(target: Any) -> tuple[Any, RigBones, BakeOptions] | None:
    """What :func:`link` needs to be told to make a target's link again: person, bones and options; None without one."""
    person, collection = _linked_to(target)
    return None if person is None else (person, _bones_of(collection, target), _options_of(collection))


def _bones_of(collection: Any, target: Any) -> RigBones:
    names = [bone.name for bone in target.data.bones]
    return parse_rig_map(target.name, collection[_BONES]).found_in(names)


def _options_of(collection: Any) -> BakeOptions:
    return BakeOptions(**dict(collection.get(_OPTIONS, {})))


#: What a link's collection remembers: two objects, the bones as a map's file has them, what feet were planted for,
_TARGET, _PERSON, _BONES, _PLANTED = "limber_target", "limber_person", "limber_bones", "limber_planted"
#: what was asked for, and the action that was put aside.
_OPTIONS, _ASIDE = "limber_link_options", "limber_aside"

#: By the link's collection's ``session_uid``: reading a control rig takes long, and nothing of it changes.
_retargetings: dict[int, Retargeting] = {}


def _new_collection(target: Any, armature: Any, bones: RigBones, options: BakeOptions) -> Any:
    collection = bpy.data.collections.new(f"{LINK} {target.name}")
    armature.users_scene[0].collection.children.link(collection)
    collection.hide_viewport = collection.hide_render = True
    collection[_TARGET], collection[_PERSON] = target, armature
    collection[_BONES] = rig_map_text(target.name, bones)
    collection[_OPTIONS] = asdict(options)
    return collection


def _put_action_aside(target: Any, collection: Any, bones: RigBones) -> None:
    """What keys the rig's switches would take the limbs away from the bones that follow."""
    action = target.animation_data.action if target.animation_data else None
    if action is not None and not {*settings_of(target, bones)}.isdisjoint(animated_paths(target)):
        collection[_ASIDE] = action
        target.animation_data.action = None


def _linked_to(target: Any) -> tuple[Any, Any]:
    """The person whom a target follows, if any, and the link's collection."""
    collection = _collection_of(target) if is_linked(target) else None
    return None if collection is None else collection.get(_PERSON), collection


def _collection_of(target: Any) -> Any:
    return next((each for each in bpy.data.collections if each.get(_TARGET) == target), None)


def _twist_bones(retargeting: Retargeting) -> dict[str, tuple[tuple[str, ...], float]]:
    """The rig's twist bones, each with the joint of its limb, as in :attr:`Retargeting.followed`."""
    twists = retargeting.bones.twists.items()
    return {bone: ((limb,), 0.0) for limb, bones in twists for bone in bones if bone in retargeting.rig.names}


def _turn(target: Any, bone: str, empty: Any, share: float, *, in_own_axes: bool = False) -> None:
    constraint = target.pose.bones[bone].constraints.new("COPY_ROTATION")
    constraint.name = f"{LINK} turn"
    constraint.target, constraint.influence = empty, share
    if in_own_axes:
        constraint.owner_space = "LOCAL"


def _empty_of(target: Any, bone: str) -> Any:
    """The one whose rotation a bone copies."""
    constraints = target.pose.bones[bone].constraints
    return next(each.target for each in constraints if each.name.startswith(f"{LINK} turn"))


def _path_of(target: Any, retargeting: Retargeting) -> Any:
    constraints = target.pose.bones[retargeting.carrier].constraints
    carrier = next(each.target for each in constraints if each.name.startswith(f"{LINK} place"))
    return carrier.parent.parent


def _path_begin(retargeting: Retargeting, begin: Array) -> Array:
    """(3,) metres: where the path lies from which the target's hips are counted."""
    place: Array = (1 - retargeting.scale) * begin + [0, 0, retargeting.lift]
    return place


def _link_turn(armature: Any, retargeting: Retargeting, joint: str, bone: str) -> Array:
    """(4,): from the axes of a joint's bone of the person to those that the target's bone is to have."""
    body_from_world = rotations.from_matrix(WORLD_FROM_BODY.T)
    body_from_bone = rotations.multiply(body_from_world, rest_rotations(armature)[INDEX[joint]])
    rest = retargeting.rig.rest[retargeting.rig.index(bone)]
    turn: Array = rotations.multiply(
        rotations.conjugate(body_from_bone), rotations.multiply(retargeting.match(joint), rest)
    )
    return turn


class _Empties:
    """What hangs on the person's bones for the target's to follow."""

    def __init__(self, collection: Any, armature: Any) -> None:
        self._collection, self._armature = collection, armature

    def turned(self, retargeting: Retargeting, joint: str, bone: str) -> Any:
        """Has the rotation in the world that the target's bone is to have."""
        empty = self._new(f"{bone} {joint}")
        self._hang(empty, joint)
        empty.rotation_quaternion = Quaternion(_link_turn(self._armature, retargeting, joint, bone))
        return empty

    def still(self, bone: str, turn: Array) -> Any:
        """Has the rotation (4,) that the target's bone is to have in its own axes."""
        empty = self._new(f"{bone} at ease")
        empty.rotation_quaternion = Quaternion(turn)
        return empty

    def carrier(self, retargeting: Retargeting, begin: Array) -> Any:
        """Lies where the head of the target's carrier is to be."""
        hips = self._hips()
        path = self._new("path")
        path.scale = [retargeting.scale] * 3
        path.location = _path_begin(retargeting, begin)
        middle = self._new("middle of the hips")
        middle.parent = path
        follow = middle.constraints.new("COPY_LOCATION")
        follow.target, follow.owner_space = hips, "LOCAL"
        rig, name = retargeting.rig, retargeting.carrier
        rest = rig.rest[rig.index(name)]
        turn = middle.constraints.new("COPY_ROTATION")
        turn.target = self.turned(retargeting, "pelvis", name)
        own = (retargeting.places["left_hip"] + retargeting.places["right_hip"]) / 2
        head = self._new("carrier")
        head.parent = middle
        offset = retargeting.places["pelvis"] - own
        head.location = rotations.rotate(rotations.conjugate(rest), offset) / retargeting.scale
        return head

    def _hips(self) -> Any:
        """Lies in the middle of the person's hips."""
        empty = self._new("hips")
        self._hang(empty, "pelvis")
        bones = self._armature.data.bones
        middle = (bones["left_hip"].head_local + bones["right_hip"].head_local) / 2
        pelvis = bones["pelvis"]
        empty.location = pelvis.matrix_local.inverted() @ middle
        empty.location.y -= pelvis.length  # objects hang on a bone's tail
        return empty

    def _hang(self, empty: Any, joint: str) -> None:
        empty.parent, empty.parent_type, empty.parent_bone = self._armature, "BONE", JOINT_NAMES[INDEX[joint]]

    def _new(self, name: str) -> Any:
        empty = bpy.data.objects.new(f"{LINK} {name}", None)
        empty.rotation_mode = "QUATERNION"
        empty.empty_display_size = 0.05
        self._collection.objects.link(empty)
        return empty
