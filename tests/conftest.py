"""What many tests need: a Motion with truth known by construction."""

import os
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import settings

from smpl_rig import kinematics, rotations
from smpl_rig.axes import WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from smpl_rig.motion import Motion
from smpl_rig.skeleton import INDEX

# how long an example takes says more of the machine than of the code; a build server tries the same ones every time
settings.register_profile("limber", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("limber")

#: A plain adult T-pose in the body frame (Y up, facing +Z, left towards +X), metres.
_REST = {
    "pelvis": (0, 0, 0),
    "left_hip": (0.08, -0.09, 0),
    "spine1": (0, 0.11, -0.02),
    "left_knee": (0.1, -0.48, 0),
    "spine2": (0, 0.24, 0),
    "left_ankle": (0.09, -0.89, -0.03),
    "spine3": (0, 0.3, 0),
    "left_foot": (0.11, -0.95, 0.09),
    "neck": (0, 0.51, -0.03),
    "left_collar": (0.08, 0.42, -0.02),
    "head": (0, 0.6, 0.02),
    "left_shoulder": (0.19, 0.45, -0.03),
    "left_elbow": (0.45, 0.44, -0.06),
    "left_wrist": (0.7, 0.45, -0.06),
    "left_hand": (0.79, 0.44, -0.06),
}


def plain_adult() -> np.ndarray:
    """(24, 3) metres, body frame."""
    joints = np.zeros((24, 3))
    for name, place in _REST.items():
        joints[INDEX[name]] = place
        if name.startswith("left_"):
            joints[INDEX[name.replace("left_", "right_")]] = place * np.array([-1, 1, 1])
    return joints


@pytest.fixture(scope="session")
def rest_joints() -> np.ndarray:
    """(24, 3) metres, body frame."""
    return plain_adult()


@pytest.fixture(scope="session")
def make_motion(rest_joints: np.ndarray) -> Callable[..., Motion]:
    """A smooth motion of every joint, 3 m in front of a level camera that stands 1 m above the floor."""

    def make(
        frames: int = 60, frame_rate: float = 30.0, noise_rad: float = 0.0, seed: int = 0, speed: float = 2.0
    ) -> Motion:
        random = np.random.default_rng(seed)
        times = np.arange(frames) / frame_rate
        phase, amplitude = random.uniform(0, 6, (24, 3)), random.uniform(0.05, 0.35, (24, 3))
        vectors = amplitude * np.sin(speed * times[:, None, None] + phase)
        vectors += noise_rad * random.normal(size=vectors.shape)
        local = rotations.exp(vectors)
        local[:, 0] = rotations.multiply(rotations.from_matrix(WORLD_FROM_BODY), local[:, 0])
        path = np.stack((0.4 * np.sin(times), 0.2 * np.cos(times), 0.95 + 0.02 * np.sin(5 * times)), axis=-1)
        _, joints = kinematics.forward_kinematics(local, rest_joints, path - rest_joints[0])
        camera = np.eye(4)
        camera[:3, :3], camera[:3, 3] = WORLD_FROM_LEVEL_CAMERA, (0, -3, 1)
        in_camera = (joints - camera[:3, 3]) @ camera[:3, :3]  # (T, 24, 3)
        intrinsics = np.array([[1000, 0, 640], [0, 1000, 360], [0, 0, 1.0]])
        pixels = (in_camera / in_camera[..., 2:]) @ intrinsics.T
        landmarks = np.ones((frames, 33, 3))
        landmarks[:, :24, :2] = pixels[..., :2]
        landmarks[:, 24:, :2] = pixels[:, :1, :2]
        low, high = landmarks[..., :2].min(axis=1), landmarks[..., :2].max(axis=1)
        return Motion(
            poses=rotations.log(local).reshape(frames, 72),
            trans=path - rest_joints[0],
            betas=np.zeros(10),
            rest_joints=rest_joints,
            mocap_framerate=frame_rate,
            timestamps_s=times,
            joints_world=joints,
            confidence=np.ones((frames, 24)),
            contacts=np.zeros((frames, 4)),
            image_size=np.array([1280, 720]),
            K=intrinsics,
            world_from_camera=np.tile(camera, (frames, 1, 1)),
            landmarks2d=landmarks,
            boxes=np.concatenate((low, high - low), axis=-1),
            observed=np.ones(frames, dtype=bool),
            model="authored",
            body="plain",
            footage=("authored.mp4", "0" * 64),
        )

    return make
