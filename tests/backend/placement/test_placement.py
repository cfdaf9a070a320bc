from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.demo.choreography import perform
from backend.placement import (
    CameraError,
    CameraPath,
    PersonSeen,
    Placed,
    camera_stays,
    intrinsics,
    moving_camera_path,
    place,
    turning_camera_path,
)
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_LEVEL_CAMERA
from smpl_rig.contacts import contact_probabilities
from smpl_rig.kinematics import forward_kinematics
from smpl_rig.motion import Motion
from smpl_rig.skeleton import INDEX


@given(st.integers(64, 8000), st.integers(64, 8000), st.floats(10, 120))
def test_field_of_view_spans_the_width(width: int, height: int, fov_deg: float) -> None:
    K = intrinsics((width, height), fov_deg=fov_deg)
    edge = np.degrees(np.arctan2(width / 2, K[0, 0]))
    assert edge * 2 == pytest.approx(fov_deg)


def test_focal_length_is_the_diagonal_when_nothing_is_known() -> None:
    assert intrinsics((300, 400))[0, 0] == pytest.approx(500)


@pytest.mark.parametrize(
    "arguments", [{"fov_deg": 50.0, "focal_px": 900.0}, {"fov_deg": 0.0}, {"fov_deg": 180.0}, {"focal_px": -1.0}]
)
def test_refuses_an_impossible_camera(arguments: dict[str, float]) -> None:
    with pytest.raises(CameraError):
        intrinsics((1280, 720), **arguments)


@pytest.mark.parametrize("pitch_deg", [-8.0, 0.0, 8.0])
def test_a_performance_comes_back_to_the_floor(rest_joints: np.ndarray, pitch_deg: float) -> None:
    """A known motion seen by a known camera: floor, upright and planted feet are found again."""
    truth = perform(rest_joints, 30.0)
    pitch = rotations.to_matrix(rotations.exp(np.array([np.radians(pitch_deg), 0, 0])))
    world_from_camera, stands = pitch @ WORLD_FROM_LEVEL_CAMERA, np.array([0.2, -4, 1.4])
    local = truth.local_rotations.copy()
    camera_from_world = rotations.from_matrix(world_from_camera.T)
    local[:, 0] = rotations.multiply(camera_from_world, local[:, 0])
    transl = (truth.joints_world[:, 0] - stands) @ world_from_camera - rest_joints[0]
    observed = np.ones(len(transl), dtype=bool)
    placed = place(PersonSeen(rotations.to_matrix(local), transl, rest_joints, truth.timestamps_s, observed))

    _, joints = forward_kinematics(placed.local_rotations, rest_joints, placed.trans)
    # the pitch is found but for what the prior of a level camera and the walker's own lean leave of it
    assert np.abs(joints[..., 2] - truth.joints_world[..., 2]).max() < 0.12
    lowest = joints[:, [7, 8, 10, 11], 2].min(axis=1)
    assert np.median(np.abs(lowest - truth.joints_world[:, [7, 8, 10, 11], 2].min(axis=1))) < 0.03
    planted = np.stack([placed.contacts[:, :2].max(axis=1), placed.contacts[:, 2:].max(axis=1)], axis=-1)
    assert planted[truth.planted].mean() > 0.6
    middle_of_swing = ~truth.planted & ~np.roll(truth.planted, 3, axis=0) & ~np.roll(truth.planted, -3, axis=0)
    assert planted[middle_of_swing].mean() < 0.3


def test_the_camera_maps_camera_joints_to_world_joints(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=30)
    rest, local = motion.rest_joints.astype(float), motion.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(WORLD_FROM_LEVEL_CAMERA.T), local[:, 0])
    transl = (motion.pelvis_world - [0, -3, 1]) @ WORLD_FROM_LEVEL_CAMERA - rest[0]
    placed = place(PersonSeen(rotations.to_matrix(local), transl, rest, motion.timestamps_s, motion.observed))
    _, in_camera = forward_kinematics(local, rest, transl)
    _, in_world = forward_kinematics(placed.local_rotations, rest, placed.trans)
    matrix = placed.world_from_camera[0]
    moved = in_world - (in_camera @ matrix[:3, :3].T + matrix[:3, 3])
    # planted feet may move the body as a whole, and hardly across the view
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1], moved.shape), atol=1e-9)
    seen_at = in_world[:, 0] - matrix[:3, 3]
    ray = seen_at / np.linalg.norm(seen_at, axis=-1, keepdims=True)
    assert np.linalg.norm(np.cross(moved[:, 0], ray), axis=-1).max() < 0.02


