"""What would go wrong in other programs, found before an export.

Each ``validate_*`` looks at one thing and says what it found. Errors stop an export; warnings are told beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ..exports.preset import Preset
from ..skeleton import JOINT_NAMES
from .prepared import bone_held_by, is_skinned, meshes_of, renamed

#: Sizes that differ by less are the same.
_SAME = 1e-4
#: Names that a message lists.
_LISTED = 4
#: What every program must read; Blender writes no more.
_INFLUENCES_OF_GLTF = 4


@dataclass(frozen=True)
class Problem:
    """Something found: whether it stops the export, and what to tell the user."""

    is_error: bool
    message: str


@dataclass(frozen=True)
class Purpose:
    """What a file is for.

    Attributes:
        preset: the program.
        ending: of the file, as ``.fbx``.
        parents: the bones that are written, each with the one it hangs on; None for all as they are.
    """

    preset: Preset
    ending: str
    parents: Mapping[str, str | None] | None = None

    def written(self, armature: Any) -> Mapping[str, str | None]:
        """By bone that is written, the one it hangs on."""
        if self.parents is not None:
            return self.parents
        return {bone.name: bone.parent.name if bone.parent else None for bone in armature.data.bones}

    @property
    def most_influences(self) -> tuple[int, str]:
        """Bones that may move one vertex, and who says so."""
        if self.ending == ".glb" and self.preset.most_influences > _INFLUENCES_OF_GLTF:
            return _INFLUENCES_OF_GLTF, "glTF"
        return self.preset.most_influences, self.preset.title


def validate_animation(armature: Any, _purpose: Purpose) -> list[Problem]:
    """There must be a take."""
    action = armature.animation_data.action if armature.animation_data else None
    if action is None:
        return [Problem(True, f"'{armature.name}' has no animation. Assign an action.")]
    if action.frame_range[1] <= action.frame_range[0]:
        return [Problem(False, f"The take '{action.name}' has a single frame.")]
    return []


def validate_uniform_scale(armature: Any, _purpose: Purpose) -> list[Problem]:
    """A skeleton that is wider than high cannot be turned without shearing it."""
    sizes = np.linalg.norm(np.array(armature.matrix_world)[:3, :3], axis=0)
    if np.linalg.det(np.array(armature.matrix_world)[:3, :3]) <= 0:
        return [Problem(True, f"'{armature.name}' is mirrored: its scale is negative. Apply the scale (Ctrl A).")]
    if sizes.max() - sizes.min() > _SAME * sizes.max():
        told = " x ".join(f"{size:g}" for size in sizes)
        return [Problem(True, f"'{armature.name}' has a non-uniform scale ({told}). Apply the scale (Ctrl A).")]
    return []


def validate_applied_scale(armature: Any, _purpose: Purpose) -> list[Problem]:
    """A scale that was not applied is applied in the file, which users may not expect."""
    size = float(np.linalg.norm(np.array(armature.matrix_world)[:3, 0]))
    if abs(size - 1) > _SAME:
        return [Problem(False, f"'{armature.name}' has an unapplied scale of {size:g}. The file has it applied.")]
    return []


def validate_single_root(armature: Any, purpose: Purpose) -> list[Problem]:
    """Game engines take one root, and drop or refuse the others."""
    roots = [bone for bone, parent in purpose.written(armature).items() if parent is None]
    if not roots:
        return [Problem(True, f"'{armature.name}' has no bones.")]
    if len(roots) > 1:
        return [Problem(True, f"'{armature.name}' has {len(roots)} root bones: {_listed(roots)}. Parent all to one.")]
    return []


def validate_names(armature: Any, purpose: Purpose) -> list[Problem]:
    """No two bones may be called alike in the file, and a captured person's bones have the names that presets know."""
    bones = tuple(purpose.written(armature))
    lost = [joint for joint in JOINT_NAMES if joint not in bones]
    if 0 < len(lost) < len(JOINT_NAMES) / 2:
        told = f"'{armature.name}' lacks the bones {_listed(lost)}, so it is no captured person"
        return [Problem(False, f"{told}: all bones keep their names.")]
    names = renamed(bones, purpose.preset)
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        return [Problem(True, f"Two bones would be called {_listed(twice)}. Rename those that are no captured joints.")]
    return []


