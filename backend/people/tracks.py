"""What is known of one person over time before any body is fitted."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

LANDMARK_COUNT = 33
#: BlazePose's order.
LANDMARK_NAMES: tuple[str, ...] = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
LANDMARK_INDEX: dict[str, int] = {name: index for index, name in enumerate(LANDMARK_NAMES)}
#: Parts of the body whose left and right are taken for each other together.
PARTS: dict[str, tuple[str, ...]] = {
    "shoulders": ("shoulder",),
    "arms": ("elbow", "wrist", "pinky", "index", "thumb"),
    "hips": ("hip",),
    "legs": ("knee", "ankle", "heel", "foot_index"),
}
#: (L,) the landmarks of each part, each left one before its right one.
PART_LANDMARKS: dict[str, NDArray[np.intp]] = {
    part: np.array([LANDMARK_INDEX[f"{side}_{name}"] for name in names for side in ("left", "right")])
    for part, names in PARTS.items()
}
_OTHER_SIDE = {"left": "right", "right": "left"}
#: Where each landmark's counterpart on the other side of the body stands; the nose is its own.
LANDMARK_MIRROR: tuple[int, ...] = tuple(
    LANDMARK_INDEX["_".join(_OTHER_SIDE.get(word, word) for word in name.split("_"))] for name in LANDMARK_NAMES
)
#: The corners of the trunk.
TRUNK = tuple(LANDMARK_INDEX[name] for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))


@dataclass(frozen=True, eq=False)
class Track:
    """One person from the first to the last frame in which they were seen.

    Attributes:
        person: number, 0 for the one who fills most of the footage.
        frames: (T,) contiguous indices of the frames that were read.
        timestamps_s: (T,) seconds.
        landmarks2d: (T, 33, 3) pixel x, pixel y, visibility in [0, 1]; NaN, NaN, 0 where not observed.
        landmarks3d: (T, 33, 3) BlazePose's own 3D: metres, camera axes (x right, y down, z forward), the middle of the
            hips at the origin; NaN where not observed.
        boxes: (T, 4) pixel x, y, width, height about the landmarks; NaN where not observed.
        observed: (T,) bool.
        exchanged: (T, 4) bool, of which ``PARTS`` the detector takes left for right when it looks into a mirror; None
            where it did not look.
    """

    person: int
    frames: NDArray[np.int64]
    timestamps_s: NDArray[np.float64]
    landmarks2d: NDArray[np.floating[Any]]
    landmarks3d: NDArray[np.floating[Any]]
    boxes: NDArray[np.floating[Any]]
    observed: NDArray[np.bool_]
    exchanged: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def of_frames(self, chosen: slice | NDArray[np.intp]) -> Track:
        """A track of some of its frames, in the order of ``chosen``."""
        by_frame: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        del by_frame["person"]
        cut = {name: values[chosen] for name, values in by_frame.items() if values is not None}
        return Track(self.person, **cut)

    @property
    def heights_px(self) -> NDArray[np.floating[Any]]:
        """(T,) how large the person is in the picture: the longer side of the box, at least 1; 1 where not observed."""
        longer: NDArray[np.floating[Any]] = np.nan_to_num(self.boxes[:, 2:].max(axis=1), nan=1.0).clip(1.0)
        return longer