def test_a_distance_that_wanders_is_told_by_planted_feet(rest_joints: np.ndarray) -> None:
    """A known motion whose distance from the camera comes and goes by three parts in a hundred."""
    truth = perform(rest_joints, 30.0)
    camera = np.array([0, -4.6, 1.35])
    local = truth.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(WORLD_FROM_LEVEL_CAMERA.T), local[:, 0])
    pelvis = (truth.joints_world[:, 0] - camera) @ WORLD_FROM_LEVEL_CAMERA
    wandering = pelvis * (1 + 0.03 * np.sin(2 * np.pi * truth.timestamps_s / 0.8))[:, None]
    observed = np.ones(len(local), dtype=bool)
    placed = place(
        PersonSeen(rotations.to_matrix(local), wandering - rest_joints[0], rest_joints, truth.timestamps_s, observed)
    )
    _, joints = forward_kinematics(placed.local_rotations, rest_joints, placed.trans)

    def drift(ankles: np.ndarray) -> float:
        still = truth.planted[1:] & truth.planted[:-1]
        return float(np.linalg.norm(np.diff(ankles, axis=0), axis=-1)[still].mean())

    ankles = [INDEX["left_ankle"], INDEX["right_ankle"]]
    seen = truth.joints_world[:, ankles] + (wandering - pelvis)[:, None] @ WORLD_FROM_LEVEL_CAMERA.T
    assert drift(joints[:, ankles]) < drift(seen) / 2
    distance = (joints[:, 0] - placed.world_from_camera[:, :3, 3])[:, 1]
    assert np.std(distance - pelvis[:, 2]) < np.std(wandering[:, 2] - pelvis[:, 2]) / 1.5


@pytest.mark.parametrize("aside", [0.0, 1.6])
def test_who_squats_and_seems_to_go_away_stays_where_they_stand(rest_joints: np.ndarray, aside: float) -> None:
    """Bent legs may look like somebody farther away; but their feet do not move in the picture."""
    truth = perform(rest_joints, 30.0)
    camera = np.array([aside, -3.5, 1.4])
    local = truth.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(WORLD_FROM_LEVEL_CAMERA.T), local[:, 0])
    pelvis = (truth.joints_world[:, 0] - camera) @ WORLD_FROM_LEVEL_CAMERA
    feet = (truth.joints_world[:, [INDEX["left_ankle"], INDEX["right_ankle"]]].mean(axis=1) - camera) @ (
        WORLD_FROM_LEVEL_CAMERA
    )
    squatting = truth.joints_world[0, 0, 2] - truth.joints_world[:, 0, 2]
    away = 0.3 * np.clip(squatting / squatting.max(), 0, None)[:, None]
    observed = np.ones(len(local), dtype=bool)
    seen = PersonSeen(
        rotations.to_matrix(local), pelvis + away * feet - rest_joints[0], rest_joints, truth.timestamps_s, observed
    )
    placed = place(seen)
    _, joints = forward_kinematics(placed.local_rotations, rest_joints, placed.trans)
    ankles = joints[:, [INDEX["left_ankle"], INDEX["right_ankle"]]]
    squat = truth.planted.all(axis=1) & (np.arange(len(local)) > np.argmax(squatting > 0.05))
    assert np.linalg.norm(away * feet, axis=-1)[squat].max() > 0.9
    assert np.linalg.norm(np.ptp(ankles[squat], axis=0), axis=-1).max() < 0.3


def test_nobody_in_contact_where_nobody_was_observed() -> None:
    still = np.zeros((10, 4, 3))
    observed = np.arange(10) < 5
    contacts = contact_probabilities(still, np.arange(10) / 30, observed, np.array([0.0, 1.0, 0.0]))
    assert (contacts[:5] > 0.9).all()
    assert (contacts[5:] == 0).all()


def test_a_camera_that_turns_sees_the_same_world(rest_joints: np.ndarray) -> None:
    """Panned after the walker, tilted and shaken, it finds the path that it finds standing still."""
    truth = perform(rest_joints, 30.0)
    stands, times = np.array([0, -4.0, 1.4]), truth.timestamps_s
    shake = np.radians(1.5) * np.sin(2 * np.pi * times[:, None] * (0.7, 1.1, 1.3) + (0, 1, 2))
    shake[:, 1] += np.radians(30) * np.sin(np.pi * times / times[-1])
    turns = rotations.to_matrix(rotations.exp(shake))
    observed = np.ones(len(times), dtype=bool)
    found = []
    for cameras in (np.tile(WORLD_FROM_LEVEL_CAMERA, (len(times), 1, 1)), WORLD_FROM_LEVEL_CAMERA @ turns):
        local = truth.local_rotations.copy()
        local[:, 0] = rotations.multiply(rotations.from_matrix(cameras.swapaxes(1, 2)), local[:, 0])
        pelvis = np.einsum("tji,tj->ti", cameras, truth.joints_world[:, 0] - stands)
        turned = cameras[0].T @ cameras
        placed = place(
            PersonSeen(rotations.to_matrix(local), pelvis - rest_joints[0], rest_joints, times, observed, turned),
            camera_path=turning_camera_path,  # feet rest already, so that it is sent nowhere
        )
        np.testing.assert_array_equal(np.ptp(placed.world_from_camera[:, :3, 3], axis=0), 0)
        _, joints = forward_kinematics(placed.local_rotations, rest_joints, placed.trans)
        back = np.einsum(
            "tji,tpj->tpi", placed.world_from_camera[:, :3, :3], joints - placed.world_from_camera[0, :3, 3]
        )
        seen = back[:, 0] / back[:, :1, 2]
        np.testing.assert_allclose(seen, pelvis / pelvis[:, 2:], atol=0.01)
        found.append(joints)
    assert np.abs(found[1] - found[0])[..., 2].max() < 0.05
    moved = [joints[:, 0, :2] - joints[0, 0, :2] for joints in found]
    assert np.linalg.norm(np.diff(moved[0], axis=0) - np.diff(moved[1], axis=0), axis=-1).max() < 0.01
    assert np.linalg.norm(moved[0] - moved[1], axis=-1).max() < 0.1


