"""A rendered clip with exact truth, made once for all tests that need footage of a person."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.body import TorchBody, limber_body
from backend.demo.__main__ import BETAS
from backend.demo.choreography import perform
from backend.demo.clip import RenderedClip, demo_camera, render_clip
from backend.encoding import VideoWriter
from smpl_rig.body import Body

# tests run side by side: each on one thread is faster by far than all on all
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def body() -> Body:
    return limber_body()


@pytest.fixture(scope="session")
def torch_body(body: Body) -> TorchBody:
    return TorchBody(body)


@pytest.fixture(scope="session")
def rendered_clip(body: Body, tmp_path_factory: pytest.TempPathFactory) -> RenderedClip:
    path = tmp_path_factory.mktemp("footage") / "performance.mp4"
    performance, camera = perform(body.rest_joints(BETAS), 30.0), demo_camera()
    render_clip(path, body, BETAS, performance, camera, Fraction(30), lambda _fraction: None)
    return RenderedClip(path, performance, camera)


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Grey frames that brighten, with nobody in them."""

    def make(frames: int = 12, width: int = 160, height: int = 120, rate: Fraction = Fraction(30)) -> Path:
        path = tmp_path_factory.mktemp("footage") / "grey.mp4"
        with VideoWriter(path, rate) as writer:
            for index in range(frames):
                writer.add(np.full((height, width, 3), 40 + 5 * index, dtype=np.uint8))
        return path

    return make
