"""Scenes to film: a body of some shape and dress moves before some camera and background, all drawn at random."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from backend.demo.choreography import perform
from backend.demo.clip import Outfit
from backend.rendering import Camera, Colour, Image
from backend.training.cameras import CameraVariety, draw_cameras
from backend.training.variety import UNSTRETCHED_MOTION, Clips, draw_motion
from smpl_rig import rotations
from smpl_rig.body import Body, skin
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import BETA_COUNT, INDEX

Floats = NDArray[np.floating[Any]]

FRAME_RATE = 30
#: One scene in so many shows the authored motion, whose feet are planted exactly.
AUTHORED_EVERY = 5
#: Library motion as it is, in all directions.
MOTIONS = replace(
    UNSTRETCHED_MOTION,
    usual_rates=(FRAME_RATE, FRAME_RATE),
    rates=(FRAME_RATE, FRAME_RATE),
    speed=(0.9, 1.1),
    low=0.1,
)
#: Cameras that stand still, most of them level, and see the whole person.
CAMERAS = CameraVariety(
    fov_deg=(38.0, 65.0),
    person_in_image=(0.35, 0.85),
    pitch_deg=(7.0, 25.0),
    roll_deg=(5.0, 12.0),
    rolled=0.2,
    off_centre=0.25,
    handheld=0.0,
    following=0.0,
    image_sizes=((1280, 720), (960, 540), (720, 1280), (640, 480)),
)
#: People film from between these heights.
CAMERA_HEIGHT_M = (0.3, 3.0)
#: So much of all joints, over all frames, must lie in the picture.
VISIBLE_PART = 0.97
_MOST_TRIES = 50
_SKINS: tuple[Colour, ...] = ((0.87, 0.70, 0.60), (0.80, 0.62, 0.52), (0.62, 0.44, 0.34), (0.42, 0.28, 0.21))


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a film shows, and the truth about it.

    Attributes:
        betas: (10,) shape.
        local_rotations: (T, 24, 4) unit quaternions, the pelvis's in the world.
        trans: (T, 3) metres; the pelvis lies at ``rest_joints[0] + trans``. The lowest vertex touches z = 0.
        joints_world: (T, 24, 3) metres.
        planted: (T, 2) whether the left and the right foot stand still; None where that is not known exactly.
        camera: stands still.
        outfit: what the body wears.
        floor: its colour.
        background: (H, W, 3) picture, seen where neither body nor floor is.
    """

    betas: Floats
    local_rotations: Floats
    trans: Floats
    joints_world: Floats
    planted: NDArray[np.bool_] | None
    camera: Camera
    outfit: Outfit
    floor: Colour
    background: Image


def draw_scene(body: Body, clips: Clips | None, seed: int, number: int, frames: int) -> Scene:
    """The same seed and number draw the same scene.

    Args:
        body: who moves.
        clips: a library of motion; without it, every scene shows the authored motion.
        seed: of the collection.
        number: of the scene in it.
        frames: how long, at ``FRAME_RATE``; the authored motion has its own length.
    """
    random = np.random.default_rng((seed, number))
    generator = torch.Generator().manual_seed(int(random.integers(2**31)))
    betas = random.normal(size=BETA_COUNT).clip(-2, 2)
    for _ in range(_MOST_TRIES):
        if clips is None or number % AUTHORED_EVERY == 0:
            local, trans, planted = _authored(body, betas, random)
        else:
            local, trans = _from_library(body, betas, clips, frames, generator)
            planted = None
        trans = _grounded(body, betas, local, trans)
        _, joints = forward_kinematics(local, body.rest_joints(betas), trans)
        camera = _draw_camera(joints[:, 0], generator)
        if _sees_them(camera, joints):
            break
    outfit, floor = _draw_outfit(random), _colour(random, 0.2, 0.7)
    return Scene(betas, local, trans, joints, planted, camera, outfit, floor, _draw_background(camera, random))


