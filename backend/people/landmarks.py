"""BlazePose's landmark model on LiteRT, one person in a rotated region (constants from mediapipe's landmark graphs).

It is asked twice, for what it sees and for what a mirror would show, and the mean is taken: its two answers err apart
from each other, mostly in depth. Where they disagree on which side of the body is which, one of them is wrong, and the
first is kept, with word of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .interpreter import interpreter
from .model_files import LANDMARKS
from .regions import Region, region_about, turn
from .tracks import LANDMARK_COUNT, LANDMARK_INDEX, LANDMARK_MIRROR, PART_LANDMARKS, PARTS

INPUT_SIZE = 256
#: Beside the 33 landmarks the model gives auxiliary ones; these two span the region of the next frame.
_MODEL_POINTS = 39
_HIPS, _RIM = 33, 34
_KERNEL_RADIUS = 3
_MIN_HEATMAP_CONFIDENCE = 0.5
_OTHER_SIDE = np.array(LANDMARK_MIRROR)
#: Two answers that lie further apart, in sides of the region, are of different bodies.
_SAME_BODY = 0.1
#: Sides of the body that lie nearer to each other cannot be told to be exchanged.
_SIDES_APART = 0.03
_NONE_EXCHANGED = np.zeros(len(PARTS), dtype=bool)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """One person in one frame.

    Attributes:
        presence: probability in [0, 1] that a person is in the region.
        image: (33, 3) pixel x, pixel y, visibility in [0, 1].
        world: (33, 3) metres, camera axes (x right, y down, z forward), the middle of the hips at the origin.
        next_region: where to look in the next frame.
        exchanged: (4,) bool, of which ``PARTS`` the mirror image has left and right exchanged.
    """

    presence: float
    image: NDArray[np.float64]
    world: NDArray[np.float64]
    next_region: Region
    exchanged: NDArray[np.bool_]

    @property
    def box(self) -> NDArray[np.float64]:
        """(4,) x, y, width, height about the landmarks."""
        low, high = self.image[:, :2].min(axis=0), self.image[:, :2].max(axis=0)
        return np.concatenate((low, high - low))


class LandmarkModel:
    """Finds the 33 landmarks of the person in a region.

    Args:
        threads: processor threads for the model.
        name: which of BlazePose's landmark models, one of ``model_files.LANDMARKS``.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._interpreter = interpreter(LANDMARKS[name].find(), threads)
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        by_shape = {tuple(output["shape"]): output["index"] for output in self._interpreter.get_output_details()}
        self._points = by_shape[1, _MODEL_POINTS * 5]
        self._presence = by_shape[1, 1]
        self._heatmaps = by_shape[1, 64, 64, _MODEL_POINTS]
        self._world = by_shape[1, _MODEL_POINTS * 3]

    def find(self, image: NDArray[np.uint8], region: Region) -> Landmarks:
        """(H, W, 3) RGB and where to look -> landmarks in pixels of the image, as mediapipe has them."""
        return _in_picture(self._answer(region.crop(image, INPUT_SIZE)), _NONE_EXCHANGED, region)

    def find_twice(self, image: NDArray[np.uint8], region: Region) -> Landmarks:
        """The mean of what is found, as :meth:`find` does, and of what is found in a mirror."""
        crop = region.crop(image, INPUT_SIZE)
        answer, again = self._answer(crop), mirrored(self._answer(crop[:, ::-1]))
        return _in_picture(*merged(answer, again), region)

    def _answer(self, crop: NDArray[np.uint8]) -> Answer:
        self._interpreter.set_tensor(self._input, crop.astype(np.float32)[None] / np.float32(255))
        self._interpreter.invoke()
        points = self._interpreter.get_tensor(self._points).reshape(_MODEL_POINTS, 5).astype(np.float64)
        world = self._interpreter.get_tensor(self._world).reshape(_MODEL_POINTS, 3)[:LANDMARK_COUNT]
        return Answer(
            presence=float(self._interpreter.get_tensor(self._presence)[0, 0]),
            places=refine(points[:, :2] / INPUT_SIZE, self._interpreter.get_tensor(self._heatmaps)[0]),
            visibility=_sigmoid(points[:LANDMARK_COUNT, 3]),
            world=world.astype(np.float64),
        )


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model says of a square picture.

    Attributes:
        presence: probability in [0, 1] that a person is in it.
        places: (39, 2) of landmarks and auxiliary points, each axis 0 to 1.
        visibility: (33,) in [0, 1].
        world: (33, 3) metres, x to the right of the picture, y down, z away from who looks.
    """

    presence: float
    places: NDArray[np.float64]
    visibility: NDArray[np.float64]
    world: NDArray[np.float64]


def mirrored(answer: Answer) -> Answer:
    """What an answer about a picture's mirror image says about the picture."""
    order = np.concatenate((_OTHER_SIDE, np.arange(LANDMARK_COUNT, _MODEL_POINTS)))
    return Answer(
        answer.presence,
        answer.places[order] * (-1, 1) + (1, 0),
        answer.visibility[_OTHER_SIDE],
        answer.world[_OTHER_SIDE] * (-1, 1, 1),
    )


def merged(first: Answer, second: Answer) -> tuple[Answer, NDArray[np.bool_]]:
    """The mean of two answers about a picture, as far as they agree, and (4,) which ``PARTS`` the second exchanged.

    What is exchanged remains as the first has it, and so does its 3D, which is built on the whole body. So does all if
    the second is about somebody else. Presence and auxiliary points, which lead to the next frame, are the first's.
    """
    landmarks, others = first.places[:LANDMARK_COUNT], second.places[:LANDMARK_COUNT]
    apart, crossed = (np.linalg.norm(landmarks - seen, axis=-1) for seen in (others, others[_OTHER_SIDE]))
    of_parts = [(apart[part].mean(), crossed[part].mean()) for part in PART_LANDMARKS.values()]
    exchanged = np.array([across < straight and straight > _SIDES_APART for straight, across in of_parts])
    if np.mean([min(pair) for pair in of_parts]) > _SAME_BODY:
        return first, _NONE_EXCHANGED
    agreed = np.ones(LANDMARK_COUNT, dtype=bool)
    for part, there in zip(PART_LANDMARKS.values(), exchanged, strict=True):
        agreed[part] &= ~there
    agreed[: LANDMARK_INDEX["left_shoulder"]] = not exchanged[0]  # a face turns with its shoulders
    places = first.places.copy()
    places[:LANDMARK_COUNT][agreed] = (landmarks + others)[agreed] / 2
    mean = Answer(
        first.presence,
        places,
        np.where(agreed, (first.visibility + second.visibility) / 2, first.visibility),
        first.world if exchanged.any() else (first.world + second.world) / 2,
    )
    return mean, exchanged


def _in_picture(answer: Answer, exchanged: NDArray[np.bool_], region: Region) -> Landmarks:
    pixels = region.to_picture(answer.places)
    return Landmarks(
        presence=answer.presence,
        image=np.column_stack((pixels[:LANDMARK_COUNT], answer.visibility)),
        world=np.concatenate((turn(answer.world[:, :2], region.angle), answer.world[:, 2:]), axis=-1),
        next_region=region_about(pixels[_HIPS], pixels[_RIM]),
        exchanged=exchanged,
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
