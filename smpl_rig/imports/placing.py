"""From what a file tells to a Motion on a body: axes, betas, the floor, the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import kinematics, rotations
from ..alignment import SmplPose
from ..axes import WORLD_FROM_LEVEL_CAMERA
from ..body import Body
from ..contacts import contact_probabilities, lines_of_sight
from ..motion import LANDMARK_COUNT, Motion
from ..skeleton import BETA_COUNT, INDEX, JOINT_COUNT
from ..soles import sole_points
from .smpl_result import Floats, SmplResult, guessed_camera, no_boxes

#: So much of a motion may lie below the floor: feet sink in where bodies differ, and markers are lost.
BELOW_FLOOR_PERCENT = 2.0
#: Where a file tells of no camera, one looks at the person from here: metres before the first place, and up.
_CAMERA_BEFORE_M = 4.0
_CAMERA_UP_M = 1.0
_PICTURE = (1920, 1080)


@dataclass(frozen=True, eq=False)
class Wearer:
    """The body that motions are put on.

    Attributes:
        body: it.
        has_smpl_shapes: whether files' betas are this body's: it is a licensed SMPL file. Else betas are zero.
    """

    body: Body
    has_smpl_shapes: bool

    def betas(self, result: SmplResult) -> Floats:
        return result.betas if self.has_smpl_shapes else np.zeros(BETA_COUNT)


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where a motion comes from: the layout, the file's name and sha256, and the person's number in it."""

    source: str
    file: tuple[str, str]
    person: int = 0


def place_result(result: SmplResult, wearer: Wearer, file: tuple[str, str]) -> Motion:
    """A person of a file of SMPL's parameters.

    The floor is at z = 0: where the file has it there and the body is the file's, nothing is moved; else the path is
    moved up or down until the lowest joints stand on it.
    """
    betas = wearer.betas(result)
    rest_joints = wearer.body.rest_joints(betas)
    at_rest = rest_joints[0] if result.pelvis_at_rest is None else result.pelvis_at_rest
    local = result.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(result.world_from_file), local[:, 0])
    pelvis = (result.trans + at_rest) @ result.world_from_file.T
    fits = wearer.has_smpl_shapes and result.pelvis_at_rest is None
    if not (result.is_on_floor and fits):
        pelvis = pelvis - [0, 0, _floor_below(local, pelvis, rest_joints, wearer.body, betas)]
    provenance = Provenance(result.source, file, result.person)
    if result.filming is None:
        return _motion(SmplPose(local, pelvis), wearer.body, betas, result.times_s, result.frame_rate, provenance)
    filming = result.filming
    turn = rotations.multiply(local[:, 0], rotations.conjugate(filming.orientation))
    cameras = np.tile(np.eye(4), (len(pelvis), 1, 1))
    cameras[:, :3, :3] = rotations.to_matrix(turn)
    cameras[:, :3, 3] = pelvis - rotations.rotate(turn, filming.trans + at_rest)
    return _motion(
        SmplPose(local, pelvis),
        wearer.body,
        betas,
        result.times_s,
        result.frame_rate,
        provenance,
        _Camera(filming.K, filming.image_size, cameras, filming.boxes),
    )


def place_pose(pose: SmplPose, body: Body, frame_rate: float, provenance: Provenance) -> Motion:
    """A pose that was carried over from another skeleton: onto the body of mean shape, its feet on the floor."""
    betas = np.zeros(BETA_COUNT)
    rest_joints = body.rest_joints(betas)
    floor = _floor_below(pose.local_rotations, pose.pelvis, rest_joints, body, betas)
    standing = SmplPose(pose.local_rotations, pose.pelvis - np.array([0, 0, floor]))
    return _motion(standing, body, betas, np.arange(len(pose.pelvis)) / frame_rate, frame_rate, provenance)


@dataclass(frozen=True, eq=False)
class _Camera:
    """(3, 3), (2,), (T, 4, 4), (T, 4) as a Motion has them."""

    K: Floats
    image_size: NDArray[np.int64]
    world_from_camera: Floats
    boxes: Floats


def _camera_before(pelvis: Floats) -> _Camera:
    camera = np.eye(4)
    camera[:3, :3] = WORLD_FROM_LEVEL_CAMERA
    camera[:3, 3] = (pelvis[0, 0], pelvis[0, 1] - _CAMERA_BEFORE_M, _CAMERA_UP_M)
    frames = len(pelvis)
    return _Camera(guessed_camera(*_PICTURE), np.array(_PICTURE), np.tile(camera, (frames, 1, 1)), no_boxes(frames))


def _floor_below(local: Floats, pelvis: Floats, rest_joints: Floats, body: Body, betas: Floats) -> float:
    """World z of the floor, metres: below the lowest joints by what lies between the toes' joint and the sole."""
    _, places = kinematics.forward_kinematics(local, rest_joints, pelvis - rest_joints[0])
    toes = [INDEX["left_foot"], INDEX["right_foot"]]
    thickness = float(rest_joints[toes, 1].mean() - body.vertices_rest(betas)[:, 1].min())
    return float(np.percentile(places[:, :, 2].min(axis=1), BELOW_FLOOR_PERCENT)) - thickness


def _motion(
    pose: SmplPose,
    body: Body,
    betas: Floats,
    times_s: Floats,
    frame_rate: float,
    provenance: Provenance,
    camera: _Camera | None = None,
) -> Motion:
    rest_joints = body.rest_joints(betas)
    trans = pose.pelvis - rest_joints[0]
    turned, joints = kinematics.forward_kinematics(pose.local_rotations, rest_joints, trans)
    frames, everywhere = len(trans), np.ones(len(trans), dtype=np.bool_)
    soles = sole_points(turned, joints, rest_joints)
    # one camera sees depth less well than the picture's plane; where none is told of, motion was measured all round
    sight = np.zeros(3) if camera is None else lines_of_sight(soles, camera.world_from_camera[:, :3, 3])
    camera = camera or _camera_before(pose.pelvis)
    return Motion(
        poses=rotations.log(pose.local_rotations).reshape(frames, JOINT_COUNT * 3),
        trans=trans,
        betas=betas,
        rest_joints=rest_joints,
        mocap_framerate=frame_rate,
        timestamps_s=times_s,
        joints_world=joints,
        confidence=np.ones((frames, JOINT_COUNT)),
        contacts=contact_probabilities(soles, times_s, everywhere, sight),
        image_size=camera.image_size,
        K=camera.K,
        world_from_camera=camera.world_from_camera,
        landmarks2d=np.full((frames, LANDMARK_COUNT, 3), np.nan),
        boxes=camera.boxes,
        observed=everywhere,
        person=provenance.person,
        model=provenance.source,
        body=body.name,
        gender=body.gender,
        footage=provenance.file,
    )
