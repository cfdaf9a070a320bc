"""From the camera's axes to the world: the camera, which way is up, the floor, and what touches it."""

from .camera import CameraError, intrinsics
from .moving_camera import moving_camera_path, turning_camera_path
from .person_seen import PersonSeen
from .shared_world import on_shared_floor, shared_rotation
from .world import CameraPath, Placed, camera_stays, place

__all__ = [
    "CameraError",
    "CameraPath",
    "PersonSeen",
    "Placed",
    "camera_stays",
    "intrinsics",
    "moving_camera_path",
    "on_shared_floor",
    "place",
    "shared_rotation",
    "turning_camera_path",
]
