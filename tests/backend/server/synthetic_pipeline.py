"""A pipeline without footage: the uploaded bytes are JSON that says how it is to behave.

``{"do": "walk", "steps": 5, "seconds": 0.1, "people": 2}`` reports progress and finishes; the other doings are below.
"""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from backend.server.capture_files import preview_path, thumbnail_path, write_motions
from backend.server.models import CaptureRequest
from backend.server.worker import Outcome, Progress
from smpl_rig.errors import LimberError
from smpl_rig.motion import Motion


def describe() -> str:
    return "cpu"


def run(footage: Path, request: CaptureRequest, folder: Path, progress: Progress) -> Outcome:
    script = _script(footage)
    print("a library's chatter, which must not be taken for a message")
    (folder / "half-written.part").write_bytes(b"left by whoever is killed")
    progress("people", 0.0, 0)
    match script.get("do", "walk"):
        case "busy":  # holds the interpreter's lock in C, for ever: no progress, no signals, no other thread
            re.match(r"(a+)+$", "a" * 64 + "b")
        case "sleep":
            time.sleep(600)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "out-of-memory-kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(7)
        case "memory-error":
            raise MemoryError
        case "user-error":
            raise LimberError("clip.mp4 has no video in it. Choose footage with a picture.")
        case "mistake":
            raise ZeroDivisionError("division by zero")
    steps, people = int(script.get("steps", 3)), int(script.get("people", 1))
    for step in range(steps):
        time.sleep(script.get("seconds", 0.0))
        progress("people", (step + 1) / steps, people)
    (folder / "half-written.part").unlink()
    for person in range(people):
        thumbnail_path(folder, person).write_bytes(b"\xff\xd8\xff a picture")
    if request.preview:
        preview_path(folder).write_bytes(b"a film")
    written = write_motions(folder, [_standing(person) for person in range(people)], {"worker": os.getpid()})
    return Outcome(written, ["synthetic"])


def _script(footage: Path) -> dict[str, Any]:
    """Bytes that are no script, such as a fuzzer's, ask for the shortest walk."""
    try:
        script = json.loads(footage.read_bytes())
    except (ValueError, OSError):
        return {}
    return script if isinstance(script, dict) else {}


def _standing(person: int) -> Motion:
    return Motion(
        poses=np.zeros((4, 72)),
        trans=np.zeros((4, 3)),
        betas=np.zeros(10),
        rest_joints=np.zeros((24, 3)),
        mocap_framerate=30.0,
        timestamps_s=np.arange(4) / 30,
        joints_world=np.zeros((4, 24, 3)),
        confidence=np.ones((4, 24)),
        contacts=np.zeros((4, 4)),
        image_size=np.array([64, 48]),
        K=np.eye(3),
        world_from_camera=np.tile(np.eye(4), (4, 1, 1)),
        landmarks2d=np.zeros((4, 33, 3)),
        boxes=np.zeros((4, 4)),
        observed=np.array([True, True, True, False]),
        person=person,
        model="synthetic",
        body="limber",
        footage=("clip.mp4", "0" * 64),
    )
