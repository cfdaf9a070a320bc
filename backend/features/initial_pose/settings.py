"""How the fit weighs what it knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FitSettings:
    """Deviations that say how much each kind of evidence is believed.

    Attributes:
        image: of landmarks in the picture, as a part of the person's height in it.
        world: of BlazePose's 3D, metres, across and along the line of sight.
        world_weight: how much a landmark of BlazePose's 3D counts beside the same one in the picture.
        usual: of joints from how they usually turn, in the deviations that each joint has of its own.
        angular_acceleration: of joints, rad/s^2.
        acceleration: of the body across and along the line of sight, m/s^2.
        beta: of the shape coefficients.
        iterations: of Adam for the pose; the shape takes half as many.
        frames_at_once: longest stretch that is fitted together.
        overlap: frames by which a stretch reaches into each of its neighbours.
        frames_for_shape: by how many frames, at most, the shape is told.
        guess_joints: of a network's joints from the pelvis, metres.
        guess_rotations: of a network's rotations, radians.
        behind: how far a wrist that the trunk hides lies behind the trunk's middle at least, metres, and how far it may
            be from that.
    """

    image: float = 0.02
    world: tuple[float, float] = (0.15, 0.35)
    world_weight: float = 0.3
    usual: float = 1.4
    angular_acceleration: float = 60.0
    acceleration: tuple[float, float] = (24.0, 12.0)
    beta: float = 1.0
    iterations: int = 200
    frames_at_once: int = 400
    overlap: int = 40
    frames_for_shape: int = 100
    guess_joints: float = 0.11
    guess_rotations: float = 0.42
    behind: tuple[float, float] = (0.12, 0.04)