def validate_controls(armature: Any, purpose: Purpose) -> list[Problem]:
    """Bones that move others by constraints have no meaning outside Blender."""
    left = len(armature.data.bones) - len(purpose.written(armature))
    if not left:
        return []
    return [Problem(False, f"{left} bones of '{armature.name}' are controls or mechanisms, and are left out.")]


def validate_bendy_bones(armature: Any, purpose: Purpose) -> list[Problem]:
    """Bones that bend along their length are stiff elsewhere."""
    bendy = [name for name in purpose.written(armature) if armature.data.bones[name].bbone_segments > 1]
    if not bendy or not meshes_of(armature):
        return []
    told = f"{_listed(bendy)} of '{armature.name}' are Bendy Bones, which are stiff in the file"
    return [Problem(False, f"{told}: skin lies a little otherwise there. Give them one segment to see it so.")]


def validate_skin(armature: Any, purpose: Purpose) -> list[Problem]:
    """There is a mesh, it follows the armature, and all of it does."""
    meshes = meshes_of(armature)
    if not meshes:
        missing = f"'{armature.name}' has no mesh"
        if purpose.ending == ".abc":
            return [Problem(True, f"{missing}, and Alembic holds meshes alone. Choose another format.")]
        if purpose.preset.skin == "required":
            refused = f"{missing}, and {purpose.preset.title} refuses a skeleton alone. Give the body (--body)."
            return [Problem(True, refused)]
        return [Problem(False, f"{missing}: the file holds a skeleton alone.")]
    return [problem for mesh in meshes for problem in _skin_problems(mesh, armature, purpose)]


def _skin_problems(mesh: Any, armature: Any, purpose: Purpose) -> list[Problem]:
    if not is_skinned(mesh, armature):
        if bone_held_by(mesh, armature) is not None:
            return []
        return [Problem(False, f"'{mesh.name}' has no Armature modifier for '{armature.name}': it will not bend.")]
    bones = {group.index for group in mesh.vertex_groups if group.name in armature.data.bones}
    influences = [
        sum(1 for each in vertex.groups if each.group in bones and each.weight > 0) for vertex in mesh.data.vertices
    ]
    problems = []
    free, most = influences.count(0), max(influences, default=0)
    if free:
        problems.append(Problem(False, f"{free} vertices of '{mesh.name}' follow no bone: they will stay behind."))
    kept, keeper = purpose.most_influences
    if most > kept:
        told = f"Up to {most} bones move a vertex of '{mesh.name}'; {keeper} keeps {kept}"
        problems.append(Problem(False, f"{told}." if keeper == "glTF" else f"{told} unless it is told otherwise."))
    return problems


Validation = Callable[[Any, Purpose], list[Problem]]
#: All of them, in the order in which they are told.
VALIDATIONS: tuple[Validation, ...] = (
    validate_animation,
    validate_uniform_scale,
    validate_applied_scale,
    validate_single_root,
    validate_names,
    validate_controls,
    validate_bendy_bones,
    validate_skin,
)
_OF_MESHES_AND_OTHER_BONES = (
    validate_single_root, validate_names, validate_controls, validate_bendy_bones, validate_skin,
)  # fmt: skip
#: What cannot go wrong, because the format has none of it: BVH, AMASS and CSV meshes and other bones, Alembic bones.
_NEEDLESS: dict[str, tuple[Validation, ...]] = {
    ".bvh": _OF_MESHES_AND_OTHER_BONES,
    ".npz": _OF_MESHES_AND_OTHER_BONES,
    ".csv": _OF_MESHES_AND_OTHER_BONES,
    ".abc": (validate_single_root, validate_names, validate_controls),
}


def check(armature: Any, purpose: Purpose) -> list[Problem]:
    """Everything that would go wrong with this armature in this file."""
    bpy.context.view_layer.update()  # or what a script has just moved would be looked at where it was
    needless = _NEEDLESS.get(purpose.ending, ())
    return [problem for validate in VALIDATIONS if validate not in needless for problem in validate(armature, purpose)]


def _listed(names: list[str]) -> str:
    told = ", ".join(f"'{name}'" for name in names[:_LISTED])
    return f"{told} and more" if len(names) > _LISTED else told
