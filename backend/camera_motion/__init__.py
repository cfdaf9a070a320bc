"""How the footage's camera turned, told by what is seen behind the people."""

from .turning import CameraMotion
from .watch import CameraWatch

__all__ = ["CameraMotion", "CameraWatch"]
