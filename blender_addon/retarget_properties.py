"""What the scene and each target remember of retargeting: the target, and which of its bones are which."""
# mypy: disable-error-code="valid-type"

from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, PointerProperty, StringProperty

from . import session


class LIMBER_PG_mapped_bone(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """One joint, or one chain, and the target's bones for it; ``name`` is what a map calls it."""

    bones: StringProperty(name="Bone", description="The target's bone for this joint")
    confidence: FloatProperty(name="Confidence", description="From 0, a guess, to 1, named so", min=0, max=1)


class LIMBER_PG_target(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """Which of an armature's bones are which: ``object.limber_target``.

    The scene keeps it, because of what is not Blender's own nothing is saved with a library override.
    """

    armature: PointerProperty(name="Armature", description="Whose bones they are", type=bpy.types.Object)
    how: StringProperty(name="Found By", description="The map that fits, or how else the bones were found")
    found: StringProperty(name="Map", description="Everything that was found, as a map's file holds it")
    joints: CollectionProperty(type=LIMBER_PG_mapped_bone, name="Joints", description="One bone each")
    chains: CollectionProperty(
        type=LIMBER_PG_mapped_bone, name="Chains", description="Any number of bones each, with commas between"
    )

    outdated: StringProperty(name="Outdated", description="Baked takes that have changed since")
    keeps_up: BoolProperty(
        name="Bake Again by Itself",
        description="Bake a take that changes again as soon as you pause. What you edited on the bake is lost",
    )

    def show(self, finding: Any) -> None:
        """Takes over what was found, for the user to see and put right."""
        from .smpl_rig.retarget.rig_map import CHAINS, JOINTS, rig_map_text

        bones = finding.bones
        self.how = finding.how
        self.found = rig_map_text(finding.how, bones)
        self.joints.clear()
        self.chains.clear()
        for joint in JOINTS:
            row = self.joints.add()
            row.name, row.bones = joint, bones.joints.get(joint, "")
            row.confidence = finding.confidence.get(row.bones, 0.0)
        for chain in CHAINS:
            row = self.chains.add()
            row.name, row.bones = chain, ", ".join(bones.chains.get(chain, ()))
            row.confidence = min((finding.confidence.get(bone, 0.0) for bone in bones.chains.get(chain, ())), default=0)

    def rig_bones(self) -> Any:
        """The :class:`RigBones` that the user sees."""
        from .smpl_rig.retarget.rig_map import parse_rig_map

        bones = parse_rig_map(self.how, self.found).found_in(bone_names(self.armature))
        for row in self.joints:
            bones = bones.with_joint(row.name, row.bones.strip() or None)
        for row in self.chains:
            bones = bones.with_chain(row.name, [bone.strip() for bone in row.bones.split(",") if bone.strip()])
        return bones


class LIMBER_PG_retarget(bpy.types.PropertyGroup):  # type: ignore[misc]  # noqa: N801
    """Where takes are brought to: ``scene.limber_retarget``."""

    target: PointerProperty(
        name="Target",
        description="The character's armature",
        type=bpy.types.Object,
        poll=lambda _settings, candidate: candidate.type == "ARMATURE",
        update=lambda settings, _context: settings.find(),
    )
    touch: BoolProperty(
        name="Hands Touch",
        description="Lead hands to what the person's touch: their own body, or the floor",
        update=lambda settings, _context: settings.link_again(),
    )
    fingers: EnumProperty(
        name="Fingers",
        description="What fingers do, of which a capture says nothing",
        items=(
            ("stay", "Stay", "They keep the pose that they have"),
            ("relaxed", "Relaxed", "They hang as those of a hand at ease"),
        ),
        update=lambda settings, _context: settings.link_again(),
    )
    controls: EnumProperty(
        name="Keys On",
        description="What is keyed of arms and legs, on rigs that have controls of inverse kinematics",
        items=(
            ("fk", "FK", "Every bone of the limb: it points exactly as the person's"),
            ("ik", "IK", "Hands, feet and poles, which are easier to edit. The rig's switches are set and keyed"),
        ),
    )
    characters: CollectionProperty(
        type=LIMBER_PG_target, name="Characters", description="Whose bones were found, or looked for"
    )
    problem: StringProperty(name="Problem", description="Why the target's bones could not be found")

    def options(self) -> Any:
        """The :class:`BakeOptions` for the target."""
        from .smpl_rig.blender.retarget import BakeOptions

        return BakeOptions(
            touch=self.touch,
            relax_fingers=self.fingers == "relaxed",
            use_ik=self.controls == "ik" and has_ik(self.target),
        )

    def link_again(self) -> None:
        """Lets a target that follows somebody do so with the options that are chosen now."""
        from .smpl_rig.blender.live_link import link, linked_person
        from .smpl_rig.errors import LimberError

        person = linked_person(self.target) if self.target is not None else None
        if person is None:
            return
        self.problem = ""
        try:
            link(self.target, person, self.target.limber_target.rig_bones(), self.options())
        except LimberError as error:
            self.problem = str(error)

    def show(self, finding: Any) -> None:
        """Takes over which of the target's bones are which, for the user to see and put right."""
        if self.target.limber_target is None:
            self.characters.add().armature = self.target
        self.target.limber_target.show(finding)
        self.problem = ""

    def find(self) -> None:
        """Finds the bones of a target that has just been chosen; what is wrong is shown in the panel."""
        from .smpl_rig.blender.retarget import find_rig_bones
        from .smpl_rig.errors import LimberError

        self.problem = ""
        if self.target is None or is_known(self.target):
            return
        try:
            self.show(find_rig_bones(self.target))
        except LimberError as error:
            self.problem = str(error)
        session.redraw()

    def forget_absent(self) -> None:
        """Lets go of characters that were deleted, which would stay in the file otherwise."""
        if self.target is not None and is_absent(self.target):
            self.target = None
        for number in reversed(range(len(self.characters))):
            armature = self.characters[number].armature
            if armature is None or is_absent(armature):
                self.characters.remove(number)


def target_of(armature: Any) -> LIMBER_PG_target | None:
    """Which of an armature's bones are which, whatever scene keeps it; None before anybody asked."""
    kept = (each for scene in bpy.data.scenes for each in scene.limber_retarget.characters)
    return next((each for each in kept if each.armature == armature), None)


def is_known(armature: Any) -> bool:
    """Whether its bones were found."""
    known = armature.limber_target
    return known is not None and bool(known.found)


def has_ik(armature: Any) -> bool:
    """Whether the map knows controls of inverse kinematics."""
    return is_known(armature) and '"ik": {' in armature.limber_target.found


def is_absent(armature: Any) -> bool:
    """Whether it is in no scene, as what was deleted and is still named somewhere."""
    return not armature.users_scene


def bone_names(target: Any) -> list[str]:
    """Of an armature object."""
    return [bone.name for bone in target.data.bones]


CLASSES = (LIMBER_PG_mapped_bone, LIMBER_PG_target, LIMBER_PG_retarget)


def attach() -> None:
    """Adds the properties to Blender's types."""
    bpy.types.Object.limber_target = property(target_of)
    bpy.types.Scene.limber_retarget = PointerProperty(type=LIMBER_PG_retarget)


def detach() -> None:
    """Takes them away again; what they hold stays in the file."""
    del bpy.types.Scene.limber_retarget
    del bpy.types.Object.limber_target
