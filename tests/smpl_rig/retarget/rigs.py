"""Rigs built by the tests, and what their bones do with keys: Blender's way of posing, written again in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.retarget.retargeting import RigKeys
from smpl_rig.retarget.rig import Rig
from smpl_rig.retarget.rig_map import RigBones
from smpl_rig.skeleton import INDEX

SIDES = ("left", "right")


@dataclass(frozen=True)
class Build:
    """How a rig differs from the body that it is made of.

    Attributes:
        arms_down, arms_forward: radians by which its arms hang, and are swept, at rest.
        legs_apart: radians by which its legs are spread at rest.
        thigh, shin, arm, trunk, hips: lengths as parts of the body's.
        spine, neck, collars: how many bones.
        toes, twists: whether it has any.
        object_rotation: quaternion of the rig's object.
        facing: radians about the vertical, of the rest pose in the world.
        object_scale: of the rig's object.
        rolls: seed of the bones' rolls; bones also point anywhere.
    """

    arms_down: float = 0.0
    arms_forward: float = 0.0
    legs_apart: float = 0.0
    thigh: float = 1.0
    shin: float = 1.0
    arm: float = 1.0
    trunk: float = 1.0
    hips: float = 1.0
    spine: int = 3
    neck: int = 1
    collars: int = 1
    toes: bool = True
    twists: bool = False
    facing: float = 0.0
    object_rotation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)
    object_scale: float = 1.0
    rolls: int = 0


@dataclass(frozen=True)
class BuiltRig:
    """``local_heads`` (B, 3) and ``local_rest`` (B, 4) are in the object's own axes and unit, as programs have them."""

    rig: Rig
    bones: RigBones
    build: Build
    local_heads: np.ndarray
    local_rest: np.ndarray
    names: tuple[str, ...] = field(default=())

    def posed(self, keys: RigKeys) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """By bone, rotations (T, 4) from rest and heads (T, 3) metres, in the world, that the keys lead to."""
        rig, count = self.rig, len(keys.locations)
        turn = np.array(self.build.object_rotation)
        turned: list[np.ndarray] = []
        heads: list[np.ndarray] = []
        for bone, (name, parent) in enumerate(zip(rig.names, rig.parents, strict=True)):
            basis = keys.turns.get(name, np.tile(rotations.IDENTITY, (count, 1)))
            location = keys.locations if name == keys.carrier else np.zeros((count, 3))
            rest, head = self.local_rest[bone], self.local_heads[bone]
            if parent >= 0:
                back = rotations.conjugate(self.local_rest[parent])
                head = rotations.rotate(back, head - self.local_heads[parent])
                rest = rotations.multiply(back, rest)
            head = head + rotations.rotate(np.tile(rest, (count, 1)), location)
            own = rotations.multiply(np.tile(rest, (count, 1)), basis)
            if parent >= 0:
                head = heads[parent] + rotations.rotate(turned[parent], head)
                own = rotations.multiply(turned[parent], own)
            turned.append(own)
            heads.append(head)
        in_world = {}
        for name, own, rest in zip(rig.names, turned, self.local_rest, strict=True):
            from_rest = rotations.multiply(own, np.tile(rotations.conjugate(rest), (count, 1)))
            in_world[name] = rotations.multiply(
                rotations.multiply(np.tile(turn, (count, 1)), from_rest), np.tile(rotations.conjugate(turn), (count, 1))
            )
        places = [rotations.rotate(turn, head * self.build.object_scale) for head in heads]
        return in_world, dict(zip(rig.names, places, strict=True))


def build_rig(build: Build, rest_joints: np.ndarray) -> BuiltRig:
    """A rig of a body (24, 3) with a root on the floor, fingers, and names that no map knows."""
    names, parents, places = ["ground"], [-1], [np.zeros(3)]
    joints: dict[str, str] = {}
    chains: dict[str, list[str]] = {}
    twists: dict[str, list[str]] = {}
    at = {joint: rest_joints[index] - rest_joints[0] for joint, index in INDEX.items()}

    def add(name: str, parent: int, place: np.ndarray) -> int:
        names.append(name)
        parents.append(parent)
        places.append(place)
        return len(names) - 1

    pelvis = add("b0", 0, np.zeros(3))
    joints["pelvis"] = "b0"
    top, chest_place = pelvis, build.trunk * at["spine3"]
    for number in range(1, build.spine + 1):
        top = add(f"back{number}", top, chest_place * number / build.spine)
        chains.setdefault("spine", []).append(names[top])
    chest, start, end = top, build.trunk * at["neck"], build.trunk * at["head"]
    for number in range(build.neck):
        top = add(f"throat{number}", top, start + (end - start) * number / build.neck)
        chains.setdefault("neck", []).append(names[top])
    joints["head"] = names[add("skull", top, end)]
    for side, sign in (("left", 1), ("right", -1)):
        limb, place = chest, build.trunk * at[f"{side}_collar"]
        shoulder = build.trunk * at[f"{side}_shoulder"]
        for number in range(build.collars):
            limb = add(f"{side}C{number}", limb, place + (shoulder - place) * number / build.collars)
            chains.setdefault(f"{side}_collar", []).append(names[limb])
        hang = rotations.multiply(
            rotations.exp(np.array([0, -sign * build.arms_forward, 0])),
            rotations.exp(np.array([0, 0, -sign * build.arms_down])),
        )
        place = shoulder
        for joint, following in (("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand")):
            limb = add(f"{side}A{joint}", limb, place)
            joints[f"{side}_{joint}"] = names[limb]
            bone = build.arm * rotations.rotate(hang, at[f"{side}_{following}"] - at[f"{side}_{joint}"])
            if build.twists and joint != "wrist":
                twists[f"{side}_{joint}"] = [names[add(f"{side}A{joint}twist", limb, place + 0.5 * bone)]]
            place = place + bone
        finger = add(f"{side}F1", limb, place)
        add(f"{side}F2", finger, place + build.arm * rotations.rotate(hang, np.array([sign * 0.04, 0, 0])))
        spread = rotations.exp(np.array([0, 0, sign * build.legs_apart]))
        limb, place = pelvis, at[f"{side}_hip"] * np.array([build.hips, 1, 1])
        for joint, following, part in (
            ("hip", "knee", build.thigh),
            ("knee", "ankle", build.shin),
            ("ankle", "foot", 1),
        ):
            limb = add(f"{side}L{joint}", limb, place)
            joints[f"{side}_{joint}"] = names[limb]
            turn = spread if joint != "ankle" else rotations.IDENTITY
            place = place + part * rotations.rotate(turn, at[f"{side}_{following}"] - at[f"{side}_{joint}"])
        if build.toes:
            joints[f"{side}_foot"] = names[add(f"{side}Ltoes", limb, place)]
        else:
            add(f"{side}Ltip", limb, place)
    heads = np.array(places)
    heads[1:, 1] -= heads[1:, 1].min() - 0.03  # the soles lie under the balls of the feet
    facing = np.array([np.cos(build.facing / 2), 0, 0, np.sin(build.facing / 2)])
    heads = rotations.rotate(np.tile(facing, (len(heads), 1)), heads @ WORLD_FROM_BODY.T)
    return _dressed(tuple(names), tuple(parents), heads, joints, chains, twists, build)


