"""Several people of one camera."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from backend.demo.choreography import perform
from backend.placement import PersonSeen, on_shared_floor, place, shared_rotation
from smpl_rig import rotations
from smpl_rig.axes import WORLD_FROM_BODY, WORLD_FROM_LEVEL_CAMERA
from smpl_rig.motion import Motion

CAMERA_AT = np.array([0.2, -6.0, 1.4])


def pitched(pitch_deg: float) -> np.ndarray:
    """(3, 3) from the axes of a camera to the world."""
    return rotations.to_matrix(rotations.exp(np.radians([pitch_deg, 0.0, 0.0]))) @ WORLD_FROM_LEVEL_CAMERA


def seen(rest_joints: np.ndarray, world_from_camera: np.ndarray, moved: tuple[float, float, float]) -> PersonSeen:
    """The demo's performance somewhere else in the world."""
    truth = perform(rest_joints, 30.0)
    local = truth.local_rotations.copy()
    local[:, 0] = rotations.multiply(rotations.from_matrix(world_from_camera.T), local[:, 0])
    transl = (truth.joints_world[:, 0] + moved - CAMERA_AT) @ world_from_camera - rest_joints[0]
    observed = np.ones(len(transl), dtype=bool)
    return PersonSeen(rotations.to_matrix(local), transl, rest_joints, truth.timestamps_s, observed)


def lying(person: PersonSeen, world_from_camera: np.ndarray) -> PersonSeen:
    """Flat on the back all the time."""
    turns = np.tile(np.eye(3), (len(person.transl), 24, 1, 1))
    on_back = rotations.to_matrix(rotations.exp(np.radians([-90.0, 0.0, 0.0])))
    turns[:, 0] = world_from_camera.T @ on_back @ WORLD_FROM_BODY
    return replace(person, camera_rotations=turns)


def tilt_deg(found: np.ndarray, camera: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(found[2] @ camera[2], -1, 1))))


@pytest.mark.parametrize("pitch_deg", [-12.0, 12.0])
def test_who_lies_is_told_which_way_is_up_by_who_stands(rest_joints: np.ndarray, pitch_deg: float) -> None:
    camera = pitched(pitch_deg)
    stands = seen(rest_joints, camera, (0, 0, 0))
    lies = lying(seen(rest_joints, camera, (1, 0, 0)), camera)
    np.testing.assert_array_equal(shared_rotation([lies]), WORLD_FROM_LEVEL_CAMERA)
    assert tilt_deg(shared_rotation([stands, lies]), camera) < 12 / 2  # who walks leans a little, too
    np.testing.assert_allclose(shared_rotation([lies, stands]), shared_rotation([stands]), atol=1e-12)


def test_two_who_disagree_meet_by_how_long_they_stand(rest_joints: np.ndarray) -> None:
    high, low = (seen(rest_joints, pitched(pitch), (0, 0, 0)) for pitch in (10.0, 0.0))
    short = replace(
        low,
        camera_rotations=low.camera_rotations[:20],
        transl=low.transl[:20],
        times_s=low.times_s[:20],
        observed=low.observed[:20],
    )
    alone = shared_rotation([high])
    even, mostly_high = shared_rotation([high, low]), shared_rotation([high, short])
    assert tilt_deg(even, alone) > tilt_deg(mostly_high, alone) > 0
    assert 3 < tilt_deg(even, WORLD_FROM_LEVEL_CAMERA) < 7


def test_who_stands_on_a_roof_stays_above_who_walks_below(
    rest_joints: np.ndarray, make_motion: Callable[..., Motion]
) -> None:
    camera = pitched(8.0)
    people = [seen(rest_joints, camera, moved) for moved in ((0, 0, 0), (-1, 1, 2.0))]
    turn = shared_rotation(people)
    motions = []
    for person in people:
        placed = place(person, turn=turn)
        motion = make_motion(frames=len(person.transl)).with_pose(placed.local_rotations, placed.trans + rest_joints[0])
        motions.append(replace(motion, world_from_camera=placed.world_from_camera))
    assert (
        abs(motions[0].pelvis_world[:, 2] - motions[1].pelvis_world[:, 2]).max() < 0.2
    )  # each on a floor of their own
    ground, roof = on_shared_floor(motions)
    assert ground is motions[0]
    assert np.median(roof.pelvis_world[:, 2] - ground.pelvis_world[:, 2]) == pytest.approx(2.0, abs=0.25)
    np.testing.assert_allclose(roof.world_from_camera, ground.world_from_camera, atol=1e-6)


def test_floors_that_hardly_differ_are_one(make_motion: Callable[..., Motion]) -> None:
    motion = make_motion(frames=10)
    lower_camera = motion.world_from_camera.copy()
    lower_camera[:, 2, 3] -= 0.3
    motions = [motion, replace(motion, world_from_camera=lower_camera)]
    assert [found is motion for found, motion in zip(on_shared_floor(motions), motions, strict=True)] == [True, True]
    assert on_shared_floor([]) == []
