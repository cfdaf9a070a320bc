"""Points on a body's surface that a network follows into the picture.

Those of the embedded body lie beside this file as data, so that a network can be built where no body is at hand; for
another body, :func:`surface_markers` finds them. ``python -m backend.models.markers`` writes the data anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backend.body import TorchBody, limber_body
from backend.features.landmark_points import LandmarkPoints, LandmarkSkin
from smpl_rig.body import Body
from smpl_rig.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES

Floats = NDArray[np.floating[Any]]

#: A marker lies where a ray from a joint leaves the body in its T-pose (Y up, facing +Z, left towards +X).
_MIDDLE: dict[str, tuple[str, tuple[int, int, int]]] = {
    "face": ("head", (0, 0, 1)),
    "nape": ("neck", (0, 0, -1)),
    "chest": ("spine3", (0, 0, 1)),
    "back": ("spine2", (0, 0, -1)),
    "navel": ("spine1", (0, 0, 1)),
    "sacrum": ("pelvis", (0, 0, -1)),
}
#: The left ones; the right ones are found likewise, mirrored.
_SIDES: dict[str, tuple[str, tuple[int, int, int]]] = {
    "ear": ("head", (1, 0, 0)),
    "shoulder": ("shoulder", (0, 1, 0)),
    "elbow": ("elbow", (0, 0, -1)),
    "wrist": ("wrist", (0, 1, 0)),
    "hand": ("hand", (1, 0, 0)),
    "hip": ("hip", (1, 0, 0)),
    "knee": ("knee", (0, 0, 1)),
    "ankle": ("ankle", (1, 0, 0)),
    "heel": ("ankle", (0, -1, -1)),
    "toe": ("foot", (0, 0, 1)),
}
MARKER_NAMES: tuple[str, ...] = (*_MIDDLE, *(f"{side}_{name}" for name in _SIDES for side in ("left", "right")))
MARKER_COUNT = len(MARKER_NAMES)
#: No further from its ray than this, metres.
_APART = 0.03
_FILE = Path(__file__).with_name("markers.json")


@dataclass(frozen=True, eq=False)
class Markers:
    """Points on a body's surface, and the joints that they move with; body frame, rest pose.

    Attributes:
        points: K points.
        joints: (24, 3) metres.
        joint_shapedirs: (24, 3, 10) metres for each unit of beta.
    """

    points: LandmarkPoints
    joints: Floats
    joint_shapedirs: Floats


class MarkerBody(nn.Module):
    """The markers of posed bodies, batched."""

    joints: Tensor
    joint_shapedirs: Tensor

    def __init__(self, markers: Markers) -> None:
        super().__init__()
        self.skin = LandmarkSkin(markers.points)
        self.register_buffer("joints", torch.tensor(markers.joints, dtype=torch.float32))
        self.register_buffer("joint_shapedirs", torch.tensor(markers.joint_shapedirs, dtype=torch.float32))

    def forward(self, local_rotations: Tensor, betas: Tensor) -> Tensor:
        """Forward kinematics and linear blend skinning (Loper et al. 2015), without pose corrections.

        Args:
            local_rotations: (B, 24, 3, 3); the pelvis's is its orientation before the camera.
            betas: (B, 10).

        Returns:
            (B, K, 3) metres from the pelvis, camera axes.
        """
        rest = self.joints + torch.einsum("jcb,nb->njc", self.joint_shapedirs, betas)  # (B, 24, 3)
        turned, places = TorchBody.forward_kinematics(local_rotations, rest, -rest[:, 0])
        return self.skin(turned, places, rest, betas)


def surface_markers(body: Body) -> Markers:
    """Finds the 26 markers, in the order of ``MARKER_NAMES``, on a body in SMPL's layout."""
    regressor = body.J_regressor.astype(np.float64)
    joints = regressor @ body.v_template
    chosen = [_vertex(body, joints, name) for name in MARKER_NAMES]
    points = LandmarkPoints(body.v_template[chosen], body.shapedirs[chosen], body.weights[chosen])
    return Markers(points, joints, np.einsum("jv,vcb->jcb", regressor, body.shapedirs))


def _vertex(body: Body, joints: Floats, name: str) -> int:
    side, _, part = name.rpartition("_")
    joint, direction = _SIDES[part] if side else _MIDDLE[part]
    joint = f"{side}_{joint}" if f"{side}_{joint}" in INDEX else joint
    ray = np.array(direction) * ([-1, 1, 1] if side == "right" else [1, 1, 1]) / np.linalg.norm(direction)
    from_joint = body.v_template - joints[INDEX[joint]]  # (V, 3)
    along = from_joint @ ray
    apart = np.linalg.norm(from_joint - along[:, None] * ray, axis=1)
    return int(np.argmax(np.where(apart < _APART, along - 2 * apart, -np.inf)))


def embedded_markers() -> Markers:
    """The markers of the embedded body, to a tenth of a millimetre."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    weights = np.zeros((MARKER_COUNT, JOINT_COUNT))
    for row, name in enumerate(MARKER_NAMES):
        for joint, weight in data["markers"][name]["weights"].items():
            weights[row, INDEX[joint]] = weight

    def column(table: str, names: tuple[str, ...], key: str) -> Floats:
        return np.array([data[table][name][key] for name in names])

    points = LandmarkPoints(
        column("markers", MARKER_NAMES, "place"), column("markers", MARKER_NAMES, "shapedirs"), weights
    )
    return Markers(points, column("joints", JOINT_NAMES, "place"), column("joints", JOINT_NAMES, "shapedirs"))


def _write(markers: Markers) -> None:
    points = markers.points
    rows = {
        "markers": {
            name: {
                "place": _rounded(points.template[row]),
                "shapedirs": _rounded(points.shapedirs[row]),
                "weights": {JOINT_NAMES[joint]: _rounded(weights[joint]) for joint in np.flatnonzero(weights)},
            }
            for row, (name, weights) in enumerate(zip(MARKER_NAMES, points.weights, strict=True))
        },
        "joints": {
            name: {
                "place": _rounded(markers.joints[row]),
                "shapedirs": _rounded(markers.joint_shapedirs[row]),
            }
            for row, name in enumerate(JOINT_NAMES)
        },
    }
    tables = (
        f'"{table}": {{\n' + ",\n".join(f'"{name}": {json.dumps(row)}' for name, row in entries.items()) + "\n}"
        for table, entries in rows.items()
    )
    _FILE.write_text("{" + ",\n".join(tables) + "}\n", encoding="utf-8")


def _rounded(values: Floats) -> Any:
    return (np.round(values.astype(np.float64), 5) + 0.0).tolist()  # no negative zeros


if __name__ == "__main__":
    _write(surface_markers(limber_body()))
