"""Which way is up, for bodies whose pose and whose camera are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.placement.gravity import world_from_camera_rotation
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.skeleton import INDEX

FRAMES = 300
TIMES = np.arange(FRAMES) / 30


def posed(
    rest_joints: np.ndarray, world_from_camera: np.ndarray, body: np.ndarray, **joints: tuple[float, ...]
) -> np.ndarray:
    """(T, 24, 3) in camera axes: the body turned in the world by a quaternion, joints turned by degrees."""
    local = np.tile(rotations.IDENTITY, (FRAMES, 24, 1))
    local[:, 0] = rotations.multiply(body, rotations.from_matrix(WORLD_FROM_BODY))
    for name, degrees in joints.items():
        local[:, INDEX[name]] = rotations.exp(np.radians(np.array(degrees)))
    _, positions = forward_kinematics(local, rest_joints, np.zeros((FRAMES, 3)))
    return positions @ world_from_camera


def tilted(pitch_deg: float, roll_deg: float) -> np.ndarray:
    turn = rotations.exp(np.radians(np.array([pitch_deg, roll_deg, 0.0])))
    return rotations.to_matrix(turn) @ WORLD_FROM_LEVEL_CAMERA


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Between the world's up by the one and by the other."""
    return float(np.degrees(np.arccos(np.clip(a[2] @ b[2], -1, 1))))


SEEN = np.ones(FRAMES, dtype=bool)


@given(pitch_deg=st.floats(-25, 25), roll_deg=st.floats(-15, 15), heading=st.floats(-np.pi, np.pi))
def test_standing_straight_shows_the_tilt(
    rest_joints: np.ndarray, pitch_deg: float, roll_deg: float, heading: float
) -> None:
    camera = tilted(pitch_deg, roll_deg)
    joints = posed(rest_joints, camera, rotations.exp(np.array([0, 0, heading])))
    found = world_from_camera_rotation(joints, SEEN, TIMES)
    np.testing.assert_allclose(found @ found.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(found) == pytest.approx(1)
    truly = angle_deg(camera, WORLD_FROM_LEVEL_CAMERA)
    # the neck is not exactly above the ankles, and some trust stays with a level camera
    assert angle_deg(found, camera) < 2.5 + 0.12 * truly


@pytest.mark.parametrize(
    ("pose", "joints"),
    [
        ("lying", {}),
        ("bowing", {"left_hip": (-50, 0, 0), "right_hip": (-50, 0, 0)}),
        (
            "sitting",
            {"left_hip": (-80, 0, 0), "right_hip": (-80, 0, 0), "left_knee": (80, 0, 0), "right_knee": (80, 0, 0)},
        ),
    ],
)
def test_who_does_not_stand_tilts_nothing(
    rest_joints: np.ndarray, pose: str, joints: dict[str, tuple[float, ...]]
) -> None:
    lean = {"lying": 90, "bowing": 50, "sitting": 30}[pose]
    body = rotations.exp(np.radians(np.array([lean, 0.0, 0.0])))
    placed = posed(rest_joints, WORLD_FROM_LEVEL_CAMERA, body, **joints)
    np.testing.assert_array_equal(world_from_camera_rotation(placed, SEEN, TIMES), WORLD_FROM_LEVEL_CAMERA)


def test_nobody_tilts_nothing(rest_joints: np.ndarray) -> None:
    joints = posed(rest_joints, tilted(20, 0), rotations.IDENTITY)
    nobody = np.zeros(FRAMES, dtype=bool)
    np.testing.assert_array_equal(world_from_camera_rotation(joints, nobody, TIMES), WORLD_FROM_LEVEL_CAMERA)


def test_a_moment_says_less_than_a_while(rest_joints: np.ndarray) -> None:
    camera = tilted(15, 0)
    joints = posed(rest_joints, camera, rotations.IDENTITY)
    moment = world_from_camera_rotation(joints[:3], SEEN[:3], TIMES[:3])
    a_while = world_from_camera_rotation(joints, SEEN, TIMES)
    assert angle_deg(a_while, camera) < angle_deg(moment, camera) < 15


def test_who_stands_in_a_picture_says_more_than_who_passes_through_standing(rest_joints: np.ndarray) -> None:
    camera = tilted(20, 0)
    bent = {"left_hip": (-80, 0, 0), "right_hip": (-80, 0, 0), "left_knee": (80, 0, 0), "right_knee": (80, 0, 0)}
    standing = posed(rest_joints, camera, rotations.IDENTITY)
    passing = np.concatenate((posed(rest_joints, camera, rotations.IDENTITY, **bent)[:27], standing[:3]))
    picture = world_from_camera_rotation(standing[:1], SEEN[:1], TIMES[:1])
    moment = world_from_camera_rotation(passing, SEEN[:30], TIMES[:30])
    # one witness of 8 degrees against a prior of 10 is believed by 0.61
    assert angle_deg(picture, camera) == pytest.approx(20 * (1 - 100 / 164), abs=2.5)
    assert angle_deg(moment, camera) > 0.7 * 20


@given(pitch_deg=st.floats(-25, 25))
def test_a_wide_pan_shows_the_vertical(rest_joints: np.ndarray, pitch_deg: float) -> None:
    """Even while nobody stands straight: the camera looks down all the time, and turns by 120 degrees."""
    pan = np.zeros((FRAMES, 3))
    pan[:, 2] = np.radians(np.linspace(-60, 60, FRAMES))
    cameras = rotations.to_matrix(rotations.exp(pan)) @ tilted(pitch_deg, 0)
    nobody = np.zeros(FRAMES, dtype=bool)
    joints = posed(rest_joints, cameras[0], rotations.IDENTITY)
    found = world_from_camera_rotation(joints, nobody, TIMES, cameras[0].T @ cameras)
    assert np.linalg.det(found) == pytest.approx(1)
    assert angle_deg(found, cameras[0]) < 0.4 * abs(pitch_deg) + 1e-3


def test_a_camera_that_does_not_turn_is_as_one_that_stands_still(rest_joints: np.ndarray) -> None:
    joints = posed(rest_joints, tilted(12, 5), rotations.IDENTITY)
    still = np.tile(np.eye(3), (FRAMES, 1, 1))
    np.testing.assert_array_equal(
        world_from_camera_rotation(joints, SEEN, TIMES, still), world_from_camera_rotation(joints, SEEN, TIMES)
    )
