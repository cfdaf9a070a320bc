"""Motion of other programs into the scene, without the backend."""
# mypy: disable-error-code="valid-type"

from pathlib import Path
from typing import Any

import bpy
from bpy.props import FloatProperty, StringProperty

from .operators import BetweenCaptures
from .smpl_rig.errors import LimberError


class LIMBER_OT_import_motion(BetweenCaptures):  # noqa: N801
    """Make people of what other programs captured: BVH, AMC, glTF, AMASS, WHAM, VIBE, PHALP, GVHMR, AIST++"""

    bl_idname = "limber.import_motion"
    bl_label = "Import Motion"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.bvh;*.amc;*.npz;*.pkl;*.glb;*.gltf", options={"HIDDEN"})
    frame_rate: FloatProperty(
        name="Frame Rate",
        description="Of files that do not tell theirs; 0 takes what is usual for them",
        min=0,
        soft_max=240,
    )

    def invoke(self, context: Any, _event: Any) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: Any) -> set[str]:
        from .characters import add_person, embedded_body, fit_to_footage, select
        from .smpl_rig.body import load_body
        from .smpl_rig.imports.placing import Wearer
        from .smpl_rig.imports.reading import read_motions

        path = Path(bpy.path.abspath(self.filepath))
        if not self.filepath.strip():
            raise LimberError("No file is chosen. Choose a file of motion.")
        chosen = context.scene.limber.body.strip()
        wearer = Wearer(load_body(bpy.path.abspath(chosen)), True) if chosen else Wearer(embedded_body(), False)
        motions = read_motions(path, wearer, self.frame_rate or None)
        fit_to_footage(context.scene, motions)
        people = []
        for motion in motions:
            name = path.stem if len(motions) == 1 else f"{path.stem} {motion.person}"
            armature, warnings = add_person(context, motion, name, 0.0, wearer.body)
            people.append(armature)
            for warning in warnings:
                self.report({"WARNING"}, warning)
        select(context, people)
        self.report({"INFO"}, f"Imported {', '.join(person.name for person in people)}")
        return {"FINISHED"}


CLASSES = (LIMBER_OT_import_motion,)