def _authored(body: Body, betas: Floats, random: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The demo's motion, turned to any side."""
    rest = body.rest_joints(betas)
    performance = perform(rest, FRAME_RATE)
    turn = rotations.exp(np.array([0, 0, random.uniform(-np.pi, np.pi)]))
    local = performance.local_rotations.copy()
    local[:, 0] = rotations.multiply(turn, local[:, 0])
    return local, rotations.rotate(turn, performance.trans + rest[0]) - rest[0], performance.planted


def _from_library(
    body: Body, betas: Floats, clips: Clips, frames: int, generator: torch.Generator
) -> tuple[Floats, Floats]:
    motion = draw_motion(clips, 1, frames, MOTIONS, generator)
    local = rotations.from_matrix(motion.rotations[0].double().numpy())
    rest, usual = body.rest_joints(betas), body.rest_joints(np.zeros(BETA_COUNT))
    path = motion.pelvis[0].double().numpy() * (_leg_length(rest) / _leg_length(usual))
    return rotations.make_continuous(local), path - rest[0]


def _leg_length(rest_joints: Floats) -> float:
    hip, knee, ankle = (rest_joints[INDEX[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    return float(np.linalg.norm(hip - knee) + np.linalg.norm(knee - ankle))


def _grounded(body: Body, betas: Floats, local: Floats, trans: Floats) -> Floats:
    lowest = skin(body, betas, local[::3], trans[::3])[..., 2].min()
    return trans - np.array([0, 0, lowest])


def _draw_camera(pelvis: Floats, generator: torch.Generator) -> Camera:
    path = torch.tensor(pelvis[None], dtype=torch.float32)
    cameras = draw_cameras(path, torch.arange(len(pelvis))[None] / FRAME_RATE, CAMERAS, generator)
    pose = np.eye(4)
    pose[:3, :3] = cameras.camera_from_world[0, 0].double().numpy().T
    pose[:3, 3] = -pose[:3, :3] @ cameras.transl[0, 0].double().numpy()
    width, height = cameras.image_size[0].int().tolist()
    return Camera(cameras.K[0].double().numpy(), pose, width, height)


def _sees_them(camera: Camera, joints: Floats) -> bool:
    low, high = CAMERA_HEIGHT_M
    seen = (joints - camera.world_from_camera[:3, 3]) @ camera.world_from_camera[:3, :3] @ camera.K.T
    pixels = seen[..., :2] / seen[..., 2:].clip(0.1)
    inside = ((pixels > 0) & (pixels < (camera.width, camera.height))).all(axis=-1) & (seen[..., 2] > 0.5)
    return bool(low < camera.world_from_camera[2, 3] < high and inside.mean() > VISIBLE_PART)


def _draw_outfit(random: np.random.Generator) -> Outfit:
    """Shirts and trousers of any colour, with long and short sleeves and legs."""
    bare = _SKINS[random.integers(len(_SKINS))]
    shirt, trousers = _colour(random, 0.05, 0.9), _colour(random, 0.05, 0.7)
    return Outfit(
        skin=bare,
        hair=_colour(random, 0.05, 0.45),
        shirt=shirt,
        sleeves=shirt if random.random() < 0.5 else bare,
        shorts=trousers,
        trouser_legs=trousers if random.random() < 0.6 else bare,
        shoes=_colour(random, 0.05, 0.8) if random.random() < 0.8 else bare,
    )


def _colour(random: np.random.Generator, low: float, high: float) -> Colour:
    """Grey of some brightness, tinted."""
    red, green, blue = (random.uniform(low, high) + random.normal(0, 0.1, 3)).clip(0, 1)
    return float(red), float(green), float(blue)


def _draw_background(camera: Camera, random: np.random.Generator) -> Image:
    """A wall that grows darker towards one side, with some rectangles on it."""
    width, height = camera.width, camera.height
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    part = (across if random.random() < 0.5 else down)[..., None]
    picture = np.array(_colour(random, 0.3, 0.9)) * (1 - part) + np.array(_colour(random, 0.2, 0.8)) * part
    for _ in range(random.integers(0, 8)):
        left, top = random.uniform(-0.1, 0.9, 2) * (width, height)
        wide, high = random.uniform(0.05, 0.4, 2) * (width, height)
        box = slice(max(int(top), 0), int(top + high)), slice(max(int(left), 0), int(left + wide))
        picture[box] = 0.3 * picture[box] + 0.7 * np.array(_colour(random, 0.1, 0.9))
    picture += random.normal(0, 0.02, picture.shape)
    return np.asarray((picture.clip(0, 1) * 255).astype(np.uint8))
