"""The clip of the demo: the embedded body, dressed in plain colours, performing before a standing camera."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.encoding import VideoWriter
from backend.rendering import SKIN, Camera, Floor, MeshRenderer, Surface
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body, skin
from smpl_rig.skeleton import BETA_COUNT, INDEX

from .choreography import Performance

Floats = NDArray[np.floating[Any]]

_SHIRT, _SHORTS, _HAIR = (0.25, 0.42, 0.62), (0.22, 0.22, 0.26), (0.20, 0.14, 0.10)


@dataclass(frozen=True, eq=False)
class RenderedClip:
    """Footage whose truth is known."""

    path: Path
    performance: Performance
    camera: Camera


def demo_camera(width: int = 1280, height: int = 720) -> Camera:
    """Stands 4.6 m before the middle, 1.35 m high, and looks down by four degrees."""
    pose = np.eye(4)
    pitch = rotations.to_matrix(rotations.exp(np.array([np.radians(-4), 0, 0])))
    pose[:3, :3] = pitch @ WORLD_FROM_LEVEL_CAMERA
    pose[:3, 3] = (0.05, -4.6, 1.35)
    focal = float(np.hypot(width, height))
    return Camera(np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]]), pose, width, height)


def clothing(body: Body) -> Floats:
    """(V, 3) RGB: shirt, shorts and hair by the joints that move each vertex, so that front and back differ."""
    owner = body.weights.argmax(axis=1)
    colours = np.tile(np.array(SKIN), (len(owner), 1))
    trunk = [INDEX[name] for name in ("spine1", "spine2", "spine3", "left_collar", "right_collar")]
    trunk += [INDEX["left_shoulder"], INDEX["right_shoulder"]]
    colours[np.isin(owner, trunk)] = _SHIRT
    colours[np.isin(owner, [INDEX["pelvis"], INDEX["left_hip"], INDEX["right_hip"]])] = _SHORTS
    head = owner == INDEX["head"]
    _, up, forward = (body.v_template - body.rest_joints(np.zeros(BETA_COUNT))[INDEX["head"]]).T
    colours[head & ((forward < -0.01) & (up > -0.02) | (up > 0.12))] = _HAIR
    return colours


def render_clip(
    path: str | os.PathLike[str],
    body: Body,
    betas: Floats,
    performance: Performance,
    camera: Camera,
    frame_rate: Fraction,
    progress: Callable[[float], None],
) -> None:
    """Writes the performance as an MP4."""
    renderer = MeshRenderer(camera, [Surface(body.f, clothing(body))], Floor())
    count = len(performance.timestamps_s)
    with VideoWriter(path, frame_rate) as writer:
        for frame in range(count):
            now = slice(frame, frame + 1)
            vertices = skin(body, betas, performance.local_rotations[now], performance.trans[now])[0]
            writer.add(renderer.render([vertices]))
            progress((frame + 1) / count)
