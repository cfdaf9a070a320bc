"""What would go wrong in other programs, found before an export.

Each ``validate_*`` looks at one thing and says what it found. Errors stop an export; warnings are told beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..exports.preset import Preset
from .prepared import renamed

#: Sizes that differ by less are the same.
_SAME = 1e-4
#: Names that a message lists.
_LISTED = 4


@dataclass(frozen=True)
class Problem:
    """Something found: whether it stops the export, and what to tell the user."""

    is_error: bool
    message: str


def validate_animation(armature: Any, _preset: Preset) -> list[Problem]:
    """There must be a take."""
    action = armature.animation_data.action if armature.animation_data else None
    if action is None:
        return [Problem(True, f"'{armature.name}' has no animation. Assign an action.")]
    if action.frame_range[1] <= action.frame_range[0]:
        return [Problem(False, f"The take '{action.name}' has a single frame.")]
    return []


def validate_uniform_scale(armature: Any, _preset: Preset) -> list[Problem]:
    """A skeleton that is wider than high cannot be turned without shearing it."""
    sizes = np.linalg.norm(np.array(armature.matrix_world)[:3, :3], axis=0)
    if np.linalg.det(np.array(armature.matrix_world)[:3, :3]) <= 0:
        return [Problem(True, f"'{armature.name}' is mirrored: its scale is negative. Apply the scale (Ctrl A).")]
    if sizes.max() - sizes.min() > _SAME * sizes.max():
        told = " x ".join(f"{size:g}" for size in sizes)
        return [Problem(True, f"'{armature.name}' has a non-uniform scale ({told}). Apply the scale (Ctrl A).")]
    return []


def validate_applied_scale(armature: Any, _preset: Preset) -> list[Problem]:
    """A scale that was not applied is applied in the file, which users may not expect."""
    size = float(np.linalg.norm(np.array(armature.matrix_world)[:3, 0]))
    if abs(size - 1) > _SAME:
        return [Problem(False, f"'{armature.name}' has an unapplied scale of {size:g}. The file has it applied.")]
    return []


def validate_single_root(armature: Any, _preset: Preset) -> list[Problem]:
    """Game engines take one root, and drop or refuse the others."""
    roots = [bone.name for bone in armature.data.bones if bone.parent is None]
    if not roots:
        return [Problem(True, f"'{armature.name}' has no bones.")]
    if len(roots) > 1:
        return [Problem(True, f"'{armature.name}' has {len(roots)} root bones: {_listed(roots)}. Parent all to one.")]
    return []


def validate_names(armature: Any, preset: Preset) -> list[Problem]:
    """No two bones may be called alike in the file."""
    names = renamed(tuple(bone.name for bone in armature.data.bones), preset)
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        return [Problem(True, f"Two bones would be called {_listed(twice)}. Rename those that are no captured joints.")]
    return []


def validate_skin(armature: Any, preset: Preset) -> list[Problem]:
    """There is a mesh, it follows the armature, and all of it does."""
    meshes = [child for child in armature.children_recursive if child.type == "MESH"]
    if not meshes:
        missing = f"'{armature.name}' has no mesh"
        if preset.skin == "required":
            return [Problem(True, f"{missing}, and {preset.title} refuses a skeleton alone. Give the body (--body).")]
        return [Problem(False, f"{missing}: the file holds a skeleton alone.")]
    return [problem for mesh in meshes for problem in _skin_problems(mesh, armature, preset)]


def _skin_problems(mesh: Any, armature: Any, preset: Preset) -> list[Problem]:
    skinned = any(each.type == "ARMATURE" and each.object == armature for each in mesh.modifiers)
    if not skinned:
        return [Problem(False, f"'{mesh.name}' has no Armature modifier for '{armature.name}': it will not bend.")]
    bones = {group.index for group in mesh.vertex_groups if group.name in armature.data.bones}
    influences = [
        sum(1 for each in vertex.groups if each.group in bones and each.weight > 0) for vertex in mesh.data.vertices
    ]
    problems = []
    free, most = influences.count(0), max(influences, default=0)
    if free:
        problems.append(Problem(False, f"{free} vertices of '{mesh.name}' follow no bone: they will stay behind."))
    if most > preset.most_influences:
        problems.append(
            Problem(
                False,
                f"Up to {most} bones move a vertex of '{mesh.name}'; {preset.title} keeps {preset.most_influences} "
                "unless it is told otherwise.",
            )
        )
    return problems


#: All of them, in the order in which they are told.
VALIDATIONS: tuple[Callable[[Any, Preset], list[Problem]], ...] = (
    validate_animation,
    validate_uniform_scale,
    validate_applied_scale,
    validate_single_root,
    validate_names,
    validate_skin,
)


def check(armature: Any, preset: Preset) -> list[Problem]:
    """Everything that would go wrong with this armature for this preset."""
    bpy.context.view_layer.update()  # or what a script has just moved would be looked at where it was
    return [problem for validate in VALIDATIONS for problem in validate(armature, preset)]


def _listed(names: list[str]) -> str:
    told = ", ".join(f"'{name}'" for name in names[:_LISTED])
    return f"{told} and more" if len(names) > _LISTED else told
