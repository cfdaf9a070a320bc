"""How well a pose that was carried over to SMPL's joints agrees with its source: by where the joints are.

Bodies differ in the lengths of their bones, so these are fitted first: along the body's own directions for thighs,
shins, upper arms and forearms, so that a limb that points elsewhere is an error that remains; freely where skeletons
put the roots of limbs, the neck, the head and the toes at other places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smpl_rig import kinematics, rotations
from smpl_rig.alignment import Alignment, SmplPose
from smpl_rig.axes import WORLD_FROM_BODY
from smpl_rig.skeletal_motion import SkeletalMotion
from smpl_rig.skeleton import INDEX, JOINT_NAMES, PARENTS

Floats = NDArray[np.floating[Any]]

#: Bones whose direction is the body's: their lower ends.
_LIMBS = frozenset(
    INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle", "elbow", "wrist")
)
#: What a skeleton may have and SMPL's joint stands for the same place.
_COMPARED = tuple(
    name for name in JOINT_NAMES if not name.startswith("spine") and not name.endswith(("hand", "collar"))
)
#: So many frames of a clip tell.
FRAMES = 200


def position_errors_m(alignment: Alignment, pose: SmplPose) -> dict[str, float]:
    """For each joint the mean distance in metres, over frames, of the source's from the body's with fitted bones.

    Both are taken with the middle of the hips at the same place. Bones that stretch in the source are compared at the
    lengths of its rest pose, since only rotations are carried over.

    Args:
        alignment: of the source.
        pose: what it gave.
    """
    chosen = np.unique(np.linspace(0, len(pose.pelvis) - 1, FRAMES).astype(int))
    source = _source_joints(alignment, chosen)
    turned = kinematics.global_rotations(pose.local_rotations[chosen])
    compared = [INDEX[name] for name in source]
    target = np.stack(list(source.values()), axis=1)  # (T, N, 3)
    design = _design(turned, alignment.rest_joints, compared)  # (T, N, 3, U)
    hips = [compared.index(INDEX[f"{side}_hip"]) for side in ("left", "right")]
    target = target - target[:, hips].mean(axis=1, keepdims=True)
    design = design - design[:, hips].mean(axis=1, keepdims=True)
    unknowns = design.shape[-1]
    fitted, *_ = np.linalg.lstsq(design.reshape(-1, unknowns), target.reshape(-1), rcond=None)
    distances = np.linalg.norm(design @ fitted - target, axis=-1).mean(axis=0)  # (N,)
    return dict(zip(source, distances.tolist(), strict=True))


def _source_joints(alignment: Alignment, chosen: NDArray[np.intp]) -> dict[str, Floats]:
    """Places (T, 3) in the world, metres on the body, of those of SMPL's joints that the source has."""
    motion = alignment.motion
    local = np.tile(motion.offsets, (len(chosen), 1, 1))
    local[:, 0] = motion.local_positions[chosen, 0]
    rigid = SkeletalMotion(
        motion.names, motion.parents, motion.offsets, motion.local_rotations[chosen], local, motion.frame_rate
    )
    _, positions = rigid.forward_kinematics()
    in_world = alignment.scale * positions @ (WORLD_FROM_BODY @ alignment.body_from_source).T
    return {name: in_world[:, alignment.joints[name]] for name in _COMPARED if name in alignment.joints}


def _design(turned: Floats, rest_joints: Floats, compared: Sequence[int]) -> Floats:
    """(T, N, 3, U): how the places of N joints depend on the U unknown lengths and offsets of bones."""
    frames = len(turned)
    columns: list[Floats] = []
    for joint, parent in enumerate(PARENTS):
        if parent < 0:
            continue
        below = np.array([_hangs_on(other, joint) for other in compared])[None, :, None]  # (1, N, 1)
        directions = np.eye(3)
        if joint in _LIMBS:
            bone = rest_joints[joint] - rest_joints[parent]
            directions = (bone / np.linalg.norm(bone))[None]
        for direction in directions:
            moved = rotations.rotate(turned[:, parent], np.broadcast_to(direction, (frames, 3)))
            columns.append(moved[:, None] * below)
    return np.stack(columns, axis=-1)


def _hangs_on(joint: int, ancestor: int) -> bool:
    while joint > ancestor:
        joint = PARENTS[joint]
    return joint == ancestor
