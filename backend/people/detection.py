"""BlazePose's person detector on LiteRT (Bazarevsky et al. 2020; constants from mediapipe's pose detection graph)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .interpreter import interpreter
from .model_files import DETECTOR
from .regions import Region, region_about

INPUT_SIZE = 224
STRIDES = (8, 16, 32, 32, 32)
ANCHORS_PER_LAYER = 2
MIN_SCORE = 0.5
MIN_OVERLAP = 0.3


@dataclass(frozen=True)
class Detection:
    """A person: score in [0, 1] and the region in which they stand upright."""

    score: float
    region: Region


class PersonDetector:
    """Finds people in a picture or a part of it."""

    def __init__(self, threads: int) -> None:
        self._interpreter = interpreter(DETECTOR.find(), threads)
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._boxes, self._scores = (output["index"] for output in self._interpreter.get_output_details())
        self._anchors = anchors()

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """(H, W, 3) RGB -> detections, best first, in pixels of the image."""
        height, width = image.shape[:2]
        longer = max(height, width)
        scale = INPUT_SIZE / longer
        resized = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        left, top = (INPUT_SIZE - resized.shape[1]) // 2, (INPUT_SIZE - resized.shape[0]) // 2
        letterbox = np.full((1, INPUT_SIZE, INPUT_SIZE, 3), -1, dtype=np.float32)
        letterbox[0, top : top + resized.shape[0], left : left + resized.shape[1]] = resized / np.float32(127.5) - 1
        self._interpreter.set_tensor(self._input, letterbox)
        self._interpreter.invoke()
        raw = self._interpreter.get_tensor(self._boxes)[0]
        logits = np.clip(self._interpreter.get_tensor(self._scores)[0, :, 0].astype(np.float64), -100, 100)
        points, scores = decode(raw, 1 / (1 + np.exp(-logits)), self._anchors)
        offset = np.array([left, top]) / INPUT_SIZE
        found = []
        for group in suppress(points, scores):
            # (6, 2): two corners, then four keypoints, of which the first two are the hips and the rim
            pixels = (group.points - offset) * longer
            found.append(Detection(group.score, region_about(pixels[2], pixels[3])))
        return found


@dataclass(frozen=True)
class Group:
    """Overlapping boxes merged: (6, 2) points in the letterbox, each axis 0 to 1, and the best score."""

    points: NDArray[Any]
    score: float


def anchors() -> NDArray[np.float64]:
    """(2254, 2) centres of the anchors; neighbouring layers of one stride share a grid."""
    centres = []
    for stride in dict.fromkeys(STRIDES):
        cells = INPUT_SIZE // stride
        grid = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(grid, grid, indexing="ij")
        here = np.stack((x, y), axis=-1).reshape(-1, 2)
        centres.append(np.repeat(here, ANCHORS_PER_LAYER * STRIDES.count(stride), axis=0))
    return np.concatenate(centres)


def decode(raw: NDArray[Any], scores: NDArray[Any], centres: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(N, 12) and (N,) -> (M, 6, 2) corners and keypoints in the letterbox, and (M,) scores, of likely people."""
    likely = scores >= MIN_SCORE
    values = raw[likely].reshape(-1, 6, 2) / INPUT_SIZE
    centre = values[:, 0] + centres[likely]
    half = values[:, 1] / 2
    keypoints = values[:, 2:] + centres[likely][:, None]
    points = np.concatenate(((centre - half)[:, None], (centre + half)[:, None], keypoints), axis=1)
    return points, scores[likely]


def suppress(points: NDArray[Any], scores: NDArray[Any]) -> list[Group]:
    """Weighted non-maximum suppression: overlapping boxes are averaged by score rather than dropped."""
    order = np.argsort(-scores, kind="stable")
    groups = []
    while len(order):
        overlap = intersection_over_union(points[order[0], :2], points[order, :2])
        together = overlap > MIN_OVERLAP
        together[0] = True
        members = order[together]
        weights = scores[members] / scores[members].sum()
        groups.append(Group(np.einsum("n,nkc->kc", weights, points[members]), float(scores[order[0]])))
        order = order[~together]
    return groups


def intersection_over_union(box: NDArray[Any], boxes: NDArray[Any]) -> NDArray[Any]:
    """(2, 2) corners against (N, 2, 2) corners -> (N,)."""
    shared = np.clip(np.minimum(box[1], boxes[:, 1]) - np.maximum(box[0], boxes[:, 0]), 0, None).prod(axis=-1)
    areas = (box[1] - box[0]).prod() + (boxes[:, 1] - boxes[:, 0]).prod(axis=-1) - shared
    return np.asarray(shared / np.maximum(areas, 1e-12))
