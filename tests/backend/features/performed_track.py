"""What a detector without errors sees of a performance whose every joint is known."""

import numpy as np

from backend.demo.choreography import Performance
from backend.features.landmark_points import landmark_points
from backend.people.tracks import Track
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body
from smpl_rig.kinematics import forward_kinematics

#: The camera, pixels, and where it stands, level and looking along +Y.
K = np.array([[1000.0, 0, 640], [0, 1000, 360], [0, 0, 1]])
STANDS = np.array([0.0, -4.5, 1.2])


def in_camera(world: np.ndarray) -> np.ndarray:
    """(..., 3) metres, from the world's axes to the camera's."""
    return (world - STANDS) @ WORLD_FROM_LEVEL_CAMERA


def performed_track(body: Body, betas: np.ndarray, truth: Performance) -> Track:
    """Landmarks of a body of shape (10,) that performs."""
    points, rest_joints = landmark_points(body), body.rest_joints(betas)
    turned, places = forward_kinematics(truth.local_rotations, rest_joints, truth.trans)
    matrices = rotations.to_matrix(turned)
    moved = places - np.einsum("tjab,jb->tja", matrices, rest_joints)
    blended = np.einsum("lj,tjab->tlab", points.weights, matrices)
    at_rest = points.template + points.shapedirs @ betas
    world = np.einsum("tlab,lb->tla", blended, at_rest) + np.einsum("lj,tja->tla", points.weights, moved)
    seen = in_camera(world)
    pixels = seen @ K.T
    landmarks = np.concatenate((pixels[..., :2] / pixels[..., 2:], np.ones((*pixels.shape[:2], 1))), axis=-1)
    hips = seen[:, [23, 24]].mean(axis=1, keepdims=True)
    low, high = landmarks[..., :2].min(axis=1), landmarks[..., :2].max(axis=1)
    count = len(landmarks)
    boxes = np.concatenate((low, high - low), axis=-1)
    return Track(0, np.arange(count), truth.timestamps_s, landmarks, seen - hips, boxes, np.ones(count, dtype=bool))
