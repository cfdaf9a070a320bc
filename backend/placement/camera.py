"""The pinhole camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smpl_rig.errors import LimberError


class CameraError(LimberError):
    """What was said of the camera cannot be."""


def intrinsics(
    image_size: tuple[int, int], fov_deg: float | None = None, focal_px: float | None = None
) -> NDArray[np.float64]:
    """(3, 3) camera matrix in pixels, the principal point in the middle of the picture.

    Where nothing is known of the lens, the focal length is the diagonal of the picture, as in CLIFF (Li et al. 2022,
    sec. 3.2): a diagonal field of view of 53 degrees, near that of many cameras.

    Args:
        image_size: width and height in pixels.
        fov_deg: horizontal field of view.
        focal_px: focal length.

    Raises:
        CameraError: if both are given, or one is out of range.
    """
    width, height = image_size
    if fov_deg is not None and focal_px is not None:
        raise CameraError("Both a field of view and a focal length were given. Give one of them.")
    if fov_deg is not None:
        if not 5 <= fov_deg <= 150:
            raise CameraError(f"The field of view is {fov_deg} degrees. Give one between 5 and 150.")
        focal = width / 2 / np.tan(np.radians(fov_deg) / 2)
    elif focal_px is not None:
        if not 0.2 * width <= focal_px <= 50 * width:
            raise CameraError(f"The focal length is {focal_px} pixels for a picture {width} wide. Give it in pixels.")
        focal = focal_px
    else:
        focal = float(np.hypot(width, height))
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