def _dressed(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    heads: np.ndarray,
    joints: dict[str, str],
    chains: dict[str, list[str]],
    twists: dict[str, list[str]],
    build: Build,
) -> BuiltRig:
    random = np.random.default_rng(build.rolls)
    rest = rotations.normalize(random.normal(size=(len(names), 4)))
    turn = np.tile(np.array(build.object_rotation), (len(names), 1))
    tails = heads + rotations.rotate(rest, np.array([0, 0.05, 0]))
    rig = Rig(
        names, parents, heads, tails, rest, unit_m=build.object_scale, object_rotation=np.array(build.object_rotation)
    )
    bones = RigBones(
        joints, {k: tuple(v) for k, v in chains.items()}, {k: tuple(v) for k, v in twists.items()}, root="ground"
    )
    back = rotations.conjugate(turn)
    return BuiltRig(
        rig, bones, build, rotations.rotate(back, heads) / build.object_scale, rotations.multiply(back, rest)
    )


#: What hangs on figures besides: on which bone, on both sides or in the middle, and how it goes from there, metres in
#: the world of one who faces -Y.
EXTRAS: dict[str, tuple[str, tuple[float, ...], tuple[tuple[float, float, float], ...]]] = {
    "long skirt": ("b0", (1, -1, 0), ((0.15, -0.1, -0.1), (0.05, -0.05, -0.4), (0.05, -0.05, -0.38))),
    "tail": ("b0", (0,), ((0, 0.1, 0.0), (0, 0.15, -0.2), (0, 0.1, -0.3), (0, 0.15, -0.3), (0, 0.2, -0.1))),
    "wings": ("chest", (1, -1), ((0.05, 0.1, 0), (0.5, 0.15, 0.3), (0.6, 0.1, -0.1), (0.3, 0, -0.3))),
    "sword": ("rightAwrist", (0,), ((-0.1, 0, 0), (-0.3, -0.1, 0.2), (-0.6, -0.2, 0.4))),
    "cape": ("chest", (1, -1, 0), ((0.1, 0.12, 0), (0.02, 0.05, -0.4), (0, 0.05, -0.4), (0, 0.05, -0.35))),
    "hair": ("skull", (1, -1, 0), ((0.05, 0.05, 0.15), (0.02, 0.05, -0.1), (0, 0.02, -0.2))),
    "ponytail": ("skull", (0,), ((0, 0.1, 0.08), (0, 0.08, -0.1), (0, 0, -0.2))),
    "pack": ("chest", (0,), ((0, 0.2, 0), (0, 0.1, 0.3))),
    "ears": ("skull", (1, -1), ((0.07, 0, 0.1), (0.05, 0, 0.2))),
    "pouches": ("b0", (1, -1), ((0.2, 0, 0), (0.02, 0, -0.15))),
}


def with_extras(built: BuiltRig, extras: list[str]) -> Rig:
    """The rig at rest with :data:`EXTRAS` on it, which hang anywhere among its bones."""
    rig = built.rig
    names, parents = list(rig.names), list(rig.parents)
    heads = [*rig.heads]
    chest = [name for name in names if name.startswith("back")][-1]
    for extra in extras:
        where, sides, steps = EXTRAS[extra]
        for side in sides:
            parent = names.index(chest if where == "chest" else where)
            head = heads[parent]
            for number, step in enumerate(steps):
                head = head + np.array(step) * [side if side or where != "rightAwrist" else 1, 1, 1]
                names.append(f"{extra} {side} {number}")
                parents.append(parent)
                heads.append(head)
                parent = len(names) - 1
    rest = np.concatenate((rig.rest, np.tile(rotations.IDENTITY, (len(names) - len(rig.names), 1))))
    added = np.array(heads[len(rig.names) :]).reshape(-1, 3)
    tails = np.concatenate((rig.tails, added + np.array([0, 0, 0.02])))
    return Rig(tuple(names), tuple(parents), np.array(heads), tails, rest)
