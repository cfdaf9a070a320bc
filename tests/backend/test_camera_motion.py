"""A camera that is known looks at a picture of noise, and somebody walks through it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.camera_motion import CameraWatch, common_turn
from backend.footage import Frame
from backend.placement import intrinsics
from smpl_rig import rotations

WIDTH, HEIGHT, RATE = 640, 360, 10.0
K = intrinsics((WIDTH, HEIGHT))


@pytest.fixture(scope="module")
def backdrop() -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 255, (HEIGHT // 12, WIDTH // 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def seen_by(backdrop: np.ndarray, pan_deg: float) -> np.ndarray:
    """What a camera that was turned to the right sees of a far backdrop."""
    turn = rotations.to_matrix(rotations.exp(np.radians(np.array([0, -pan_deg, 0]))))
    shifted = cv2.warpPerspective(backdrop, K @ turn @ np.linalg.inv(K), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(shifted, dtype=np.uint8)


def test_says_how_far_a_camera_turns(backdrop: np.ndarray) -> None:
    watch = CameraWatch(K)
    for index, pan_deg in enumerate(np.linspace(0, 12, 25)):
        watch.add(Frame(index, index / RATE, seen_by(backdrop, pan_deg)), [])
    assert np.degrees(watch.widest_rad) == pytest.approx(12, abs=0.6)
    (warning,) = watch.warnings()
    assert "The camera turns by 12 degrees" in warning


def test_a_person_who_fills_the_picture_does_not_turn_a_camera(backdrop: np.ndarray) -> None:
    watch, person = CameraWatch(K), np.random.default_rng(4).integers(0, 255, (300, 260, 3), dtype=np.uint8)
    for index, left in enumerate(np.linspace(10, 370, 25).astype(int)):
        image = backdrop.copy()
        image[40:340, left : left + 260] = person
        watch.add(Frame(index, index / RATE, image), [np.array([left, 40.0, 260.0, 300.0])])
    assert watch.widest_rad == 0
    assert watch.warnings() == []


def test_a_plain_wall_tells_nothing() -> None:
    watch = CameraWatch(K)
    for index in range(5):
        watch.add(Frame(index, index / RATE, np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)), [])
    assert watch.warnings() == []


@given(st.tuples(*[st.floats(-0.2, 0.2)] * 3), st.integers(0, 10))
def test_finds_the_turn_that_most_agree_on(vector: tuple[float, ...], seed: int) -> None:
    chance = np.random.default_rng(seed)
    rays = chance.normal(size=(60, 3)) * (0.3, 0.2, 0) + (0, 0, 1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    turn = rotations.to_matrix(rotations.exp(np.array(vector)))
    wanted = rays @ turn.T
    wanted[:20] = chance.normal(size=(20, 3))
    found = common_turn(rays, wanted, 1e-3, chance)
    np.testing.assert_allclose(found, turn, atol=1e-6)
    assert np.linalg.det(found) == pytest.approx(1)


def test_no_turn_where_nobody_agrees() -> None:
    chance = np.random.default_rng(0)
    scattered = chance.normal(size=(2, 60, 3))
    np.testing.assert_array_equal(common_turn(*scattered, 1e-3, chance), np.eye(3))
