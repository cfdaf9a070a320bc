"""From the camera's axes to the world: the camera, which way is up, the floor, and what touches it."""

from .camera import CameraError, intrinsics
from .moving_camera import moving_camera_path
from .world import Placed, camera_stays, place

__all__ = ["CameraError", "Placed", "camera_stays", "intrinsics", "moving_camera_path", "place"]
