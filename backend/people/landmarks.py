"""BlazePose's landmark model on LiteRT, one person in a rotated region (constants from mediapipe's landmark graphs)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import model_files
from .regions import Region, region_about, turn
from .tracks import LANDMARK_COUNT

INPUT_SIZE = 256
#: Beside the 33 landmarks the model gives auxiliary ones; these two span the region of the next frame.
_MODEL_POINTS = 39
_HIPS, _RIM = 33, 34
_KERNEL_RADIUS = 3
_MIN_HEATMAP_CONFIDENCE = 0.5


@dataclass(frozen=True, eq=False)
class Landmarks:
    """One person in one frame.

    Attributes:
        presence: probability in [0, 1] that a person is in the region.
        image: (33, 3) pixel x, pixel y, visibility in [0, 1].
        world: (33, 3) metres, camera axes (x right, y down, z forward), the middle of the hips at the origin.
        next_region: where to look in the next frame.
    """

    presence: float
    image: NDArray[np.float64]
    world: NDArray[np.float64]
    next_region: Region

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x, y, width, height about the landmarks."""
        low, high = self.image[:, :2].min(axis=0), self.image[:, :2].max(axis=0)
        return np.concatenate((low, high - low))


class LandmarkModel:
    """Finds the 33 landmarks of the person in a region."""

    def __init__(self, threads: int) -> None:
        self._interpreter = model_files.interpreter(model_files.LANDMARKS, threads)
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        by_shape = {tuple(output["shape"]): output["index"] for output in self._interpreter.get_output_details()}
        self._points = by_shape[1, _MODEL_POINTS * 5]
        self._presence = by_shape[1, 1]
        self._heatmaps = by_shape[1, 64, 64, _MODEL_POINTS]
        self._world = by_shape[1, _MODEL_POINTS * 3]

    def find(self, image: NDArray[np.uint8], region: Region) -> Landmarks:
        """(H, W, 3) RGB and where to look -> landmarks in pixels of the image."""
        crop = region.crop(image, INPUT_SIZE).astype(np.float32)[None] / np.float32(255)
        self._interpreter.set_tensor(self._input, crop)
        self._interpreter.invoke()
        points = self._interpreter.get_tensor(self._points).reshape(_MODEL_POINTS, 5).astype(np.float64)
        places = refine(points[:, :2] / INPUT_SIZE, self._interpreter.get_tensor(self._heatmaps)[0])
        pixels = region.to_picture(places)
        world = self._interpreter.get_tensor(self._world).reshape(_MODEL_POINTS, 3)[:LANDMARK_COUNT].astype(np.float64)
        return Landmarks(
            presence=float(self._interpreter.get_tensor(self._presence)[0, 0]),
            image=np.concatenate((pixels, _sigmoid(points[:, 3:4])), axis=-1)[:LANDMARK_COUNT],
            world=np.concatenate((turn(world[:, :2], region.angle), world[:, 2:]), axis=-1),
            next_region=region_about(pixels[_HIPS], pixels[_RIM]),
        )


def refine(places: NDArray[Any], heatmaps: NDArray[Any]) -> NDArray[Any]:
    """Moves (N, 2) places, axes 0 to 1, to the centre of mass of the (H, W, N) heatmap about them, where it is sure."""
    height, width, _ = heatmaps.shape
    refined = places.copy()
    for index, (x, y) in enumerate(places):
        column, row = int(x * width), int(y * height)
        if not (0 <= column < width and 0 <= row < height):
            continue
        rows = np.arange(max(row - _KERNEL_RADIUS, 0), min(row + _KERNEL_RADIUS + 1, height))
        columns = np.arange(max(column - _KERNEL_RADIUS, 0), min(column + _KERNEL_RADIUS + 1, width))
        confidence = _sigmoid(heatmaps[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, index].astype(np.float64))
        if confidence.max() >= _MIN_HEATMAP_CONFIDENCE:
            total = confidence.sum()
            refined[index] = (confidence.sum(axis=0) @ columns / width, confidence.sum(axis=1) @ rows / height) / total
    return refined


def _sigmoid(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))))
