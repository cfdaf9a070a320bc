"""A camera that is known turns before a far backdrop of noise, and somebody walks through its picture."""

import cv2
import numpy as np
import pytest

from backend.camera_motion import CameraMotion, CameraWatch
from backend.camera_motion.turns import angles
from backend.footage import Frame
from backend.placement import intrinsics
from smpl_rig import rotations

WIDTH, HEIGHT, RATE = 640, 360, 10.0
K = intrinsics((WIDTH, HEIGHT))
#: The backdrop surrounds the camera; a pixel of it is so wide.
PIXEL_RAD = np.radians(0.1)


@pytest.fixture(scope="module")
def backdrop() -> np.ndarray:
    noise = np.random.default_rng(3).integers(0, 255, (45, 180, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (3600, 900), interpolation=cv2.INTER_CUBIC))


def turned(pan_deg: np.ndarray, tilt_deg: np.ndarray, roll_deg: np.ndarray) -> np.ndarray:
    """(T, 3, 3) from the camera's axes to those of the world: to the right, down, clockwise."""
    pan, tilt, roll = (
        rotations.exp(np.radians(degrees)[:, None] * axis)
        for degrees, axis in ((pan_deg, (0, 1, 0)), (tilt_deg, (-1, 0, 0)), (roll_deg, (0, 0, 1)))
    )
    return rotations.to_matrix(rotations.multiply(pan, rotations.multiply(tilt, roll)))


def seen(backdrop: np.ndarray, turn: np.ndarray, lens: np.ndarray = K) -> np.ndarray:
    """(H, W, 3) what a camera at the middle of the backdrop sees."""
    across, down = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    rays = np.stack((across, down, np.ones_like(across)), axis=-1) @ np.linalg.inv(lens).T @ turn.T
    yaw = np.arctan2(rays[..., 0], rays[..., 2])
    pitch = np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
    maps = (yaw / PIXEL_RAD + 1800).astype(np.float32), (pitch / PIXEL_RAD + 450).astype(np.float32)
    return np.asarray(cv2.remap(backdrop, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))


def watched(images: list[np.ndarray], focal_known: bool = True, people: np.ndarray | None = None) -> CameraMotion:
    watch = CameraWatch(K, focal_known)
    for index, image in enumerate(images):
        watch.add(Frame(index, index / RATE, image), [] if people is None else [people[index]])
    return watch.finish()


def errors_deg(motion: CameraMotion, truth: np.ndarray) -> np.ndarray:
    assert motion.turns is not None
    wanted = truth[0].T @ truth
    return np.degrees(angles(motion.turns.swapaxes(1, 2) @ wanted))


def test_follows_a_pan_there_and_back(backdrop: np.ndarray) -> None:
    """Over 75 degrees, which is more than a picture shows; back where it began, nothing has added up."""
    pan = 37.5 * (1 - np.cos(np.linspace(0, 2 * np.pi, 61)))
    truth = turned(pan, 0.1 * pan, np.zeros(61))
    motion = watched([seen(backdrop, turn) for turn in truth])
    errors = errors_deg(motion, truth)
    assert errors.max() < 0.5
    assert errors[-1] < 0.1
    assert motion.widest_deg == pytest.approx(np.degrees(angles(truth[0].T @ truth)).max(), abs=0.5)
    assert not motion.moves
    assert motion.warnings == []


def test_follows_a_shaking_hand(backdrop: np.ndarray) -> None:
    random = np.random.default_rng(1)
    truth = turned(*random.normal(0, 1.0, (3, 30)))
    assert errors_deg(watched([seen(backdrop, turn) for turn in truth]), truth).max() < 0.1


@pytest.mark.parametrize("factor", [0.75, 1.35])
def test_a_wide_pan_shows_the_focal_length(backdrop: np.ndarray, factor: float) -> None:
    lens = np.diag([factor, factor, 1.0]) @ K
    lens[:2, 2] = K[:2, 2]
    truth = turned(np.linspace(0, 40, 40), np.zeros(40), np.zeros(40))
    motion = watched([seen(backdrop, turn, lens) for turn in truth], focal_known=False)
    assert motion.focal_factor == pytest.approx(factor, rel=0.06)
    assert motion.intrinsics(K)[0, 0] == pytest.approx(factor * K[0, 0], rel=0.06)
    assert errors_deg(motion, truth).max() < 0.06 * 40


def test_a_small_turn_does_not(backdrop: np.ndarray) -> None:
    truth = turned(np.linspace(0, 1, 20), np.zeros(20), np.zeros(20))
    motion = watched([seen(backdrop, turn) for turn in truth], focal_known=False)
    assert motion.focal_factor == 1.0


def test_a_camera_on_a_tripod_stands_still_exactly(backdrop: np.ndarray) -> None:
    """Though its pictures are noisy, and somebody who fills a good part of them walks by."""
    random = np.random.default_rng(4)
    person = random.integers(0, 255, (300, 200, 3), dtype=np.uint8)
    lefts = np.linspace(10, 430, 30).astype(int)
    background, images = seen(backdrop, np.eye(3)).astype(float), []
    for left in lefts:
        image = (background + random.normal(0, 6, background.shape)).clip(0, 255).astype(np.uint8)
        image[40:340, left : left + 200] = person
        images.append(image)
    boxes = np.column_stack((lefts, np.full(30, 40), np.full(30, 200), np.full(30, 300))).astype(float)
    motion = watched(images, people=boxes)
    assert motion == CameraMotion(30) or (motion.turns, motion.warnings) == (None, [])
    assert motion.of(np.arange(30)) is None


def test_what_moves_behind_does_not_turn_the_camera(backdrop: np.ndarray) -> None:
    """A train passes that covers more than half of the picture."""
    still = seen(backdrop, np.eye(3))
    train = cv2.resize(backdrop[200:600, ::-1], (3 * WIDTH, HEIGHT * 6 // 10))
    images = []
    for step in range(30):
        image = still.copy()
        image[: train.shape[0]] = train[:, 8 * step : 8 * step + WIDTH]
        images.append(image)
    assert watched(images).turns is None


def test_a_wall_without_texture_tells_nothing() -> None:
    motion = watched([np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)] * 20)
    assert motion.turns is None
    (warning,) = motion.warnings
    assert "too little is seen behind the people" in warning


def test_bridges_pictures_that_show_nothing(backdrop: np.ndarray) -> None:
    truth = turned(np.linspace(0, 20, 21), np.zeros(21), np.zeros(21))
    images = [seen(backdrop, turn) for turn in truth]
    images[8:11] = [np.full_like(images[0], 90)] * 3
    motion = watched(images)
    assert errors_deg(motion, truth).max() < 0.2
    assert motion.warnings == []


def test_says_so_if_the_camera_moves(backdrop: np.ndarray) -> None:
    """It goes sideways, without turning: what is near passes three times as fast as what is far."""
    far, near = backdrop[:, 200:], backdrop[::-1, 1200:]
    images = []
    for step in range(30):
        image = far[100 : 100 + HEIGHT, 2 * step : 2 * step + WIDTH].copy()
        image[HEIGHT // 2 :] = near[: HEIGHT // 2, 6 * step : 6 * step + WIDTH]
        images.append(image)
    motion = watched(images, focal_known=False)
    assert motion.moves
    assert motion.focal_factor == 1.0
    # what is far alone would make it 4.5 degrees, what is near 13
    assert motion.widest_deg < 3
    (warning,) = motion.warnings
    assert "moves or zooms" in warning
