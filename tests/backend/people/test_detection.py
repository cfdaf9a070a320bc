from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backend.people import detection
from backend.people.detection import PersonDetector


def test_anchors_are_those_of_the_model() -> None:
    """2 x 28² + 2 x 14² + 3 layers x 2 x 7² cells, each layer's centres in reading order."""
    centres = detection.anchors()
    assert centres.shape == (2254, 2)
    np.testing.assert_allclose(centres[:3], [[0.5 / 28, 0.5 / 28]] * 2 + [[1.5 / 28, 0.5 / 28]])
    np.testing.assert_allclose(centres[2 * 28], [0.5 / 28, 1.5 / 28])
    np.testing.assert_allclose(centres[2 * 28 * 28], [0.5 / 14, 0.5 / 14])
    np.testing.assert_allclose(centres[2 * (28 * 28 + 14 * 14) : 2 * (28 * 28 + 14 * 14) + 6], [[0.5 / 7, 0.5 / 7]] * 6)
    np.testing.assert_allclose(centres[-1], [6.5 / 7, 6.5 / 7])


def test_decoding_adds_the_anchor() -> None:
    centres = np.array([[0.25, 0.5], [0.75, 0.5]])
    raw = np.zeros((2, 12))
    raw[0] = [22.4, -11.2, 44.8, 89.6, *[0.0, 22.4] * 4]
    points, scores = detection.decode(raw, np.array([0.9, 0.4]), centres)
    assert scores.tolist() == [0.9]
    np.testing.assert_allclose(points[0, :2], [[0.25, 0.25], [0.45, 0.65]])
    np.testing.assert_allclose(points[0, 2:], [[0.25, 0.6]] * 4)


def _points(left: float, top: float, side: float) -> np.ndarray:
    corners = np.array([[left, top], [left + side, top + side]])
    return np.concatenate((corners, np.tile(corners.mean(axis=0), (4, 1))))


def test_overlapping_boxes_are_averaged_by_score() -> None:
    points = np.array([_points(0.1, 0.1, 0.2), _points(0.12, 0.1, 0.2), _points(0.6, 0.6, 0.2)])
    groups = detection.suppress(points, np.array([0.6, 0.9, 0.7]))
    assert [group.score for group in groups] == [0.9, 0.7]
    np.testing.assert_allclose(groups[0].points, (0.6 * points[0] + 0.9 * points[1]) / 1.5)
    np.testing.assert_allclose(groups[1].points, points[2])


def test_no_boxes_give_no_groups() -> None:
    assert detection.suppress(np.empty((0, 6, 2)), np.empty(0)) == []


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 1.0), (0.1, 1 / 3), (0.2, 0.0), (0.5, 0.0)])
def test_intersection_over_union(shift: float, expected: float) -> None:
    box = _points(0.1, 0.1, 0.2)[:2]
    moved = box + np.array([shift, 0])
    np.testing.assert_allclose(detection.intersection_over_union(box, moved[None]), [expected], atol=1e-12)


def _assert_found(detector: PersonDetector, golden: object, tolerance: float) -> None:
    hips, rim = golden.keypoints[:2]  # type: ignore[attr-defined]
    side = 2.5 * np.linalg.norm(rim - hips)
    found = detector.detect(golden.image)  # type: ignore[attr-defined]
    off = [np.hypot(one.region.x - hips[0], one.region.y - hips[1]) / side for one in found]
    best = found[int(np.argmin(off))]
    assert min(off) < tolerance
    assert best.region.side == pytest.approx(side, rel=2 * tolerance)


def test_regions_are_mediapipes_on_rendered_pictures(detector: PersonDetector, rendered: dict) -> None:
    """Not to the pixel: the picture is made smaller here without aliasing, by mediapipe with it."""
    assert len(rendered) == 4
    for golden in rendered.values():
        _assert_found(detector, golden, 0.03)


@pytest.mark.parametrize("clip", ["hybrik_taiji.mp4", "phalp_vid_moving_camera.mp4"])
def test_regions_are_mediapipes_on_real_frames(detector: PersonDetector, real_frames: Callable, clip: str) -> None:
    for golden in real_frames(clip):
        _assert_found(detector, golden, 0.03)


def test_nobody_is_found_where_nobody_is(detector: PersonDetector) -> None:
    assert detector.detect(np.full((120, 300, 3), 128, np.uint8)) == []
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert detector.detect(noise) == []
