"""How fast examples are drawn and networks learn on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from backend.body import TorchBody, limber_body
from backend.demo.__main__ import BETAS
from backend.demo.choreography import perform
from backend.features.landmark_points import LandmarkSkin, landmark_points
from backend.features.landmarks import LandmarkEncoder
from backend.models.weights import LANDMARK_NETWORKS, build_landmark_network

from .examples import ExampleSource, Variety
from .lessons import EncoderLesson, Lesson, NetworkLesson
from .recipes import ENCODER, RECIPES
from .variety import Clips

#: Clips and frames of a draw that is timed.
DRAWN = (64, 48)


def training_speeds(device: torch.device) -> dict[str, float]:
    """Frames drawn in a second, and steps in a second of each recipe's run, the drawing included."""
    limber = limber_body()
    body = TorchBody(limber).to(device)
    skin = LandmarkSkin(landmark_points(limber)).to(device)
    source = ExampleSource(_clips().to(device), body, skin, Variety(), 0)
    clips, frames = DRAWN
    speeds = {"drawing examples, frames per second": clips * frames / _seconds(lambda: source.draw(clips, frames))}
    lessons: dict[str, Lesson] = {ENCODER: EncoderLesson(LandmarkEncoder(), body)}
    for name in LANDMARK_NETWORKS:
        lessons[name] = NetworkLesson(build_landmark_network(name), name, body, RECIPES[name].frames_out)
    for name, lesson in lessons.items():
        speeds[f"training {name}, steps per second"] = 1 / _seconds(_step(lesson.to(device), name, source))
    return speeds


def _step(lesson: Lesson, name: str, source: ExampleSource) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(lesson.parameters())
    count = RECIPES[name].clips

    def step() -> None:
        optimiser.zero_grad()
        lesson(source.draw(count, lesson.frames, round(lesson.occluded * count))).loss.backward()
        optimiser.step()

    return step


def _clips() -> Clips:
    """The demo's performance, which is always there."""
    performance = perform(limber_body().rest_joints(BETAS), 30.0)
    frames = len(performance.timestamps_s)
    return Clips(
        torch.tensor(performance.local_rotations, dtype=torch.float32),
        torch.tensor(performance.joints_world[:, 0], dtype=torch.float32),
        starts=torch.tensor([0]),
        lengths=torch.tensor([frames]),
        rates=torch.tensor([30.0]),
        low=torch.tensor([0.0]),
    )


def _seconds(action: Callable[[], object], times: int = 3) -> float:
    """Of one run, on average, after one that is not counted."""
    action()
    started = time.perf_counter()
    for _ in range(times):
        action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / times
