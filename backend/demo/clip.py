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
from backend.rendering import SKIN, Camera, Colour, Floor, MeshRenderer, Surface
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.body import Body, skin
from smpl_rig.skeleton import BETA_COUNT, INDEX

from .choreography import Performance

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Outfit:
    """Colours, RGB, 0 to 1; sleeves and trouser legs that are not worn have the skin's."""

    skin: Colour = SKIN
    hair: Colour = (0.20, 0.14, 0.10)
    shirt: Colour = (0.25, 0.42, 0.62)
    sleeves: Colour = SKIN
    shorts: Colour = (0.22, 0.22, 0.26)
    trouser_legs: Colour = SKIN
    shoes: Colour = SKIN


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


def clothing(body: Body, outfit: Outfit = Outfit()) -> Floats:
    """(V, 3) RGB: clothes and hair by the joints that move each vertex, so that front and back differ."""
    owner = body.weights.argmax(axis=1)
    colours = np.tile(np.array(outfit.skin), (len(owner), 1))
    for colour, worn_by in (
        (outfit.shirt, ("spine1", "spine2", "spine3", *_both("collar"), *_both("shoulder"))),
        (outfit.sleeves, _both("elbow")),
        (outfit.shorts, ("pelvis", *_both("hip"))),
        (outfit.trouser_legs, _both("knee")),
        (outfit.shoes, (*_both("ankle"), *_both("foot"))),
    ):
        colours[np.isin(owner, [INDEX[name] for name in worn_by])] = colour
    head = owner == INDEX["head"]
    _, up, forward = (body.v_template - body.rest_joints(np.zeros(BETA_COUNT))[INDEX["head"]]).T
    colours[head & ((forward < -0.01) & (up > -0.02) | (up > 0.12))] = outfit.hair
    return colours


def _both(joint: str) -> tuple[str, str]:
    return f"left_{joint}", f"right_{joint}"


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