def test_feet_tell_where_a_moving_camera_goes(rest_joints: np.ndarray) -> None:
    """It is driven past the walker, 3.4 m in four seconds, and looks at them all the time."""
    truth = perform(rest_joints, 30.0)
    times, observed = truth.timestamps_s, np.ones(len(truth.timestamps_s), dtype=bool)
    stands = np.array([-1.5, -4.0, 1.4]) + (times**2 * (6 - times) / 9.4)[:, None] * (1.0, 0.1, 0)
    heading = np.arctan2(*(truth.joints_world[:, 0] - stands)[:, :2].T)
    cameras = rotations.to_matrix(rotations.exp(-heading[:, None] * (0, 0, 1))) @ WORLD_FROM_LEVEL_CAMERA
    local = truth.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(cameras.swapaxes(1, 2)), local[:, 0])
    transl = np.einsum("tji,tj->ti", cameras, truth.joints_world[:, 0] - stands) - rest_joints[0]
    seen = PersonSeen(rotations.to_matrix(local), transl, rest_joints, times, observed, cameras[0].T @ cameras)
    moved = []
    for camera_path in (camera_stays, moving_camera_path, turning_camera_path):
        placed = place(seen, camera_path=camera_path)
        # the first camera looks along y
        turn = cameras[0] @ WORLD_FROM_LEVEL_CAMERA.T
        path = (placed.trans - placed.trans[0]) @ turn.T - (truth.trans - truth.trans[0])
        moved.append(np.linalg.norm(path[:, :2], axis=-1).max())
        _, joints = forward_kinematics(placed.local_rotations, rest_joints, placed.trans)
        back = np.einsum(
            "tji,tj->ti", placed.world_from_camera[:, :3, :3], joints[:, 0] - placed.world_from_camera[:, :3, 3]
        )
        np.testing.assert_allclose(
            back[:, :2] / back[:, 2:], (transl + rest_joints[0])[:, :2] / (transl + rest_joints[0])[:, 2:], atol=0.02
        )
    assert moved[0] > 3
    assert moved[1] < 0.3
    assert moved[2] < 0.3, "the feet are believed before a background that is too far away to show it"


def _circled(rest_joints: np.ndarray, body: np.ndarray, times: np.ndarray, path: CameraPath) -> Placed:
    """Where somebody in a T-pose goes whose way ``body`` (T, 3) is seen from a camera that goes around them."""
    count = len(times)
    around = np.radians(40) * times / times[-1]
    stands = np.column_stack((4 * np.sin(around), -4 * np.cos(around), np.full(count, 1.4)))
    cameras = rotations.to_matrix(rotations.exp(around[:, None] * (0, 0, 1))) @ WORLD_FROM_LEVEL_CAMERA
    local = np.tile([1.0, 0, 0, 0], (count, 24, 1))
    local[:, 0] = rotations.from_matrix(
        cameras.swapaxes(1, 2) @ rotations.to_matrix(rotations.exp(np.array([np.pi / 2, 0, 0])))
    )
    transl = np.einsum("tji,tj->ti", cameras, body - stands) - rest_joints[0]
    observed = np.ones(count, dtype=bool)
    turns = cameras[0].T @ cameras
    return place(PersonSeen(rotations.to_matrix(local), transl, rest_joints, times, observed, turns), path)


def test_whom_a_camera_goes_around_stays_though_no_foot_rests(rest_joints: np.ndarray) -> None:
    """They hop and slip about on the spot, so that no foot tells of the camera, 2.8 m of it."""
    times = np.arange(120) / 30
    body = np.column_stack(
        (0.2 * np.sin(9 * times), 0.2 * np.cos(7 * times), 1.0 + 0.25 * np.abs(np.sin(2 * np.pi * times)))
    )
    placed = _circled(rest_joints, body, times, moving_camera_path)
    went = placed.trans[:, :2] - placed.trans[0, :2]
    assert np.linalg.norm(went, axis=-1).max() < 1.0
    stayed = _circled(rest_joints, body, times, camera_stays).trans
    assert np.linalg.norm(stayed[:, :2] - stayed[0, :2], axis=-1).max() > 2.0


def test_nobody_tells_nothing_of_a_moving_camera(rest_joints: np.ndarray) -> None:
    truth = perform(rest_joints, 30.0)
    nobody = np.zeros(len(truth.timestamps_s), dtype=bool)
    matrices = rotations.to_matrix(truth.local_rotations)
    seen = PersonSeen(matrices, truth.trans, rest_joints, truth.timestamps_s, nobody)
    moving = place(seen, camera_path=moving_camera_path)
    staying = place(seen)
    np.testing.assert_allclose(moving.trans, staying.trans, atol=1e-6)
