"""Frames of reference, said once.

world   right-handed, Z up, metres, floor at z = 0 (as Blender and AMASS).
body    SMPL's rest frame: right-handed, Y up, facing +Z, left hand towards +X.
camera  OpenCV: x right, y down, z forward; pixels from the top-left corner of the upright frame.

Every change of axes here is a rotation (determinant +1); swapping two coordinates would be a reflection.
"""

import numpy as np
from numpy.typing import NDArray

#: Stands the Y-up body upright in the Z-up world, facing -Y (Blender's front view looks at the face).
WORLD_FROM_BODY: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])

#: A level camera at the origin, looking along world +Y.
WORLD_FROM_LEVEL_CAMERA: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

#: Blender's camera looks along its own -Z with +Y up.
BLENDER_CAMERA_FROM_CAMERA: NDArray[np.float64] = np.diag([1.0, -1.0, -1.0])
