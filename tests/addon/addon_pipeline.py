"""A pipeline without footage, for a real server: the footage's bytes are JSON that says what is to come of it.

``{"people": 2, "steps": 5, "seconds": 0.1, "error": "..."}``; each person swings for 61 frames.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from backend.body import limber_body
from backend.server.capture_files import write_motions
from backend.server.models import CaptureRequest
from backend.server.worker import Outcome, Progress
from smpl_rig import kinematics, rotations
from smpl_rig.axes import WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body, load_body
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion

FRAMES = 61


def describe() -> str:
    return "cpu"


def run(footage: Path, request: CaptureRequest, folder: Path, progress: Progress) -> Outcome:
    script: dict[str, Any] = json.loads(footage.read_bytes())
    people, steps = script.get("people", 1), script.get("steps", 3)
    for step in range(steps):
        progress("people", step / steps, people)
        time.sleep(script.get("seconds", 0.0))
    if "error" in script:
        raise LimberError(script["error"])
    # what was asked for comes back, for the tests to read
    asked = request.model_dump_json(exclude={"footage"})
    body = load_body(request.body) if request.body else limber_body()
    motions = [swinging(person, footage.name, body) for person in range(people)]
    return Outcome(
        write_motions(folder, motions, {}), [*script.get("warnings", []), *([asked] if script.get("echo") else [])]
    )


def swinging(person: int, footage: str, body: Body) -> Motion:
    """A body that swings its limbs, shaking; 3 m in front of a level camera."""
    rest_joints = body.rest_joints(np.zeros(10)).astype(np.float64)
    random = np.random.default_rng(person)
    times = np.arange(FRAMES) / 30
    vectors = 0.3 * np.sin(2 * times[:, None, None] + random.uniform(0, 6, (24, 3)))
    vectors += 0.05 * random.normal(size=vectors.shape)
    local = rotations.exp(vectors)
    local[:, 0] = rotations.multiply(rotations.from_matrix(WORLD_FROM_BODY), local[:, 0])
    trans = np.tile([person - rest_joints[0, 0], -rest_joints[0, 1], 1.0], (FRAMES, 1))
    _, joints = kinematics.forward_kinematics(local, rest_joints, trans)
    camera = np.eye(4)
    camera[:3, :3], camera[:3, 3] = WORLD_FROM_LEVEL_CAMERA, (0, -3, 1)
    return Motion(
        poses=rotations.log(local).reshape(FRAMES, 72),
        trans=trans,
        betas=np.zeros(10),
        rest_joints=rest_joints,
        mocap_framerate=30.0,
        timestamps_s=times,
        joints_world=joints,
        confidence=np.full((FRAMES, 24), 0.5),
        contacts=np.zeros((FRAMES, 4)),
        image_size=np.array([1280, 720]),
        K=np.array([[1000, 0, 640], [0, 1000, 360], [0, 0, 1]]),
        world_from_camera=np.tile(camera, (FRAMES, 1, 1)),
        landmarks2d=np.zeros((FRAMES, 33, 3)),
        boxes=np.zeros((FRAMES, 4)),
        observed=np.ones(FRAMES, dtype=bool),
        person=person,
        model="synthetic",
        body=body.name,
        footage=(footage, "0" * 64),
    )
