"""From the camera's axes to the world: the camera, which way is up, the floor, and what touches it."""

from .camera import CameraError, intrinsics
from .world import Placed, place, place_before_moving_camera

__all__ = ["CameraError", "Placed", "intrinsics", "place", "place_before_moving_camera"]
