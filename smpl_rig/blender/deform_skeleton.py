"""What of a control rig goes to other programs: the bones that move the skin, in one tree.

A control rig's deforming bones hang on mechanisms, which other programs know nothing of (Rigify's human has 706 bones,
of which 160 deform). What a bone hangs on in the file is found by walking up: a deforming bone, or one that lies where
the mechanism lies at rest, as Rigify's ``DEF-spine.003`` lies on ``ORG-spine.003``. The bone at the top, on which the
whole figure stands, is kept, and so is what meshes hang on as stiff things.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from .prepared import bone_held_by, is_skinned, meshes_of

#: Bones lie at one place where their matrices at rest differ by less, as a part of the skeleton's size.
_SAME_PLACE = 1e-4


def has_controls(armature: Any) -> bool:
    """Whether deforming bones are moved by others that deform nothing, as in a rig for animators."""
    bones, posed = armature.data.bones, armature.pose.bones
    tops = {bone.name for bone in bones if bone.parent is None}
    return any(
        any(not above.use_deform and above.name not in tops for above in bone.parent_recursive)
        or any(getattr(constraint, "target", None) == armature for constraint in posed[bone.name].constraints)
        for bone in bones
        if bone.use_deform
    )


def deform_parents(armature: Any) -> dict[str, str | None]:
    """By bone that is kept, the one that it hangs on in the file; parents come first."""
    bones = armature.data.bones
    held = {bone_held_by(mesh, armature) for mesh in meshes_of(armature) if not is_skinned(mesh, armature)}
    kept = [bone for bone in bones if bone.use_deform or bone.name in held]
    if not kept:
        return {bone.name: bone.parent.name if bone.parent else None for bone in bones}
    parents: dict[str, str | None] = {}
    twins = _Twins(kept)
    for bone in kept:
        candidates = (found for above in bone.parent_recursive for found in twins.of(above))
        parents[bone.name] = next((each for each in candidates if not _hangs_on(each, bone.name, parents)), None)
    tops = [name for name, parent in parents.items() if parent is None]
    most = max(tops, key=lambda top: sum(_hangs_on(name, top, parents) for name in parents))
    above = bones[most].parent_recursive
    if above:
        parents = {name: parent or above[-1].name for name, parent in parents.items()} | {above[-1].name: None}
    else:
        parents = {name: parent or (most if name != most else None) for name, parent in parents.items()}
    return _parents_first(parents)


class _Twins:
    """Kept bones by where they lie at rest."""

    def __init__(self, kept: Collection[Any]) -> None:
        self._names = [bone.name for bone in kept]
        self._rest = np.array([bone.matrix_local for bone in kept])
        size = max(float(np.abs(self._rest[:, :3, 3]).max()), 1e-9)
        self._rest[:, :3, 3] /= size
        self._size = size

    def of(self, bone: Any) -> list[str]:
        """The bone itself, if it is kept, else those that lie where it does."""
        if bone.name in self._names:
            return [bone.name]
        rest = np.array(bone.matrix_local)
        rest[:3, 3] /= self._size
        near = np.abs(self._rest - rest).max(axis=(1, 2)) < _SAME_PLACE
        return [name for name, is_near in zip(self._names, near, strict=True) if is_near]


def _hangs_on(name: str | None, above: str, parents: Mapping[str, str | None]) -> bool:
    """Whether a bone is another, or hangs on it."""
    while name is not None and name != above:
        name = parents.get(name)
    return name == above


def _parents_first(parents: Mapping[str, str | None]) -> dict[str, str | None]:
    ordered: dict[str, str | None] = {}
    while len(ordered) < len(parents):
        ordered |= {
            name: parent
            for name, parent in parents.items()
            if name not in ordered and (parent is None or parent in ordered)
        }
    return ordered
