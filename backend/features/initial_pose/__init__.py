"""Pose without a network: a body fitted to the landmarks of every frame, all frames of a clip at once.

A maximum a-posteriori fit (in the manner of SMPLify, Bogo et al. 2016, and of its successors over time): the landmarks
in the picture are the evidence, BlazePose's own 3D is weak evidence of what the picture cannot tell, and beside them
stand what is known of bodies: one shape for each person, how far joints bend, and how fast limbs and bodies change
their speed. The last term is physical and set wide, so that it decides only where the evidence is silent (depth, hidden
limbs, gaps); it does not smooth what was seen.
"""

from .body_in_camera import BodyInCamera, confidence
from .first_pose import tell_place
from .fit import solve
from .settings import FitSettings

__all__ = ["BodyInCamera", "FitSettings", "confidence", "solve", "tell_place"]
